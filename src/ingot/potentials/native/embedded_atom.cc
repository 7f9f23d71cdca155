// The embedded-atom method for XLA on a CPU: site energies, and the derivatives of their sum by positions and strain.
//
// Formulas, tables and the straight line beyond the largest density are those of ingot/potentials/eam.py, which is the reference.
// Two passes over the neighbours: densities, then energies and slopes. Every pair must be in the table from both sides.

#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

#include "threads.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace {

// Cubic pieces on an even grid: four coefficients for each interval, lowest power first.
template <class T> struct Table {
  const T* pieces;
  int64_t intervals;
  double inverse_step;

  struct Place {
    const T* c;
    double t;
  };
  Place at(double x, int64_t row) const {
    const double scaled = x * inverse_step;
    int64_t k = int64_t(scaled);
    k = k < 0 ? 0 : k > intervals - 1 ? intervals - 1 : k;
    return {pieces + 4 * (row * intervals + k), scaled - double(k)};
  }
  static double value(const Place& p) { return p.c[0] + p.t * (p.c[1] + p.t * (p.c[2] + p.t * p.c[3])); }
  double slope(const Place& p) const { return inverse_step * (p.c[1] + p.t * (2 * p.c[2] + p.t * 3 * p.c[3])); }
};

template <class T>
ffi::Error run(ffi::Span<const double> constants, ffi::AnyBuffer d, ffi::AnyBuffer kind, ffi::AnyBuffer index, ffi::AnyBuffer species,
               ffi::AnyBuffer embedding, ffi::AnyBuffer density, ffi::AnyBuffer pair, ffi::Result<ffi::AnyBuffer>& energies,
               ffi::Result<ffi::AnyBuffer>& by_position, ffi::Result<ffi::AnyBuffer>& by_strain) {
  const auto shape = d.dimensions();
  const int64_t columns = shape[1], atoms = shape[0], kinds = embedding.dimensions()[0];
  const double cutoff = constants[0], step = constants[1], density_step = constants[2];
  const Table<T> F{embedding.typed_data<T>(), int64_t(embedding.dimensions()[1]), 1 / density_step};
  const Table<T> rho{density.typed_data<T>(), int64_t(density.dimensions()[2]), 1 / step};
  const Table<T> phi{pair.typed_data<T>(), int64_t(pair.dimensions()[2]), 1 / step};
  const T* vectors = d.typed_data<T>();
  const int32_t *neighbor_kind = kind.typed_data<int32_t>(), *neighbor = index.typed_data<int32_t>(), *own = species.typed_data<int32_t>();
  T* energy = energies->typed_data<T>();
  double *positions = by_position->typed_data<double>(), *strain = by_strain->typed_data<double>();

  // For every neighbour within the cutoff: work(k, r^2, d).
  auto near = [&](int64_t i, const auto& work) {
    for (int64_t k = 0; k < columns; k++) {
      if (neighbor_kind[i * columns + k] < 0) continue;
      const T* v = vectors + 3 * (i * columns + k);
      const double x[3] = {double(v[0]), double(v[1]), double(v[2])}, squared = x[0] * x[0] + x[1] * x[1] + x[2] * x[2];
      if (squared < cutoff * cutoff) work(k, squared, x);
    }
  };

  std::vector<double> embedded(atoms), slope(atoms);
  ingot::share(atoms, 64, 256, [&](auto& next) {
    for (int64_t first, last; next(first, last);)
      for (int64_t i = first; i < last; i++) {
        if (own[i] < 0) continue;
        double sum = 0;
        near(i, [&](int64_t k, double squared, const double*) {
          sum += rho.value(rho.at(std::sqrt(squared), neighbor_kind[i * columns + k] * kinds + own[i]));
        });
        const double largest = density_step * double(F.intervals), beyond = sum > largest ? sum - largest : 0;
        const auto place = F.at(sum - beyond, own[i]);
        slope[i] = F.slope(place), embedded[i] = F.value(place) + slope[i] * beyond;
      }
  });

  std::vector<double> strains(9 * atoms);
  ingot::share(atoms, 64, 256, [&](auto& next) {
    for (int64_t first, last; next(first, last);)
      for (int64_t i = first; i < last; i++) {
        double half = 0, pull[3] = {0, 0, 0};
        double* stretch = &strains[9 * i];
        if (own[i] >= 0)
          near(i, [&](int64_t k, double squared, const double* x) {
            const int64_t other = neighbor_kind[i * columns + k], forth = other * kinds + own[i], back = own[i] * kinds + other;
            const double r = std::sqrt(squared), inverse = 1 / r;
            const auto at = phi.at(r, forth);
            const double value = phi.value(at) * inverse;
            half += 0.5 * value;
            const double made = rho.slope(rho.at(r, forth)), given = back == forth ? made : rho.slope(rho.at(r, back));
            const double total = (phi.slope(at) - value) * inverse + slope[i] * made + slope[neighbor[i * columns + k]] * given;
            const double along = total * inverse;  // dE/dr over r
            for (int b = 0; b < 3; b++) {
              pull[b] -= along * x[b];
              for (int a = 0; a < 3; a++) stretch[3 * a + b] += 0.5 * along * x[a] * x[b];
            }
          });
        energy[i] = own[i] < 0 ? T(0) : T(embedded[i] + half);
        for (int b = 0; b < 3; b++) positions[3 * i + b] = pull[b];
      }
  });
  std::memset(strain, 0, 9 * sizeof(double));
  for (int64_t i = 0; i < atoms; i++)
    for (int k = 0; k < 9; k++) strain[k] += strains[9 * i + k];
  return ffi::Error::Success();
}

ffi::Error embedded_atom(ffi::AnyBuffer d, ffi::AnyBuffer kind, ffi::AnyBuffer index, ffi::AnyBuffer species, ffi::AnyBuffer embedding,
                         ffi::AnyBuffer density, ffi::AnyBuffer pair, ffi::Result<ffi::AnyBuffer> energies,
                         ffi::Result<ffi::AnyBuffer> by_position, ffi::Result<ffi::AnyBuffer> by_strain, ffi::Span<const double> constants) {
  if (d.element_type() == ffi::F32)
    return run<float>(constants, d, kind, index, species, embedding, density, pair, energies, by_position, by_strain);
  if (d.element_type() == ffi::F64)
    return run<double>(constants, d, kind, index, species, embedding, density, pair, energies, by_position, by_strain);
  return ffi::Error::InvalidArgument("embedded atom: displacements must be float32 or float64");
}

}  // namespace

XLA_FFI_DEFINE_HANDLER_SYMBOL(ingot_embedded_atom, embedded_atom,
                              ffi::Ffi::Bind().Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>()
                                  .Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>().Arg<ffi::AnyBuffer>().Ret<ffi::AnyBuffer>()
                                  .Ret<ffi::AnyBuffer>().Ret<ffi::AnyBuffer>().Attr<ffi::Span<const double>>("constants"));
