// Descriptors of atom-centred environments: ingot/audit/descriptors.py in compiled form, one atom at a time, in float64.
//
// Atoms are sorted into bins no smaller than the cutoff; the k nearest neighbours of each species come from a sort by counting; the
// rows of the neighbour matrix are sorted in registers, eight rows side by side, by a network of comparators.

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <memory>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

#include "bins.h"

namespace {

using ingot::Bins;

constexpr int LANES = 8;
typedef double Vec __attribute__((vector_size(LANES * 8)));

inline Vec load(const double* from) {
  Vec v;
  std::memcpy(&v, from, sizeof v);
  return v;
}

// 1 / sqrt(x): in single precision, and one step of third order that leaves an error of rounding.
inline Vec inverse_root(Vec x) {
  Vec y;
  for (int i = 0; i < LANES; i++) y[i] = 1 / std::sqrt(float(x[i]));
  const Vec h = 1 - x * y * y;
  return y + y * h * (0.5 + 0.375 * h);
}

// Batcher's odd-even merge sort for n wires, a power of two.
template <int n> constexpr int comparators() {
  int count = 0;
  for (int p = 1; p < n; p *= 2)
    for (int k = p; k >= 1; k /= 2)
      for (int j = k % p; j + k < n; j += 2 * k)
        for (int i = 0; i < std::min(k, n - j - k); i++) count += (i + j) / (2 * p) == (i + j + k) / (2 * p);
  return count;
}

template <int n> constexpr auto network() {
  std::array<std::pair<int, int>, comparators<n>()> wires{};
  int count = 0;
  for (int p = 1; p < n; p *= 2)
    for (int k = p; k >= 1; k /= 2)
      for (int j = k % p; j + k < n; j += 2 * k)
        for (int i = 0; i < std::min(k, n - j - k); i++)
          if ((i + j) / (2 * p) == (i + j + k) / (2 * p)) wires[count].first = i + j, wires[count].second = i + j + k, count++;
  return wires;
}

inline void largest_first(Vec& a, Vec& b) {
  const Vec large = a > b ? a : b, small = a > b ? b : a;
  a = large, b = small;
}

template <int n, size_t... I> inline void sort_lanes(Vec* v, std::index_sequence<I...>) {
  constexpr auto wires = network<n>();
  (largest_first(v[wires[I].first], v[wires[I].second]), ...);
}

// The nearest neighbours of one species, nearest first: s = 1 - (r / rc)^2, nothing on padding, and places far apart there.
struct Shell {
  std::vector<double> x, y, z, s, r;
  int64_t found, inner, tied;  // of the k; nearer than the shell of the k-th; members of that shell where it straddles, else 0
};

// Averages of the sorted rows s_j s_l / r_jl, largest first: j over `rows`, l over `entries`, without the diagonal of a square.
template <int P> void second_part(int64_t k, const Shell& rows, const Shell& entries, bool square, double* to) {
  Vec total[P] = {};
  for (int start = 0; start < P; start += LANES) {
    const Vec x = load(&rows.x[start]), y = load(&rows.y[start]), z = load(&rows.z[start]), s = load(&rows.s[start]);
    Vec v[P];
    for (int l = 0; l < P; l++) {
      const Vec dx = x - entries.x[l], dy = y - entries.y[l], dz = z - entries.z[l];
      v[l] = s * entries.s[l] * inverse_root(dx * dx + dy * dy + dz * dz);
    }
    if (square)
      for (int lane = 0; lane < LANES; lane++) v[start + lane][lane] = 0;
    sort_lanes<P>(v, std::make_index_sequence<comparators<P>()>{});
    for (int l = 0; l < P; l++) total[l] += v[l];
  }
  for (int64_t l = 0; l < k - square; l++) {
    double sum = 0;
    for (int lane = 0; lane < LANES; lane++) sum += total[l][lane];
    to[l] = sum / double(k);
  }
}

// The same where a shell straddles the k-th place: its members count by the odds of a fair draw (see tied_shell.py).
void tied_part(int64_t k, const Shell& rows, const Shell& entries, bool square, double* to) {
  const auto size = [&](const Shell& of) { return of.tied ? of.inner + of.tied : std::min(of.found, k); };
  const auto odds = [&](const Shell& of, int64_t i) { return of.tied && i >= of.inner ? double(k - of.inner) / double(of.tied) : 1.0; };
  const int64_t columns = k - square, width = size(entries);
  std::vector<std::pair<double, double>> row(width);
  std::fill(to, to + columns, 0.0);
  for (int64_t j = 0; j < size(rows); j++) {
    for (int64_t l = 0; l < width; l++) {
      const double dx = rows.x[j] - entries.x[l], dy = rows.y[j] - entries.y[l], dz = rows.z[j] - entries.z[l];
      double value = rows.s[j] * entries.s[l] / std::sqrt(dx * dx + dy * dy + dz * dz), count = odds(entries, l);
      if (square && l == j) value = 0, count = 0;
      if (square && l != j && entries.tied && j >= entries.inner && l >= entries.inner)
        count = double(k - entries.inner - 1) / double(entries.tied - 1);
      row[l] = {value, count};
    }
    std::sort(row.begin(), row.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
    const double weight = odds(rows, j) / double(k);
    double left = 0;
    for (const auto& [value, count] : row) {
      const double right = left + count;
      for (int64_t c = int64_t(left); c < columns && double(c) < right; c++)
        to[c] += weight * value * std::max(0.0, std::min(right, double(c + 1)) - std::max(left, double(c)));
      left = right;
    }
  }
}

// Neighbours of one atom within the cutoff.
struct Neighbors {
  int64_t count;
  std::vector<double> x, y, z, square;
  std::vector<int32_t> species;
  ingot::Near nearby;

  void find(const Bins& bins, int64_t atom, const int32_t* kinds, double cutoff) {
    count = 0;
    bins.visit<1>(atom, [&](int64_t first, int64_t last, const int64_t* image) {
      const int64_t self = bins.home[atom], found = nearby.find(bins, self, first, last, image, cutoff);
      if (int64_t(species.size()) < count + found) {
        for (auto* list : {&x, &y, &z, &square}) list->resize(2 * (count + found));
        species.resize(2 * (count + found));
      }
      const bool here = !(image[0] || image[1] || image[2]);
      const double* shift = nearby.shift;
      for (int64_t c = 0; c < found; c++) {
        const int64_t t = nearby.place[c], at = first + t;
        x[count] = bins.x[at] + shift[0], y[count] = bins.y[at] + shift[1], z[count] = bins.z[at] + shift[2];
        square[count] = nearby.square[t], species[count] = kinds[bins.order[at]];
        count += !here || at != self;
      }
    });
  }
};

struct List {
  std::vector<double> square;
  std::vector<int32_t> member, rank;
};

// The neighbours of species `kind`, sorted by distance. Sorting is by counting those that are nearer.
void nearest(const Neighbors& all, int64_t kind, int64_t kinds, int64_t k, int64_t padded, double cutoff, double tolerance, List& list, Shell& shell) {
  auto& [square, member, rank] = list;
  if (int64_t(square.size()) < all.count) square.resize(all.count), member.resize(all.count), rank.resize(all.count);
  int64_t count = 0;
  for (int64_t i = 0; i < all.count; i++) {
    member[count] = int32_t(i), square[count] = all.square[i];
    count += kinds == 1 || all.species[i] == kind;
  }
  for (int64_t i = 0; i < count; i++) {
    int32_t before = 0;
    const double own = square[i];
    for (int64_t j = 0; j < i; j++) before += square[j] <= own;
    for (int64_t j = i + 1; j < count; j++) before += square[j] < own;
    rank[i] = before;
  }
  const int64_t size = std::max(padded, count);
  for (auto* each : {&shell.x, &shell.y, &shell.z, &shell.s, &shell.r}) each->resize(size);
  shell.found = count;
  for (int64_t i = count; i < size; i++) 
    shell.x[i] = 1e6 * double(i + 1), shell.y[i] = 1e6 * double(kind + 1), shell.z[i] = shell.s[i] = 0, shell.r[i] = cutoff;
  for (int64_t i = 0; i < count; i++) {
    const int64_t to = rank[i], from = member[i];
    shell.x[to] = all.x[from], shell.y[to] = all.y[from], shell.z[to] = all.z[from];
    shell.r[to] = std::sqrt(square[i]), shell.s[to] = 1 - square[i] / (cutoff * cutoff);
  }
  shell.inner = shell.tied = 0;
  if (count > k && shell.r[k] <= shell.r[k - 1] + tolerance) {
    while (shell.inner < count && shell.r[shell.inner] < shell.r[k - 1] - tolerance) shell.inner++;
    int64_t end = k;
    while (end < count && shell.r[end] <= shell.r[k - 1] + tolerance) end++;
    shell.tied = end - shell.inner;
  } else {
    std::fill(shell.s.begin() + std::min(k, size), shell.s.end(), 0.0);
  }
}

struct Settings {
  int64_t species, k;
  double cutoff, tolerance, coincident;
};

// The atoms [first, last) of one cell; the first that coincides with another, or -1.
template <int P>
int64_t describe(const Bins& bins, const int32_t* kinds, const Settings& of, int64_t first, int64_t last, double* to) {
  Neighbors neighbors;
  List list;
  std::vector<Shell> shells(of.species);
  const int64_t k = of.k;
  for (int64_t atom = first; atom < last; atom++) {
    neighbors.find(bins, atom, kinds, of.cutoff);
    for (int64_t i = 0; i < neighbors.count; i++)
      if (neighbors.square[i] < of.coincident * of.coincident) return atom;
    for (int64_t a = 0; a < of.species; a++) {
      Shell& shell = shells[a];
      nearest(neighbors, a, of.species, k, P, of.cutoff, of.tolerance, list, shell);
      for (int64_t j = 0; j < k; j++) to[j] = shell.s[j] * shell.s[j] / shell.r[j];
      to += k;
    }
    for (int64_t a = 0; a < of.species; a++)
      for (int64_t b = a; b < of.species; b++) {
        const bool square = a == b;
        if (shells[a].tied || shells[b].tied)
          tied_part(k, shells[a], shells[b], square, to);
        else
          second_part<P>(k, shells[a], shells[b], square, to);
        to += k - square;
      }
  }
  return -1;
}

// One frame's atoms in bins, made by the first thread that needs them and dropped by the last.
struct Frame {
  std::once_flag made;
  std::unique_ptr<Bins> bins;
  std::atomic<int64_t> left{0};
};

struct Task {
  int64_t frame, first, last;
};

constexpr int64_t TASK = 512;  // atoms

}  // namespace

// Descriptors of the atoms of all frames, (atoms, width), shared among threads; the first atom that coincides with another, or -1;
// -2 when there are too many neighbours for the networks here.
extern "C" int64_t ingot_environments(int64_t frames, const int64_t* offsets, const double* positions, const double* cells, const uint8_t* pbc,
                                      const int32_t* kinds, int64_t species, int64_t k, double cutoff, double tolerance, double coincident,
                                      int64_t threads, double* out) {
  const auto run = k <= 8 ? describe<8> : k <= 16 ? describe<16> : k <= 32 ? describe<32> : k <= 64 ? describe<64> : nullptr;
  if (!run) return -2;
  const Settings settings{species, k, cutoff, tolerance, coincident};
  const int64_t width = species * (2 * k - 1) + species * (species - 1) / 2 * k;
  std::vector<Frame> shared(frames);
  std::vector<Task> tasks;
  for (int64_t f = 0; f < frames; f++) {
    const int64_t atoms = offsets[f + 1] - offsets[f];
    for (int64_t first = 0; first < atoms; first += TASK, shared[f].left++) tasks.push_back({f, first, std::min(first + TASK, atoms)});
  }
  std::atomic<int64_t> next{0}, coincidence{-1};
  std::mutex guard;
  const auto work = [&] {
    // Asked before a task is taken: what was taken is done, so that nothing earlier than a coincidence is left out.
    for (int64_t t; coincidence < 0 && (t = next++) < int64_t(tasks.size());) {
      const auto [f, first, last] = tasks[t];
      const int64_t begin = offsets[f];
      Frame& frame = shared[f];
      std::call_once(frame.made, [&, f = f] {
        frame.bins = std::make_unique<Bins>(positions + 3 * begin, offsets[f + 1] - begin, cells + 9 * f, pbc + 3 * f, cutoff, cutoff);
      });
      const int64_t found = run(*frame.bins, kinds + begin, settings, first, last, out + (begin + first) * width);
      if (found >= 0) {
        const std::lock_guard<std::mutex> lock(guard);  // tasks begin in order: the least is the first of all
        if (coincidence < 0 || begin + found < coincidence) coincidence = begin + found;
      }
      if (!--frame.left) frame.bins.reset();
    }
  };
  std::vector<std::thread> others;
  for (int64_t i = 1; i < std::min<int64_t>(threads, tasks.size()); i++) others.emplace_back(work);
  work();
  for (auto& thread : others) thread.join();
  return coincidence;
}
