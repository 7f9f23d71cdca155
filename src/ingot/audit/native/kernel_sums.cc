// Sums of Gaussian kernels between sets of descriptors: ingot/audit/kernels.py in compiled form.
//
// Points are packed in panels: W points side by side, component by component. A tile of MR rows and one panel is a small matrix
// product that stays in registers, and so do its exponentials: no product is ever written to memory. Exponents are in units of
// ln 2: packed points carry a factor sqrt(log2 e) / h, so that K = 2^(y.x - |y|^2/2 - |x|^2/2).

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

namespace {

#if defined(__AVX512F__)
constexpr int BYTES = 64, MR = 8;
#elif defined(__AVX__)
constexpr int BYTES = 32, MR = 4;
#else
constexpr int BYTES = 16, MR = 2;
#endif
constexpr int NV = 3;       // vectors in a panel
constexpr int GROUP = 16;   // components
constexpr int CHUNK = 512;  // columns, at least, whose sums are taken in the working precision

template <class T> struct Lanes;
template <> struct Lanes<float> {
  typedef float Vec __attribute__((vector_size(BYTES)));
  typedef int32_t Int __attribute__((vector_size(BYTES)));
};
template <> struct Lanes<double> {
  typedef double Vec __attribute__((vector_size(BYTES)));
  typedef int64_t Int __attribute__((vector_size(BYTES)));
};
template <class T> using Vec = typename Lanes<T>::Vec;
template <class T> constexpr int LANES = BYTES / int(sizeof(T));
template <class T> constexpr int W = NV * LANES<T>;
template <class T> constexpr T NOTHING = std::is_same<T, float>::value ? T(-126) : T(-1022);  // 2^NOTHING is the least normal number

template <class To, class From> inline To bits_as(From from) {
  To to;
  static_assert(sizeof to == sizeof from);
  std::memcpy(&to, &from, sizeof to);
  return to;
}

template <class T> inline Vec<T> all(T value) { return Vec<T>{} + value; }

template <class T> inline Vec<T> load(const T* from) {
  Vec<T> v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

template <class T> inline void add_to(T* sums, Vec<T> v) {
  v += load(sums);
  std::memcpy(sums, &v, sizeof v);
}

template <class T> inline T sum(const Vec<T>& v) {
  T total = 0;
  for (int i = 0; i < LANES<T>; i++) total += v[i];
  return total;
}

template <class T> inline Vec<T> larger(Vec<T> a, Vec<T> b) { return a > b ? a : b; }

template <class T> inline T largest(Vec<T> v) {
  T lane[LANES<T>];
  std::memcpy(lane, &v, sizeof v);
  for (int half = LANES<T> / 2; half; half /= 2)
    for (int i = 0; i < half; i++) lane[i] = std::max(lane[i], lane[i + half]);
  return lane[0];
}

// 2^t for t <= 0 and not below NOTHING; polynomials of least relative error on [-1/2, 1/2] (7e-8) and of Taylor (2e-16).
inline Vec<float> power_of_two(Vec<float> t) {
  constexpr float shift = 12582912.0f;  // adding it leaves the nearest integer in the last bits
  const Vec<float> shifted = t + shift, r = t - (shifted - shift);
  Vec<float> p = all(1.327647129073739e-3f);
  p = p * r + 9.675540961325169e-3f;
  p = p * r + 5.550713092088699e-2f;
  p = p * r + 2.4022120237350464e-1f;
  p = p * r + 6.931469440460205e-1f;
  p = p * r + 1.0f;
  return bits_as<Vec<float>>(bits_as<Lanes<float>::Int>(p) + (bits_as<Lanes<float>::Int>(shifted) << 23));
}

inline Vec<double> power_of_two(Vec<double> t) {
  constexpr double shift = 6755399441055744.0;
  const Vec<double> shifted = t + shift, r = (t - (shifted - shift)) * 0.69314718055994530942;
  Vec<double> p = all(1.0 / 13);
  for (int k = 12; k; k--) p = (p * r + 1.0) * (k > 1 ? 1.0 / (k - 1) : 1.0);
  return bits_as<Vec<double>>(bits_as<Lanes<double>::Int>(p) + (bits_as<Lanes<double>::Int>(shifted) << 52));
}

template <class T> struct Points {
  const T* panels;  // (panels, d, W)
  const T* norms;   // (panels, groups, W): half the squares of each group of components; infinite on padding
  int64_t d, groups;
  Points(const T* panels, const T* norms, int64_t d) : panels(panels), norms(norms), d(d), groups((d + GROUP - 1) / GROUP) {}
  const T* panel(int64_t p) const { return panels + p * d * W<T>; }
  const T* norm(int64_t p) const { return norms + p * groups * W<T>; }
};

// -|y - x|^2 / 2 for MR rows, which start at `offset` of a panel of y, and a panel of x. Group by group of components, so that
// sums stay small where the distance is small: rounding is that of a group's squares, not of those of the whole.
template <class T> inline void exponents(const Points<T> y, int64_t row_panel, int offset, const Points<T> x, int64_t panel, Vec<T> (&tile)[MR][NV]) {
  const T *rows = y.panel(row_panel) + offset, *row_norm = y.norm(row_panel) + offset, *columns = x.panel(panel), *norm = x.norm(panel);
  for (auto& row : tile)
    for (auto& v : row) v = Vec<T>{};
  for (int64_t start = 0; start < x.d; start += GROUP, row_norm += W<T>, norm += W<T>) {
    Vec<T> sums[MR][NV] = {};
    for (int64_t k = start; k < std::min<int64_t>(x.d, start + GROUP); k++, rows += W<T>, columns += W<T>) {
      Vec<T> b[NV];
      for (int v = 0; v < NV; v++) b[v] = load(columns + v * LANES<T>);
      for (int r = 0; r < MR; r++)
        for (int v = 0; v < NV; v++) sums[r][v] += rows[r] * b[v];
    }
    for (int v = 0; v < NV; v++) {
      const Vec<T> b = load(norm + v * LANES<T>);
      for (int r = 0; r < MR; r++) tile[r][v] += sums[r][v] - (b + row_norm[r]);
    }
  }
  for (auto& row : tile)
    for (auto& v : row) v = v < T(0) ? v : Vec<T>{};
}

// Half the sums within one set: rows of panels [first, last) against all columns from `first` on, with the transposed part.
// row_sums (widths, rows), column_sums (widths, columns from `last` on). The diagonal counts exactly 1.
template <class T>
void within(const Points<T> x, int64_t panels, int64_t first, int64_t last, int widths, const double* scales, double* row_sums,
            double* column_sums) {
  const int64_t rows = (last - first) * W<T>, beyond = (panels - last) * W<T>, chunk = CHUNK / W<T> + 1;
  std::vector<T> of_rows(widths * rows * LANES<T>), of_columns(widths * chunk * W<T>);
  std::fill(row_sums, row_sums + widths * rows, 0.0);
  for (int64_t begin = first; begin < panels; begin += chunk) {
    const int64_t end = std::min(panels, begin + chunk);
    std::fill(of_rows.begin(), of_rows.end(), T(0));
    std::fill(of_columns.begin(), of_columns.end(), T(0));
    for (int64_t row = 0; row < rows; row += MR) {
      const int64_t own = first + row / W<T>;
      const int offset = row % W<T>;
      for (int64_t p = begin; p < end; p++) {
        Vec<T> tile[MR][NV];
        exponents(x, own, offset, x, p, tile);
        if (p == own)
          for (int r = 0; r < MR; r++) tile[r][(offset + r) / LANES<T>][(offset + r) % LANES<T>] = 0;
        for (int h = 0; h < widths; h++) {
          const Vec<T> scale = all(T(scales[h]));
          Vec<T> down[NV] = {};
          for (int r = 0; r < MR; r++) {
            Vec<T> across = {};
            for (int v = 0; v < NV; v++) {
              const Vec<T> e = power_of_two(larger<T>(tile[r][v] * scale, all(NOTHING<T>)));
              across += e;
              down[v] += e;
            }
            add_to<T>(&of_rows[(h * rows + row + r) * LANES<T>], across);
          }
          if (p >= last)
            for (int v = 0; v < NV; v++) add_to<T>(&of_columns[(h * chunk + p - begin) * W<T> + v * LANES<T>], down[v]);
        }
      }
    }
    for (int64_t r = 0; r < widths * rows; r++) row_sums[r] += sum<T>(load(&of_rows[r * LANES<T>]));
    for (int h = 0; h < widths; h++)
      for (int64_t p = std::max(begin, last); p < end; p++)
        for (int c = 0; c < W<T>; c++) column_sums[h * beyond + (p - last) * W<T> + c] = of_columns[(h * chunk + p - begin) * W<T> + c];
  }
}

// ln sum_j K(y_i, x_j) for the rows of panels [first, last) of y; log_sums (widths, rows). Streaming, so that no sum vanishes.
template <class T>
void between(const Points<T> y, const Points<T> x, int64_t panels, int64_t first, int64_t last, int widths, const double* scales,
             double* log_sums) {
  const int64_t rows = (last - first) * W<T>, chunk = CHUNK / W<T> + 1;
  std::vector<T> of_rows(widths * rows * LANES<T>), top(rows, std::numeric_limits<T>::lowest());
  std::vector<double> total(widths * rows, 0.0);
  for (int64_t begin = 0; begin < panels; begin += chunk) {
    const int64_t end = std::min(panels, begin + chunk);
    std::fill(of_rows.begin(), of_rows.end(), T(0));
    for (int64_t row = 0; row < rows; row += MR) {
      const int64_t own = first + row / W<T>;
      const int offset = row % W<T>;
      for (int64_t p = begin; p < end; p++) {
        Vec<T> tile[MR][NV];
        exponents(y, own, offset, x, p, tile);
        for (int r = 0; r < MR; r++) {
          const T here = largest<T>(larger<T>(larger<T>(tile[r][0], tile[r][1]), tile[r][2]));
          T& reference = top[row + r];
          if (here > reference) {
            for (int h = 0; h < widths; h++) {
              const T shrink = T(std::exp2(scales[h] * double(reference - here)));
              total[h * rows + row + r] *= double(shrink);
              T* sums = &of_rows[(h * rows + row + r) * LANES<T>];
              for (int i = 0; i < LANES<T>; i++) sums[i] *= shrink;
            }
            reference = here;
          }
        }
        for (int h = 0; h < widths; h++) {
          const Vec<T> scale = all(T(scales[h]));
          for (int r = 0; r < MR; r++) {
            Vec<T> across = {};
            for (int v = 0; v < NV; v++)
              across += power_of_two(larger<T>((tile[r][v] - top[row + r]) * scale, all(NOTHING<T>)));
            add_to<T>(&of_rows[(h * rows + row + r) * LANES<T>], across);
          }
        }
      }
    }
    for (int64_t r = 0; r < widths * rows; r++) total[r] += sum<T>(load(&of_rows[r * LANES<T>]));
  }
  for (int h = 0; h < widths; h++)
    for (int64_t r = 0; r < rows; r++) {
      log_sums[h * rows + r] = 0.69314718055994530942 * scales[h] * double(top[r]) + std::log(total[h * rows + r]);
    }
}

// Points (count, d) about a centre, times a factor, in panels; half the squares of their groups of components.
template <class T> void pack(const double* points, int64_t count, int64_t d, const double* centre, double factor, T* panels, T* norms) {
  const int64_t padded = (count + W<T> - 1) / W<T> * W<T>, groups = (d + GROUP - 1) / GROUP;
  for (int64_t i = 0; i < padded; i++) {
    T *to = panels + i / W<T> * d * W<T> + i % W<T>, *norm = norms + i / W<T> * groups * W<T> + i % W<T>;
    for (int64_t g = 0; g < groups; g++) {
      double square = 0;
      for (int64_t k = g * GROUP; k < std::min<int64_t>(d, (g + 1) * GROUP); k++) {
        const T value = i < count ? T((points[i * d + k] - centre[k]) * factor) : T(0);
        to[k * W<T>] = value;
        square += double(value) * double(value);
      }
      norm[g * W<T>] = i < count ? T(0.5 * square) : std::numeric_limits<T>::infinity();
    }
  }
}

}  // namespace

#define KERNEL_SUMS(T, name)                                                                                                             \
  void ingot_pack_##name(const double* points, int64_t count, int64_t d, const double* centre, double factor, T* panels, T* norms) {     \
    pack<T>(points, count, d, centre, factor, panels, norms);                                                                            \
  }                                                                                                                                      \
  void ingot_within_##name(const T* panels, const T* norms, int64_t d, int64_t count, int64_t first, int64_t last, int64_t widths,       \
                           const double* scales, double* row_sums, double* column_sums) {                                                \
    within<T>(Points<T>(panels, norms, d), count, first, last, int(widths), scales, row_sums, column_sums);                                       \
  }                                                                                                                                      \
  void ingot_between_##name(const T* rows, const T* row_norms, const T* panels, const T* norms, int64_t d, int64_t count, int64_t first, \
                            int64_t last, int64_t widths, const double* scales, double* log_sums) {                                      \
    between<T>(Points<T>(rows, row_norms, d), Points<T>(panels, norms, d), count, first, last, int(widths), scales, log_sums);                             \
  }                                                                                                                                      \
  int64_t ingot_panel_##name() { return W<T>; }

extern "C" {
KERNEL_SUMS(float, float32)
KERNEL_SUMS(double, float64)
}
