"""Fourier transforms of an element's Gaussian orbitals, and their derivatives, in closed form.

A contracted Gaussian chi(r) = S_lm(r) sum_p c_p exp(-a_p r^2), with the solid harmonic S_lm = r^l Y_lm, transforms to

    chi(q) = (-i)^l S_lm(q) g(q^2),   g(q^2) = sum_p c_p (pi / a_p)^(3/2) (2 a_p)^(-l) exp(-q^2 / 4 a_p),

because the Fourier transform keeps the angular part (Stein and Weiss, Fourier Analysis on Euclidean
Spaces, theorem IV.3.10). All shells share one table of exponentials, which is what the time goes into.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from pyscf.gto import Mole
from pyscf.gto.mole import cart2sph
from pyscf.pbc import gto


@dataclass(frozen=True)
class _Radial:
    """One contraction: its angular momentum, and the slice of the 2l + 1 orbitals that share it."""

    l: int  # noqa: E741
    orbitals: slice


class ElementOrbitals:
    """The orbitals of one element, at the origin, with the basis it has in ``cell``."""

    def __init__(self, cell: gto.Cell, element: str) -> None:
        one = Mole().build(
            dump_input=False, parse_arg=False, atom=[(element, (0.0, 0.0, 0.0))],
            basis={element: cell._basis[element]}, spin=None, verbose=0,
        )  # fmt: skip
        exponents = np.unique(np.concatenate([one.bas_exp(b) for b in range(one.nbas)]))
        self.radials: list[_Radial] = []
        rows, first = [], 0
        for b in range(one.nbas):
            l, alpha = one.bas_angular(b), one.bas_exp(b)  # noqa: E741
            factor = (np.pi / alpha) ** 1.5 / (2 * alpha) ** l
            for contraction in (one._libcint_ctr_coeff(b) * factor[:, None]).T:
                row = np.zeros(len(exponents))
                row[np.searchsorted(exponents, alpha)] = contraction
                rows.append(row)
                self.radials.append(_Radial(l, slice(first, first + 2 * l + 1)))
                first += 2 * l + 1
        self.size = first
        self._widths = -1 / (4 * exponents)
        self._contractions = np.array(rows)
        self._harmonics = {radial.l: _SolidHarmonics(radial.l) for radial in self.radials}

    def transforms(self, q: np.ndarray) -> np.ndarray:
        """chi(q) (orbitals, points), Bohr^(3/2), at wave vectors (points, 3) in 1/Bohr."""
        radial = self._contractions @ self._exponentials(q)
        harmonics = {l: s.values(q) for l, s in self._harmonics.items()}  # noqa: E741
        result = np.empty((self.size, len(q)), dtype=np.complex128)
        for g, one in zip(radial, self.radials, strict=True):
            np.multiply((-1j) ** one.l * g, harmonics[one.l], out=result[one.orbitals])
        return result

    def strain_sum(self, q: np.ndarray, values: np.ndarray) -> np.ndarray:
        """-Re sum_mq conj(d chi_m / d q_a) q_b X_m(q) (3, 3) for ``values`` X (orbitals, points).

        A strain e of the crystal takes q to (1 - e) q: this is the derivative, before it is made symmetric, of
        Re sum conj(chi) X along e.
        """
        exponentials = self._exponentials(q)
        radial = self._contractions @ exponentials
        slope = (self._contractions * self._widths) @ exponentials  # d g / d (q^2)
        along_q = np.zeros(len(q))
        across = np.zeros((3, len(q)))
        for g, dg, one in zip(radial, slope, self.radials, strict=True):
            harmonics = self._harmonics[one.l]
            x = ((1j**one.l) * values[one.orbitals]).real
            along_q += dg * np.einsum("mg,mg->g", harmonics.values(q), x)
            if one.l:
                across += g * np.einsum("amg,mg->ag", harmonics.gradients(q), x)
        return np.asarray(-(2 * (q.T * along_q) + across) @ q)

    def _exponentials(self, q: np.ndarray) -> np.ndarray:
        return np.asarray(np.exp(self._widths[:, None] * np.einsum("gx,gx->g", q, q)))


class _SolidHarmonics:
    """Real solid harmonics S_lm in PySCF's order, as polynomials."""

    def __init__(self, l: int) -> None:  # noqa: E741
        # PySCF's order of Cartesian functions: xx, xy, xz, yy, ...
        self._powers = sorted(((l - y - z, y, z) for y in range(l + 1) for z in range(l + 1 - y)), reverse=True)
        self._coefficients = np.asarray(cart2sph(l)).T

    def values(self, q: np.ndarray) -> np.ndarray:
        """(2l + 1, points)."""
        return np.asarray(self._coefficients @ np.array([_monomial(q, powers) for powers in self._powers]))

    def gradients(self, q: np.ndarray) -> np.ndarray:
        """(3, 2l + 1, points)."""
        result = np.empty((3, len(self._coefficients), len(q)))
        for axis in range(3):
            slopes = np.zeros((len(self._powers), len(q)))
            for row, powers in enumerate(self._powers):
                if power := powers[axis]:
                    lowered = [p - (i == axis) for i, p in enumerate(powers)]
                    slopes[row] = power * _monomial(q, lowered)
            result[axis] = self._coefficients @ slopes
        return result


def _monomial(q: np.ndarray, powers: Sequence[int]) -> np.ndarray:
    """x^i y^j z^k (points,)."""
    result = np.ones(len(q))
    for axis, power in enumerate(powers):
        for _ in range(power):
            result *= q[:, axis]
    return result
