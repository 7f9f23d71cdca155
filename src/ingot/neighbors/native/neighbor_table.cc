// The padded neighbour table of one structure: ingot/neighbors/table.py in compiled form.
//
// Atoms are taken in their order, and each is written into the rows of its neighbours: every row is then sorted by neighbour (and by shift,
// because images are visited in that order) without any sorting. Inner neighbours fill a row from its beginning, the others from its end.

#include <cstring>
#include <new>

#include "bins.h"

namespace {

struct Entry {
  int32_t neighbor, shift[3];
};

void write_table(int64_t atoms, const double* positions, const double* cell, const uint8_t* pbc, double cutoff, double inner_cutoff,
                 int64_t columns, int32_t* index, int32_t* shift, uint8_t* mask, int64_t* needed) {
  const ingot::Bins bins(positions, atoms, cell, pbc, cutoff, cutoff / 2);
  std::vector<Entry> rows(atoms * columns);
  std::vector<int64_t> near(atoms), far(atoms);
  ingot::Near nearby;
  for (int64_t j = 0; j < atoms; j++) {
    const int64_t self = bins.home[j], *moved = &bins.outside[3 * j];
    bins.visit<-1>(j, [&](int64_t first, int64_t last, const int64_t* image) {
      const int64_t found = nearby.find(bins, self, first, last, image, cutoff);
      const bool here = !(image[0] || image[1] || image[2]);
      for (int64_t c = 0; c < found; c++) {
        const int64_t t = nearby.place[c], i = bins.order[first + t], *from = &bins.outside[3 * i];
        if (here && i == j) continue;
        const bool close = nearby.square[t] < inner_cutoff * inner_cutoff;
        const int64_t taken = near[i] + far[i], at = close ? near[i] : columns - 1 - far[i];
        (close ? near : far)[i]++;
        if (taken < columns)
          rows[i * columns + at] = {
              int32_t(j), {int32_t(from[0] - moved[0] - image[0]), int32_t(from[1] - moved[1] - image[1]), int32_t(from[2] - moved[2] - image[2])}};
      }
    });
  }
  needed[0] = needed[1] = 0;
  for (int64_t i = 0; i < atoms; i++) needed[0] = std::max(needed[0], near[i] + far[i]), needed[1] = std::max(needed[1], near[i]);
  if (needed[0] > columns) return;
  for (int64_t i = 0; i < atoms; i++) {
    const int64_t count = near[i] + far[i];
    const Entry* row = rows.data() + i * columns;
    const auto write = [&](int64_t c, const Entry& entry) {
      index[i * columns + c] = entry.neighbor;
      std::memcpy(shift + 3 * (i * columns + c), entry.shift, sizeof entry.shift);
    };
    for (int64_t c = 0; c < near[i]; c++) write(c, row[c]);
    for (int64_t c = 0; c < far[i]; c++) write(near[i] + c, row[columns - 1 - c]);
    for (int64_t c = count; c < columns; c++) write(c, {0, {0, 0, 0}});
    for (int64_t c = 0; c < columns; c++) mask[i * columns + c] = c < count;
  }
}

}  // namespace

// Gives the largest number of neighbours and of inner ones in `needed`; the table is written if it can hold them.
// Without columns, or where an atom has more neighbours, only the numbers are found. Status 1 where there is no memory.
extern "C" int64_t ingot_neighbor_table(int64_t atoms, const double* positions, const double* cell, const uint8_t* pbc, double cutoff, double inner_cutoff,
                                        int64_t columns, int32_t* index, int32_t* shift, uint8_t* mask, int64_t* needed) {
  try {
    write_table(atoms, positions, cell, pbc, cutoff, inner_cutoff, columns, index, shift, mask, needed);
    return 0;
  } catch (const std::bad_alloc&) {
    return 1;
  }
}
