// The atoms of one cell in bins, for any cell that has a volume and any choice of periodic directions.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

namespace ingot {

struct Bins {
  int64_t count[3], reach[3], atoms;
  bool periodic[3];
  double cell[9], inverse[9], low[3], span[3];
  std::vector<double> x, y, z;                      // inside the cell, by sorted place
  std::vector<int64_t> first, order, home, place;   // of a bin; atom of a sorted place and back; bin numbers of an atom
  std::vector<int64_t> outside;                     // cell vectors that an atom was moved by: position = inside + outside . cell

  // Bins are no thinner than `thinnest`; what is nearer than the cutoff lies within `reach` bins.
  Bins(const double* positions, int64_t atoms, const double* box, const uint8_t* pbc, double cutoff, double thinnest)
      : atoms(atoms), order(atoms), home(atoms), place(3 * atoms), outside(3 * atoms) {
    std::copy(box, box + 9, cell);
    const double* a = cell;
    const auto minor = [&](int i, int j) {
      const int r = (i + 1) % 3, s = (i + 2) % 3, p = (j + 1) % 3, q = (j + 2) % 3;
      return a[3 * r + p] * a[3 * s + q] - a[3 * r + q] * a[3 * s + p];
    };
    const double determinant = a[0] * minor(0, 0) + a[1] * minor(0, 1) + a[2] * minor(0, 2);
    for (int i = 0; i < 3; i++)
      for (int j = 0; j < 3; j++) inverse[3 * j + i] = minor(i, j) / determinant;
    std::vector<double> fraction(3 * atoms);
    for (int64_t i = 0; i < atoms; i++)
      for (int d = 0; d < 3; d++) {
        const double* p = positions + 3 * i;
        const double f = p[0] * inverse[d] + p[1] * inverse[3 + d] + p[2] * inverse[6 + d], whole = pbc[d] ? std::floor(f) : 0;
        fraction[3 * i + d] = f - whole;
        outside[3 * i + d] = int64_t(whole);
      }
    for (int d = 0; d < 3; d++) {
      const double* i = inverse;
      const double width = 1 / std::sqrt(i[d] * i[d] + i[3 + d] * i[3 + d] + i[6 + d] * i[6 + d]);  // between the faces of the cell
      periodic[d] = pbc[d], low[d] = 0, span[d] = 1;
      if (!pbc[d]) {
        double highest = -1e300;
        low[d] = 1e300;
        for (int64_t n = 0; n < atoms; n++) low[d] = std::min(low[d], fraction[3 * n + d]), highest = std::max(highest, fraction[3 * n + d]);
        span[d] = (highest - low[d]) * (1 + 1e-9) + 1e-9;
      }
      count[d] = std::clamp<int64_t>(int64_t(span[d] * width / thinnest), 1, 128);
      const int64_t far = int64_t(std::ceil(cutoff * double(count[d]) / (span[d] * width)));
      reach[d] = pbc[d] ? far : std::min(count[d] - 1, far);
    }
    first.assign(count[0] * count[1] * count[2] + 1, 0);
    std::vector<int64_t> bin(atoms);
    for (int64_t i = 0; i < atoms; i++) {
      for (int d = 0; d < 3; d++)
        place[3 * i + d] = std::clamp<int64_t>(int64_t((fraction[3 * i + d] - low[d]) / span[d] * double(count[d])), 0, count[d] - 1);
      bin[i] = (place[3 * i] * count[1] + place[3 * i + 1]) * count[2] + place[3 * i + 2];
      first[bin[i] + 1]++;
    }
    std::partial_sum(first.begin(), first.end(), first.begin());
    std::vector<int64_t> next(first.begin(), first.end() - 1);
    x.resize(atoms), y.resize(atoms), z.resize(atoms);
    for (int64_t i = 0; i < atoms; i++) {
      const int64_t at = next[bin[i]]++;
      const double* f = &fraction[3 * i];
      order[at] = i, home[i] = at;
      x[at] = f[0] * cell[0] + f[1] * cell[3] + f[2] * cell[6];
      y[at] = f[0] * cell[1] + f[1] * cell[4] + f[2] * cell[7];
      z[at] = f[0] * cell[2] + f[1] * cell[5] + f[2] * cell[8];
    }
  }

  // Calls `see(first, last, image)` with the sorted places in the bins around an atom and the image of the cell that they lie in;
  // images in lexicographic order, ascending with `direction` 1 and descending with -1.
  template <int direction, class See> void visit(int64_t atom, See&& see) const {
    int64_t image[3], at[3];
    const auto wrapped = [&](int d, int64_t by) {
      at[d] = place[3 * atom + d] + by, image[d] = 0;
      if (periodic[d]) {
        image[d] = at[d] >= 0 ? at[d] / count[d] : -((count[d] - 1 - at[d]) / count[d]);
        at[d] -= image[d] * count[d];
      }
      return at[d] >= 0 && at[d] < count[d];
    };
    for (int64_t i = -reach[0]; i <= reach[0]; i++) {
      if (!wrapped(0, direction * i)) continue;
      for (int64_t j = -reach[1]; j <= reach[1]; j++) {
        if (!wrapped(1, direction * j)) continue;
        for (int64_t k = -reach[2]; k <= reach[2];) {
          if (!wrapped(2, direction * k)) {
            k++;
            continue;
          }
          // Bins along the last axis lie side by side: all of them up to the end of the cell or of the reach at once.
          const int64_t left = direction > 0 ? count[2] - at[2] : at[2] + 1, run = std::min(left, reach[2] - k + 1);
          const int64_t last = (at[0] * count[1] + at[1]) * count[2] + at[2] + (direction > 0 ? run : 1);
          see(first[last - run], first[last], image);
          k += run;
        }
      }
    }
  }
};

// What lies near an atom, of the places that Bins::visit shows; the memory is kept between calls.
struct Near {
  double shift[3];               // from the atom to the image of the cell: a place lies at (x, y, z) + shift
  std::vector<double> square;    // distance of the place first + t
  std::vector<int32_t> place;    // t of those nearer than the cutoff

  // How many of the sorted places [first, last), in an image of the cell, are nearer than the cutoff to the place `self`.
  int64_t find(const Bins& bins, int64_t self, int64_t first, int64_t last, const int64_t* image, double cutoff) {
    const double own[3] = {bins.x[self], bins.y[self], bins.z[self]}, *cell = bins.cell;
    for (int b = 0; b < 3; b++)
      shift[b] = double(image[0]) * cell[b] + double(image[1]) * cell[3 + b] + double(image[2]) * cell[6 + b] - own[b];
    const int64_t size = last - first;
    if (int64_t(square.size()) < size) square.resize(size), place.resize(size);
    const double *px = bins.x.data() + first, *py = bins.y.data() + first, *pz = bins.z.data() + first;
    double* out = square.data();
    for (int64_t t = 0; t < size; t++) {
      const double dx = px[t] + shift[0], dy = py[t] + shift[1], dz = pz[t] + shift[2];
      out[t] = dx * dx + dy * dy + dz * dz;
    }
    int64_t found = 0;
    for (int64_t t = 0; t < size; t++) {
      place[found] = int32_t(t);
      found += out[t] < cutoff * cutoff;
    }
    return found;
  }
};

}  // namespace ingot
