// The symmetry functions of ANI for XLA on a CPU: value, product with the Jacobian from the left (pull) and from the right (push).
//
// Formulas, factors and order of the features are those of ingot/potentials/symmetry_functions.py, which is the reference; all
// constants come with the call. One atom at a time: its neighbours are compacted, the pairs of neighbours of one channel are laid out
// one behind the other, and every expensive function is evaluated for LANES pairs at once. Nothing is stored between calls, and
// no number of neighbours is too large.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <type_traits>
#include <vector>

#include "threads.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;
using ingot::share;
using ingot::threads;

namespace {

constexpr int LANES = 16;   // pairs of neighbours at once
constexpr int CHUNK = 16;   // vectors of pairs whose factors are kept in the first cache

template <class T> struct Lanes;
template <> struct Lanes<float> {
  typedef float Vec __attribute__((vector_size(LANES * 4)));
  typedef int32_t Int __attribute__((vector_size(LANES * 4)));
};
template <> struct Lanes<double> {
  typedef double Vec __attribute__((vector_size(LANES * 8)));
  typedef int64_t Int __attribute__((vector_size(LANES * 8)));
};
template <class T> using Vec = typename Lanes<T>::Vec;
template <class T> using Int = typename Lanes<T>::Int;

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

template <class T> inline void store(T* to, Vec<T> v) { std::memcpy(to, &v, sizeof v); }

template <class T> inline T sum(Vec<T> v) {
#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
  v += __builtin_shufflevector(v, v, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
  v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3, 12, 13, 14, 15, 8, 9, 10, 11);
  v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
  return v[0] + v[1];
#endif
#endif
  T total = 0;
  for (int i = 0; i < LANES; i++) total += v[i];
  return total;
}

template <class T> inline Vec<T> root(Vec<T> x) {
  Vec<T> y;
  for (int i = 0; i < LANES; i++) y[i] = std::sqrt(x[i]);
  return y;
}

// 2^t for t in [-126, 10], to a rounding error of t; the polynomial is that of least relative error (7e-8) on [-1/2, 1/2].
inline Vec<float> power_of_two(Vec<float> t) {
  constexpr float shift = 12582912.0f;  // adding it leaves the nearest integer in the last bits
  const Vec<float> shifted = t + shift, r = t - (shifted - shift);
  Vec<float> p = all(1.327647129073739e-3f);
  p = p * r + 9.675540961325169e-3f;
  p = p * r + 5.550713092088699e-2f;
  p = p * r + 2.4022120237350464e-1f;
  p = p * r + 6.931469440460205e-1f;
  p = p * r + 1.0000001192092896f;
  return bits_as<Vec<float>>(bits_as<Int<float>>(p) + (bits_as<Int<float>>(shifted) << 23));
}

// exp(x) for x of at most a few units; nothing below exp(-87).
inline Vec<float> exponential(Vec<float> x) {
  const Vec<float> t = x * 1.44269504088896341f;
  return power_of_two(t < -126.0f ? all(-126.0f) : t);
}

inline Vec<double> exponential(Vec<double> x) {
  x = x < -708.0 ? all(-708.0) : x;
  const Vec<double> t = x * 1.4426950408889634074;
  const Int<double> whole = __builtin_convertvector(t + (t > 0 ? all(0.5) : all(-0.5)), Int<double>);
  const Vec<double> n = __builtin_convertvector(whole, Vec<double>);
  const Vec<double> r = (x - n * 6.93145751953125e-1) - n * 1.42860682030941723212e-6;
  Vec<double> p = all(1.0);
  for (int k = 14; k; k--) p = p * r * (1.0 / k) + 1.0;
  const Int<double> scale = (whole + 1023) << 52;
  return p * bits_as<Vec<double>>(scale);
}

// log(x) for normal positive x.
inline Vec<float> logarithm(Vec<float> x) {
  const Int<float> bits = bits_as<Int<float>>(x);
  const Int<float> fraction = (bits & 0x007fffff) | 0x3f000000;
  Vec<float> m = bits_as<Vec<float>>(fraction);  // in [0.5, 1)
  const Int<float> small = m < 0.707106781f;
  const Vec<float> e = __builtin_convertvector(((bits >> 23) & 0xff) - 126 + small, Vec<float>);
  m = small ? m + m - 1.0f : m - 1.0f;
  const Vec<float> z = m * m;
  Vec<float> p = all(7.0376836292e-2f);
  p = p * m - 1.1514610310e-1f;
  p = p * m + 1.1676998740e-1f;
  p = p * m - 1.2420140846e-1f;
  p = p * m + 1.4249322787e-1f;
  p = p * m - 1.6668057665e-1f;
  p = p * m + 2.0000714765e-1f;
  p = p * m - 2.4999993993e-1f;
  p = p * m + 3.3333331174e-1f;
  const Vec<float> y = p * m * z - 2.12194440e-4f * e - 0.5f * z;
  return m + y + 0.693359375f * e;
}

inline Vec<double> logarithm(Vec<double> x) {
  const Int<double> bits = bits_as<Int<double>>(x);
  const Int<double> fraction = (bits & 0x000fffffffffffffLL) | 0x3fe0000000000000LL;
  Vec<double> m = bits_as<Vec<double>>(fraction);
  const Int<double> small = m < 0.70710678118654752440;
  const Vec<double> e = __builtin_convertvector(((bits >> 52) & 0x7ff) - 1022 + small, Vec<double>);
  m = small ? m + m : m;
  const Vec<double> s = (m - 1.0) / (m + 1.0), z = s * s;
  Vec<double> p = all(1.0 / 23);
  for (int k = 21; k > 0; k -= 2) p = p * z + 1.0 / k;
  return 2.0 * s * p + e * 0.69314718055994530942;
}

// cos(x) and sin(x) for x in [0, pi], by the Taylor series around pi / 2.
template <class T> inline void cosine_and_sine(Vec<T> x, Vec<T>& cosine, Vec<T>& sine) {
  constexpr int terms = std::is_same<T, float>::value ? 7 : 12;
  const Vec<T> h = x - T(1.57079632679489661923), z = h * h;
  Vec<T> s = all(T(1)), c = all(T(1));
  for (int k = terms; k; k--) {
    s = s * z * T(-1.0 / ((2 * k) * (2 * k + 1))) + T(1);
    c = c * z * T(-1.0 / ((2 * k) * (2 * k - 1))) + T(1);
  }
  cosine = -h * s;
  sine = c;
}

template <class T> inline Vec<T> integer_power(Vec<T> base, int exponent) {
  Vec<T> result = all(T(1));
  for (; exponent; exponent >>= 1) {
    if (exponent & 1) result = result * base;
    base = base * base;
  }
  return result;
}

// The constants of an architecture, unpacked from one array of doubles.
template <class T> struct Constants {
  int species, channels, radial, angles, shifts, integer_zeta, features;
  T radial_cutoff, radial_eta, angular_cutoff, angular_eta, zeta;
  std::vector<T> radial_shifts, block_first, block_last, angular_shifts, angle_values, cosines, sines;
  // For large zeta: log2 of cos(phi)^(2 (zeta - 1)) as u times a polynomial in u = phi^2, up to where it is nothing.
  static constexpr int DEGREE = 6;
  bool by_angle = false;
  // Evenly spaced shifts, in groups of four: exp(-eta (x - R)^2) from the Gaussian at the group's centre and powers of
  // exp(eta step (x - middle)), times these factors.
  static constexpr int GROUP = 4;
  bool in_groups = false;
  T group_step, middle;
  std::vector<T> group_centres, group_factors;
  T power_series[DEGREE + 1], largest_square = T(0);

  explicit Constants(ffi::Span<const double> c) {
    const double* p = c.begin();
    species = int(p[0]), radial = int(p[1]), shifts = int(p[2]), angles = int(p[3]);
    radial_cutoff = T(p[4]), radial_eta = T(p[5]), angular_cutoff = T(p[6]), angular_eta = T(p[7]), zeta = T(p[8]);
    integer_zeta = (p[8] == std::floor(p[8]) && p[8] <= 128) ? int(p[8]) : 0;
    channels = species * (species + 1) / 2;
    features = species * radial + channels * shifts * angles;
    p += 9;
    radial_shifts.assign((radial + LANES - 1) / LANES * LANES, T(1e3));  // shifts that nothing is near to
    for (int q = 0; q < radial; q++) radial_shifts[q] = T(*p++);
    for (int q = 0; q < radial; q += LANES) {  // in whatever order they come
      const auto from = radial_shifts.begin() + q, to = radial_shifts.begin() + std::min(q + LANES, radial);
      block_first.push_back(*std::min_element(from, to)), block_last.push_back(*std::max_element(from, to));
    }
    const double* given_shifts = p;
    for (int a = 0; a < shifts; a++) angular_shifts.push_back(T(*p++));
    for (int z = 0; z < angles; z++, p++) {
      angle_values.push_back(T(*p));
      cosines.push_back(T(std::cos(*p))), sines.push_back(T(std::sin(*p)));
    }
    group_shifts(given_shifts);
    by_angle = std::is_same<T, float>::value && !integer_zeta && zeta >= 32;
    for (T angle : angle_values) by_angle = by_angle && angle >= T(0) && angle <= T(M_PI);  // a half angle is below pi / 2
    if (by_angle) fit_power(c.begin()[8] - 1.0);
  }

  void group_shifts(const double* given) {
    const double first = given[0], step = shifts > 1 ? (given[shifts - 1] - first) / (shifts - 1) : 0.0;
    in_groups = std::is_same<T, float>::value && shifts % GROUP == 0 && shifts <= 3 * GROUP && step > 0;
    for (int a = 0; a < shifts; a++)  // a Gaussian's slope is at most sqrt(2 eta / e)
      in_groups = in_groups && std::sqrt(double(angular_eta)) * std::abs(given[a] - first - a * step) < 5e-7;
    if (!in_groups) return;
    const double centre = first + 0.5 * (shifts - 1) * step, eta = angular_eta;
    // Far from the middle the powers must stay in range, and their rounding errors small.
    in_groups = 3 * eta * step * std::max(centre, angular_cutoff - centre) < 40.0;
    group_step = T(eta * step), middle = T(centre);
    for (int g = 0; g < shifts / GROUP; g++) {
      const double at = first + (GROUP * g + 1.5) * step;
      group_centres.push_back(T(at));
      for (int k = 0; k < GROUP; k++) {
        const double off = (k - 1.5) * step;
        group_factors.push_back(T(std::exp(-2 * eta * off * (at - centre) - eta * off * off)));
      }
    }
  }

  // Interpolates log2(cos(sqrt u)^(2 exponent)) / u at Chebyshev points of [0, largest_square].
  void fit_power(double exponent) {
    constexpr int n = DEGREE + 1;
    const double end = std::pow(std::acos(std::exp(-17.0 / exponent)), 2);  // exp(-34) is nothing
    double points[n], values[n], monomials[n] = {}, product[n + 1] = {1.0};
    for (int i = 0; i < n; i++) {
      points[i] = 0.5 * end * (1.0 + std::cos(M_PI * (i + 0.5) / n));
      values[i] = 2.0 * exponent * std::log2(std::cos(std::sqrt(points[i]))) / points[i];
    }
    for (int order = 1; order < n; order++)  // divided differences
      for (int i = n - 1; i >= order; i--) values[i] = (values[i] - values[i - 1]) / (points[i] - points[i - order]);
    for (int i = 0; i < n; i++) {  // Newton's form, multiplied out
      for (int k = 0; k <= i; k++) monomials[k] += values[i] * product[k];
      for (int k = i + 1; k > 0; k--) product[k] = product[k - 1] - points[i] * product[k];
      product[0] *= -points[i];
    }
    for (int k = 0; k < n; k++) power_series[k] = T(monomials[k]);
    largest_square = T(end);
  }

  int channel(int one, int other) const {  // (0, 0), (0, 1), ..., (1, 1), ...
    if (one > other) std::swap(one, other);
    return one * species - one * (one - 1) / 2 + other - one;
  }
};

template <class T> struct Array {  // of at least n numbers and a vector's worth behind them; what lies there is finite
  std::vector<T> data;
  T* at(size_t n) {
    if (data.size() < n + 2 * LANES) data.resize(n + 2 * LANES, T(0));
    return data.data();
  }
};

enum Mode { VALUE, PULL, PUSH };

template <class T> class Atom {
  const Constants<T>& c;
  std::vector<int> near_, column_;
  std::vector<T> coefficients_;
  // Neighbours within the angular cutoff, ordered by species: unit vector, distance, cutoff function and its slope.
  Array<T> ux, uy, uz, r, f, df, slope_r, slope_x, slope_y, slope_z, rdot, uxdot, uydot, uzdot, squared, padded_radial;
  // Pairs: 0.95 cos(theta), mean distance, weight; their tangents, or the slopes of the contracted features by them.
  Array<T> cosine, mean, weight, cosine_dot, mean_dot, weight_dot;
  std::vector<Vec<T>> accumulators_, angular_, angular_dot_, radial_, radial_dot_;

 public:
  explicit Atom(const Constants<T>& constants) : c(constants) {
    accumulators_.resize(size_t(c.shifts) * c.angles);
    for (auto* factors : {&angular_, &angular_dot_}) factors->resize(size_t(c.angles) * CHUNK);
    for (auto* factors : {&radial_, &radial_dot_}) factors->resize(size_t(c.shifts) * CHUNK);
  }

  // VALUE: displacements -> features; PULL: and coefficients -> slopes by displacements; PUSH: and tangents -> tangents of features.
  template <Mode mode> void run(const T* d, const int32_t* kind, int columns, const T* in, T* out) {
    std::memset(out, 0, sizeof(T) * (mode == PULL ? 3 * size_t(columns) : size_t(c.features)));
    column_.clear();
    for (int k = 0; k < columns; k++)
      if (kind[k] >= 0) column_.push_back(k);
    const int all_columns = int(column_.size());
    T* r2 = squared.at(all_columns);
    int count = 0;
    for (int i = 0; i < all_columns; i++) {
      const T* x = d + 3 * column_[i];
      const T length2 = x[0] * x[0] + x[1] * x[1] + x[2] * x[2];
      if (length2 < c.radial_cutoff * c.radial_cutoff || !(length2 == length2)) {
        r2[count] = length2;
        column_[count++] = column_[i];
      }
    }
    for (int i = count; i < count + LANES; i++) r2[i] = T(1);
    radial_part<mode>(d, kind, count, in, out);
    near_.clear();
    for (int s = 0; s < c.species; s++)
      for (int i = 0; i < count; i++)
        if (kind[column_[i]] == s && !(r2[i] >= c.angular_cutoff * c.angular_cutoff)) near_.push_back(i);
    if (near_.size() > 1) angular_part<mode>(d, kind, in, out);
  }

 private:
  template <Mode mode> void radial_part(const T* d, const int32_t* kind, int count, const T* in, T* out) {
    const int blocks = int(c.radial_shifts.size()) / LANES;
    const T reach = std::sqrt((std::is_same<T, float>::value ? T(25) : T(60)) / c.radial_eta);
    T* features = padded_radial.at(size_t(c.species) * blocks * LANES);
    if (mode == PULL) {
      for (int s = 0; s < c.species; s++)
        for (int q = 0; q < blocks * LANES; q++)
          features[s * blocks * LANES + q] = q < c.radial ? in[s * c.radial + q] : T(0);
    } else {
      std::memset(features, 0, sizeof(T) * c.species * blocks * LANES);
    }
    for (int first = 0; first < count; first += LANES) {
      const Vec<T> length = root<T>(load<T>(squared.data.data() + first)), inverse = T(1) / length;
      Vec<T> cosines, sines;
      cosine_and_sine<T>(length * T(M_PI / c.radial_cutoff), cosines, sines);
      const Vec<T> cut = T(0.125) * cosines + T(0.125), cut_slope = T(-0.125 * M_PI / c.radial_cutoff) * sines;
      for (int lane = 0; lane < LANES && first + lane < count; lane++) {
        const int column = column_[first + lane];
        const T* x = d + 3 * column;
        const T distance = length[lane], over = inverse[lane];
        T* block = features + size_t(kind[column]) * blocks * LANES;
        Vec<T> slope = all(T(0));
        T along = 0;
        if (mode == PUSH) along = (in[3 * column] * x[0] + in[3 * column + 1] * x[1] + in[3 * column + 2] * x[2]) * over;
        for (int b = 0; b < blocks; b++) {
          const T* shifts = &c.radial_shifts[b * LANES];
          if (distance < c.block_first[b] - reach || distance > c.block_last[b] + reach) continue;
          const Vec<T> off = distance - load<T>(shifts), gaussian = exponential(-c.radial_eta * off * off);
          if (mode == VALUE) {
            store<T>(block + b * LANES, load<T>(block + b * LANES) + cut[lane] * gaussian);
          } else {
            const Vec<T> by_distance = gaussian * (cut_slope[lane] - T(2) * c.radial_eta * cut[lane] * off);
            if (mode == PULL)
              slope += by_distance * load<T>(block + b * LANES);
            else
              store<T>(block + b * LANES, load<T>(block + b * LANES) + along * by_distance);
          }
        }
        if (mode == PULL) {
          const T scale = sum<T>(slope) * over;
          for (int axis = 0; axis < 3; axis++) out[3 * column + axis] += scale * x[axis];
        }
      }
    }
    if (mode != PULL)
      for (int s = 0; s < c.species; s++)
        std::memcpy(out + s * c.radial, features + size_t(s) * blocks * LANES, sizeof(T) * c.radial);
  }

  template <Mode mode> void angular_part(const T* d, const int32_t* kind, const T* in, T* out) {
    const int n = int(near_.size());
    for (auto* array : {&ux, &uy, &uz, &r, &f, &df}) array->at(n);
    for (int i = 0; i < n; i++) r.data[i] = squared.data[near_[i]];
    for (int i = n; i < n + LANES; i++) r.data[i] = T(1);
    for (int first = 0; first < n; first += LANES) {
      const Vec<T> length = root<T>(load<T>(&r.data[first]));
      Vec<T> cosines, sines;
      cosine_and_sine<T>(length * T(M_PI / c.angular_cutoff), cosines, sines);
      store<T>(&r.data[first], length);
      store<T>(&f.data[first], T(0.5) * cosines + T(0.5));
      store<T>(&df.data[first], T(-0.5 * M_PI / c.angular_cutoff) * sines);
    }
    for (int i = 0; i < n; i++) {
      const T *x = d + 3 * column_[near_[i]], over = T(1) / r.data[i];
      ux.data[i] = x[0] * over, uy.data[i] = x[1] * over, uz.data[i] = x[2] * over;
    }
    if (mode == PULL)
      for (auto* array : {&slope_r, &slope_x, &slope_y, &slope_z}) std::memset(array->at(n), 0, sizeof(T) * (n + LANES));
    if (mode == PUSH) {
      for (auto* array : {&rdot, &uxdot, &uydot, &uzdot}) array->at(n);
      for (int i = 0; i < n; i++) {
        const T *t = in + 3 * column_[near_[i]], over = T(1) / r.data[i];
        const T along = ux.data[i] * t[0] + uy.data[i] * t[1] + uz.data[i] * t[2];
        rdot.data[i] = along;
        uxdot.data[i] = (t[0] - ux.data[i] * along) * over;
        uydot.data[i] = (t[1] - uy.data[i] * along) * over;
        uzdot.data[i] = (t[2] - uz.data[i] * along) * over;
      }
    }
    std::vector<int>& start = starts_;
    start.assign(c.species + 1, n);
    for (int i = n - 1; i >= 0; i--) start[kind[column_[near_[i]]]] = i;
    for (int s = c.species - 1; s >= 0; s--) start[s] = std::min(start[s], start[s + 1]);
    const int block = c.shifts * c.angles;
    for (int one = 0; one < c.species; one++)
      for (int other = one; other < c.species; other++) {
        const int offset = c.species * c.radial + c.channel(one, other) * block;
        const int rows = start[other + 1] - start[other], width = start[one + 1] - start[one];
        const int pairs = one == other ? rows * (rows - 1) / 2 : rows * width;
        if (pairs > 0) channel_part<mode>(one == other, start[other], start[one], rows, width, pairs, in + offset, out + offset);
      }
    if (mode == PULL)
      for (int i = 0; i < n; i++) {
        const T x = ux.data[i], y = uy.data[i], z = uz.data[i], over = T(1) / r.data[i];
        const T gx = slope_x.data[i], gy = slope_y.data[i], gz = slope_z.data[i], along = gx * x + gy * y + gz * z;
        T* to = out + 3 * column_[near_[i]];
        to[0] += slope_r.data[i] * x + (gx - along * x) * over;
        to[1] += slope_r.data[i] * y + (gy - along * y) * over;
        to[2] += slope_r.data[i] * z + (gz - along * z) * over;
      }
  }

  // Pairs (j, k): j runs over rows, k over the width, below j within one species. Row after row, without gaps: the lanes that a
  // row writes beyond its end are overwritten by the next one.
  template <Mode mode>
  void channel_part(bool same, int rows_at, int columns_at, int rows, int width, int pairs, const T* in, T* out) {
    T *cs = cosine.at(pairs), *xm = mean.at(pairs), *w = weight.at(pairs);
    T *csd = nullptr, *xmd = nullptr, *wd = nullptr;
    if (mode != VALUE) csd = cosine_dot.at(pairs), xmd = mean_dot.at(pairs), wd = weight_dot.at(pairs);
    const T *X = ux.data.data() + columns_at, *Y = uy.data.data() + columns_at, *Z = uz.data.data() + columns_at;
    const T *R = r.data.data() + columns_at, *F = f.data.data() + columns_at, *DF = df.data.data() + columns_at;
    int at = 0;
    for (int row = 0; row < rows; row++) {
      const int j = rows_at + row, length = same ? row : width;
      const T x = ux.data[j], y = uy.data[j], z = uz.data[j], rj = r.data[j], fj = f.data[j];
      for (int k = 0; k < length; k += LANES) {
        store<T>(cs + at + k, T(0.95) * (x * load<T>(X + k) + y * load<T>(Y + k) + z * load<T>(Z + k)));
        store<T>(xm + at + k, T(0.5) * (rj + load<T>(R + k)));
        store<T>(w + at + k, T(2) * fj * load<T>(F + k));
        if (mode == PUSH) {
          const T *XD = &uxdot.data[columns_at], *YD = &uydot.data[columns_at], *ZD = &uzdot.data[columns_at];
          const T* RD = &rdot.data[columns_at];
          const Vec<T> turned = x * load<T>(XD + k) + y * load<T>(YD + k) + z * load<T>(ZD + k) +
                                uxdot.data[j] * load<T>(X + k) + uydot.data[j] * load<T>(Y + k) + uzdot.data[j] * load<T>(Z + k);
          store<T>(csd + at + k, T(0.95) * turned);
          store<T>(xmd + at + k, T(0.5) * (rdot.data[j] + load<T>(RD + k)));
          store<T>(wd + at + k, T(2) * (df.data[j] * rdot.data[j] * load<T>(F + k) + fj * load<T>(DF + k) * load<T>(RD + k)));
        }
      }
      at += length;
    }
    for (int k = at; k < at + LANES; k++) {
      cs[k] = xm[k] = w[k] = T(0);
      if (mode == PUSH) csd[k] = xmd[k] = wd[k] = T(0);
    }
    const int vectors = (pairs + LANES - 1) / LANES;
    if (mode == PULL) {
      coefficients_.assign(in, in + c.shifts * c.angles);
      for (int v = 0; v < vectors; v++) pull_vector(v * LANES);
      gather_rows(same, rows_at, columns_at, rows, width);
      return;
    }
    for (auto& total : accumulators_) total = all(T(0));
    for (int first = 0; first < vectors; first += CHUNK) {
      const int some = std::min(CHUNK, vectors - first);
      for (int v = 0; v < some; v++) factors<mode>((first + v) * LANES, v);
      products(angular_, radial_, some);
      if (mode == PUSH) products(angular_dot_, radial_dot_, some);
    }
    for (size_t i = 0; i < accumulators_.size(); i++) out[i] = sum<T>(accumulators_[i]);
  }

  // acos(x) for |x| <= 0.95: Abramowitz and Stegun, 4.4.46, to 2e-8. Only where the power goes by the angle.
  inline Vec<T> angle(Vec<T> x) const {
    if (!c.by_angle) return x;
    const Vec<T> size = x < T(0) ? -x : x;
    Vec<T> p = all(T(-0.0012624911));
    p = p * size + T(0.0066700901);
    p = p * size - T(0.0170881256);
    p = p * size + T(0.0308918810);
    p = p * size - T(0.0501743046);
    p = p * size + T(0.0889789874);
    p = p * size - T(0.2145988016);
    p = p * size + T(1.5707963050);
    p = p * root<T>(T(1) - size);
    return x < T(0) ? T(M_PI) - p : p;
  }

  // ((1 + cos(theta - theta_s)) / 2)^(zeta - 1), and its base; the half angle's cosine to twice that power.
  inline Vec<T> power(Vec<T> cs, Vec<T> sine, Vec<T> theta, int z, Vec<T>& base) const {
    base = T(0.5) + (T(0.5) * c.cosines[z]) * cs + (T(0.5) * c.sines[z]) * sine;
    if (c.integer_zeta) return integer_power<T>(base, c.integer_zeta - 1);
    if constexpr (std::is_same<T, float>::value) {
      if (c.by_angle) {
        const Vec<T> half = T(0.5) * theta - T(0.5) * c.angle_values[z];
        Vec<T> u = half * half;
        u = u > c.largest_square ? all(c.largest_square) : u;
        Vec<T> p = all(c.power_series[Constants<T>::DEGREE]);
        for (int k = Constants<T>::DEGREE - 1; k >= 0; k--) p = p * u + c.power_series[k];
        return power_of_two(u * p);
      }
    }
    base = base < T(1e-6) ? all(T(1e-6)) : base;
    return exponential((c.zeta - T(1)) * logarithm(base));
  }

  // exp(-eta (x - R)^2) for all shifts R, to[a * stride].
  inline void gaussians(Vec<T> x, Vec<T>* to, int stride) const {
    if (!c.in_groups) {
      for (int a = 0; a < c.shifts; a++) {
        const Vec<T> off = x - c.angular_shifts[a];
        to[a * stride] = exponential(-c.angular_eta * off * off);
      }
      return;
    }
    const Vec<T> argument = c.group_step * (x - c.middle);
    const Vec<T> up = exponential(argument), down = exponential(-argument);
    const Vec<T> powers[4] = {down * down * down, down, up, up * up * up};
    for (int g = 0; g < c.shifts / 4; g++) {
      const Vec<T> off = x - c.group_centres[g], centre = exponential(-c.angular_eta * off * off);
      for (int k = 0; k < 4; k++) to[(4 * g + k) * stride] = (centre * c.group_factors[4 * g + k]) * powers[k];
    }
  }

  template <Mode mode> void factors(int at, int v) {
    const Vec<T> cs = load<T>(&cosine.data[at]), xm = load<T>(&mean.data[at]), w = load<T>(&weight.data[at]);
    const Vec<T> sine = root<T>(T(1) - cs * cs), theta = angle(cs);
    Vec<T> csd, xmd, wd, ratio;
    if (mode == PUSH) {
      csd = load<T>(&cosine_dot.data[at]), xmd = load<T>(&mean_dot.data[at]), wd = load<T>(&weight_dot.data[at]);
      ratio = cs / sine;
    }
    for (int z = 0; z < c.angles; z++) {
      Vec<T> base;
      const Vec<T> p = power(cs, sine, theta, z, base), value = base * p;
      if (mode == VALUE) {
        angular_[z * CHUNK + v] = value;
      } else {
        const Vec<T> slope = (T(0.5) * c.zeta) * p * (c.cosines[z] - ratio * c.sines[z]);
        angular_[z * CHUNK + v] = wd * value + (w * csd) * slope;
        angular_dot_[z * CHUNK + v] = w * value;
      }
    }
    gaussians(xm, &radial_[v], CHUNK);
    if (mode == PUSH) xmd *= T(-2) * c.angular_eta;
    for (int a = 0; a < c.shifts; a++) {
      if (mode == VALUE) radial_[a * CHUNK + v] *= w;
      if (mode == PUSH) radial_dot_[a * CHUNK + v] = (xm - c.angular_shifts[a]) * xmd * radial_[a * CHUNK + v];
    }
  }

  // accumulators[a][z] += sum over vectors of radial[a] angular[z], in tiles that fit the registers.
  void products(const std::vector<Vec<T>>& angular, const std::vector<Vec<T>>& radial, int some) {
    constexpr int TILE = 4;
    int a = 0;
    for (; a + TILE <= c.shifts; a += TILE) {
      int z = 0;
      for (; z + TILE <= c.angles; z += TILE) {
        Vec<T> total[TILE][TILE];
        for (int i = 0; i < TILE; i++)
          for (int k = 0; k < TILE; k++) total[i][k] = accumulators_[(a + i) * c.angles + z + k];
        for (int v = 0; v < some; v++)
          for (int i = 0; i < TILE; i++)
            for (int k = 0; k < TILE; k++) total[i][k] += radial[(a + i) * CHUNK + v] * angular[(z + k) * CHUNK + v];
        for (int i = 0; i < TILE; i++)
          for (int k = 0; k < TILE; k++) accumulators_[(a + i) * c.angles + z + k] = total[i][k];
      }
      for (; z < c.angles; z++)
        for (int i = 0; i < TILE; i++) product(a + i, z, angular, radial, some);
    }
    for (; a < c.shifts; a++)
      for (int z = 0; z < c.angles; z++) product(a, z, angular, radial, some);
  }

  inline void product(int a, int z, const std::vector<Vec<T>>& angular, const std::vector<Vec<T>>& radial, int some) {
    Vec<T> total = accumulators_[a * c.angles + z];
    for (int v = 0; v < some; v++) total += radial[a * CHUNK + v] * angular[z * CHUNK + v];
    accumulators_[a * c.angles + z] = total;
  }

  // Slopes of sum_az coefficients[a][z] radial[a] angular[z] weight by cosine, mean distance and weight of LANES pairs.
  void pull_vector(int at) {
    constexpr int TILE = 8;
    const Vec<T> cs = load<T>(&cosine.data[at]), xm = load<T>(&mean.data[at]), w = load<T>(&weight.data[at]);
    const Vec<T> sine = root<T>(T(1) - cs * cs), ratio = cs / sine, theta = angle(cs);
    gaussians(xm, radial_.data(), 1);
    for (int a = 0; a < c.shifts; a++) radial_dot_[a] = (xm - c.angular_shifts[a]) * radial_[a];
    Vec<T> whole = all(T(0)), by_cosine = all(T(0)), by_mean = all(T(0));
    for (int z = 0; z < c.angles; z += TILE) {
      const int some = std::min(TILE, c.angles - z);
      Vec<T> value[TILE], slope[TILE];
      for (int k = 0; k < TILE; k++) value[k] = slope[k] = all(T(0));
      if (some == TILE) {
        for (int a = 0; a < c.shifts; a++)
          for (int k = 0; k < TILE; k++) {
            const T coefficient = coefficients_[a * c.angles + z + k];
            value[k] += coefficient * radial_[a];
            slope[k] += coefficient * radial_dot_[a];
          }
      } else {
        for (int a = 0; a < c.shifts; a++)
          for (int k = 0; k < some; k++) {
            const T coefficient = coefficients_[a * c.angles + z + k];
            value[k] += coefficient * radial_[a];
            slope[k] += coefficient * radial_dot_[a];
          }
      }
      for (int k = 0; k < some; k++) {
        Vec<T> base;
        const Vec<T> p = power(cs, sine, theta, z + k, base), angular = base * p;
        whole += value[k] * angular;
        by_cosine += value[k] * p * (c.cosines[z + k] - ratio * c.sines[z + k]);
        by_mean += slope[k] * angular;
      }
    }
    store<T>(&weight_dot.data[at], whole);
    store<T>(&cosine_dot.data[at], (T(0.5 * 0.95) * c.zeta) * w * by_cosine);
    store<T>(&mean_dot.data[at], (T(-1) * c.angular_eta) * w * by_mean);
  }

  // From slopes by pairs to slopes by the neighbours' unit vectors and distances.
  void gather_rows(bool same, int rows_at, int columns_at, int rows, int width) {
    Int<T> lane;
    for (int i = 0; i < LANES; i++) lane[i] = i;
    int at = 0;
    for (int row = 0; row < rows; row++) {
      const int j = rows_at + row, length = same ? row : width;
      const T x = ux.data[j], y = uy.data[j], z = uz.data[j], fj = f.data[j], dfj = df.data[j];
      Vec<T> own_r = all(T(0)), own_x = own_r, own_y = own_r, own_z = own_r;
      for (int k = 0; k < length; k += LANES) {
        const Int<T> real = lane < length - k;
        const Vec<T> none = all(T(0));
        const Vec<T> h = real ? load<T>(&weight_dot.data[at + k]) : none;
        const Vec<T> hc = real ? load<T>(&cosine_dot.data[at + k]) : none;
        const Vec<T> hx = real ? load<T>(&mean_dot.data[at + k]) : none;
        const int to = columns_at + k;
        own_r += hx + T(2) * dfj * load<T>(&f.data[to]) * h;
        own_x += hc * load<T>(&ux.data[to]), own_y += hc * load<T>(&uy.data[to]), own_z += hc * load<T>(&uz.data[to]);
        store<T>(&slope_r.data[to], load<T>(&slope_r.data[to]) + hx + T(2) * fj * load<T>(&df.data[to]) * h);
        store<T>(&slope_x.data[to], load<T>(&slope_x.data[to]) + x * hc);
        store<T>(&slope_y.data[to], load<T>(&slope_y.data[to]) + y * hc);
        store<T>(&slope_z.data[to], load<T>(&slope_z.data[to]) + z * hc);
      }
      slope_r.data[j] += sum<T>(own_r);
      slope_x.data[j] += sum<T>(own_x), slope_y.data[j] += sum<T>(own_y), slope_z.data[j] += sum<T>(own_z);
      at += length;
    }
  }

  std::vector<int> starts_;
};

template <class T>
ffi::Error value_of(ffi::Span<const double> constants, ffi::AnyBuffer d, ffi::AnyBuffer kind, ffi::Result<ffi::AnyBuffer>& out) {
  const Constants<T> c(constants);
  const auto shape = d.dimensions();
  const int64_t columns = shape[shape.size() - 2];
  const int64_t atoms = columns ? int64_t(d.element_count()) / (3 * columns) : 0;
  const T* vectors = d.typed_data<T>();
  const int32_t* kinds = kind.typed_data<int32_t>();
  T* to = out->typed_data<T>();
  share(atoms, 16, 128, [&](auto& next) {
    Atom<T> atom(c);
    for (int64_t first, last; next(first, last);)
      for (int64_t i = first; i < last; i++)
        atom.template run<VALUE>(vectors + i * 3 * columns, kinds + i * columns, int(columns), nullptr, to + i * c.features);
  });
  return ffi::Error::Success();
}

// Displacements (structures, atoms, columns, 3) of whole structures, with the number of each neighbour inside its structure.
struct Structures {
  int64_t columns, atoms, count;

  explicit Structures(const ffi::AnyBuffer& d) {
    const auto shape = d.dimensions();
    columns = shape[shape.size() - 2], atoms = shape[shape.size() - 3];
    count = atoms * columns ? int64_t(d.element_count()) / (3 * columns * atoms) : 0;
  }
};

// Parts of a large structure whose sums are made apart and then added in their order, so that threads can share it and no result
// depends on their number.
inline int64_t parts_of(int64_t atoms) { return atoms < 256 ? 1 : std::min<int64_t>(32, atoms / 32); }

// coefficients -> derivatives by positions and by strain, summed in double: an atom's displacements pull it one way and its
// neighbours the other.
template <class T>
ffi::Error pull_structures(ffi::Span<const double> constants, ffi::AnyBuffer d, ffi::AnyBuffer kind, ffi::AnyBuffer index,
                           ffi::AnyBuffer in, ffi::Result<ffi::AnyBuffer>& by_position, ffi::Result<ffi::AnyBuffer>& by_strain) {
  const Constants<T> c(constants);
  const Structures all(d);
  const int64_t columns = all.columns, parts = parts_of(all.atoms), width = 3 * all.atoms + 9;
  const T *vectors = d.typed_data<T>(), *coefficients = in.typed_data<T>();
  const int32_t *kinds = kind.typed_data<int32_t>(), *neighbor = index.typed_data<int32_t>();
  double *positions = by_position->typed_data<double>(), *strains = by_strain->typed_data<double>();
  std::memset(positions, 0, sizeof(double) * 3 * all.atoms * all.count);
  std::memset(strains, 0, sizeof(double) * 9 * all.count);
  // The sums over a part of a structure's atoms: by all positions, then by strain.
  auto sum_part = [&](Atom<T>& calculator, int64_t structure, int64_t part, T* slopes, double* to_positions, double* to_strain) {
    const int64_t first = structure * all.atoms + part * all.atoms / parts, last = structure * all.atoms + (part + 1) * all.atoms / parts;
    for (int64_t atom = first; atom < last; atom++) {
      const int32_t* kinds_here = kinds + atom * columns;
      calculator.template run<PULL>(vectors + 3 * atom * columns, kinds_here, int(columns), coefficients + atom * c.features, slopes);
      double own[3] = {0, 0, 0}, own_strain[9] = {0, 0, 0, 0, 0, 0, 0, 0, 0};
      for (int64_t k = 0; k < columns; k++) {
        if (kinds_here[k] < 0) continue;
        const T *slope = slopes + 3 * k, *x = vectors + 3 * (atom * columns + k);
        double* to = to_positions + 3 * int64_t(neighbor[atom * columns + k]);
        for (int b = 0; b < 3; b++) {
          to[b] += slope[b], own[b] += slope[b];
          for (int a = 0; a < 3; a++) own_strain[3 * a + b] += double(x[a]) * slope[b];
        }
      }
      for (int b = 0; b < 3; b++) to_positions[3 * (atom - structure * all.atoms) + b] -= own[b];
      for (int k = 0; k < 9; k++) to_strain[k] += own_strain[k];
    }
  };
  auto add_part = [&](int64_t structure, const double* sums) {
    for (int64_t k = 0; k < 3 * all.atoms; k++) positions[3 * all.atoms * structure + k] += sums[k];
    for (int k = 0; k < 9; k++) strains[9 * structure + k] += sums[3 * all.atoms + k];
  };
  if (parts == 1 || all.count >= threads.load()) {
    share(all.count, 1, 1, [&](auto& next) {
      Atom<T> calculator(c);
      std::vector<T> slopes(3 * columns);
      std::vector<double> sums(parts > 1 ? width : 0);
      for (int64_t first, last; next(first, last);)
        for (int64_t s = first; s < last; s++) {
          if (parts == 1) sum_part(calculator, s, 0, slopes.data(), positions + 3 * all.atoms * s, strains + 9 * s);
          for (int64_t part = 0; parts > 1 && part < parts; part++) {
            std::fill(sums.begin(), sums.end(), 0.0);
            sum_part(calculator, s, part, slopes.data(), sums.data(), &sums[3 * all.atoms]);
            add_part(s, sums.data());
          }
        }
    });
  } else {
    std::vector<double> sums(width * parts * all.count);
    share(parts * all.count, 1, 1, [&](auto& next) {
      Atom<T> calculator(c);
      std::vector<T> slopes(3 * columns);
      for (int64_t first, last; next(first, last);)
        for (int64_t i = first; i < last; i++) {
          double* to = &sums[i * width];
          sum_part(calculator, i / parts, i % parts, slopes.data(), to, to + 3 * all.atoms);
        }
    });
    for (int64_t i = 0; i < parts * all.count; i++) add_part(i / parts, &sums[i * width]);
  }
  return ffi::Error::Success();
}

// A direction of positions and strain -> tangents of features.
template <class T>
ffi::Error push_structures(ffi::Span<const double> constants, ffi::AnyBuffer d, ffi::AnyBuffer kind, ffi::AnyBuffer index,
                           ffi::AnyBuffer direction, ffi::AnyBuffer strain, ffi::Result<ffi::AnyBuffer>& out) {
  const Constants<T> c(constants);
  const Structures all(d);
  const int64_t columns = all.columns;
  const T *vectors = d.typed_data<T>(), *moves = direction.typed_data<T>(), *strains = strain.typed_data<T>();
  const int32_t *kinds = kind.typed_data<int32_t>(), *neighbor = index.typed_data<int32_t>();
  T* to = out->typed_data<T>();
  share(all.atoms * all.count, 16, 128, [&](auto& next) {
    Atom<T> atom(c);
    std::vector<T> tangents(3 * columns, T(0));
    for (int64_t first, last; next(first, last);)
      for (int64_t i = first; i < last; i++) {
        const T *of_structure = moves + 3 * all.atoms * (i / all.atoms), *own = moves + 3 * i, *e = strains + 9 * (i / all.atoms);
        for (int64_t k = 0; k < columns; k++) {
          if (kinds[i * columns + k] < 0) continue;
          const T *x = vectors + 3 * (i * columns + k), *other = of_structure + 3 * int64_t(neighbor[i * columns + k]);
          for (int b = 0; b < 3; b++)
            tangents[3 * k + b] = other[b] - own[b] + x[0] * e[b] + x[1] * e[3 + b] + x[2] * e[6 + b];
        }
        atom.template run<PUSH>(vectors + 3 * i * columns, kinds + i * columns, int(columns), tangents.data(), to + i * c.features);
      }
  });
  return ffi::Error::Success();
}

ffi::Error wrong_type() {
  return ffi::Error::InvalidArgument("symmetry functions: displacements must be float32 or float64");
}

ffi::Error value(ffi::AnyBuffer d, ffi::AnyBuffer kind, ffi::Result<ffi::AnyBuffer> out, ffi::Span<const double> constants) {
  if (d.element_type() == ffi::F32) return value_of<float>(constants, d, kind, out);
  if (d.element_type() == ffi::F64) return value_of<double>(constants, d, kind, out);
  return wrong_type();
}

ffi::Error pull(ffi::AnyBuffer d, ffi::AnyBuffer kind, ffi::AnyBuffer index, ffi::AnyBuffer in,
                ffi::Result<ffi::AnyBuffer> by_position, ffi::Result<ffi::AnyBuffer> by_strain,
                ffi::Span<const double> constants) {
  if (d.element_type() == ffi::F32) return pull_structures<float>(constants, d, kind, index, in, by_position, by_strain);
  if (d.element_type() == ffi::F64) return pull_structures<double>(constants, d, kind, index, in, by_position, by_strain);
  return wrong_type();
}

ffi::Error push(ffi::AnyBuffer d, ffi::AnyBuffer kind, ffi::AnyBuffer index, ffi::AnyBuffer direction, ffi::AnyBuffer strain,
                ffi::Result<ffi::AnyBuffer> out, ffi::Span<const double> constants) {
  if (d.element_type() == ffi::F32) return push_structures<float>(constants, d, kind, index, direction, strain, out);
  if (d.element_type() == ffi::F64) return push_structures<double>(constants, d, kind, index, direction, strain, out);
  return wrong_type();
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(ingot_symmetry_functions_value, value,
                              ffi::Ffi::Bind().Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>().Ret<ffi::AnyBuffer>().Attr<ffi::Span<const double>>("constants"));
XLA_FFI_DEFINE_HANDLER_SYMBOL(ingot_symmetry_functions_pull, pull,
                              ffi::Ffi::Bind().Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>().Ret<ffi::AnyBuffer>().Ret<ffi::AnyBuffer>().Attr<ffi::Span<const double>>("constants"));
XLA_FFI_DEFINE_HANDLER_SYMBOL(ingot_symmetry_functions_push, push,
                              ffi::Ffi::Bind().Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>().Ret<ffi::AnyBuffer>().Attr<ffi::Span<const double>>("constants"));

extern "C" void ingot_set_threads(int count) { threads = count < 1 ? 1 : count; }
