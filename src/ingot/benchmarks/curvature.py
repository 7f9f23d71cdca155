"""Whether a relaxed structure is a minimum of the energy: the lowest curvature, from forces alone."""

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from numpy.typing import NDArray
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

from ingot.benchmarks.errors import BenchmarkError

Values = NDArray[np.float64]

_STEP = 0.02  # A, of the differences, over all coordinates
_SHIFT = 2.0  # eV/A^2, of all eigenvalues: a relative tolerance would never be met by one near zero
_TOLERANCE = 0.005
_MAX_ITERATIONS = 200
_STIFF = 100.0  # eV/A^2, of translations: more than any curvature of interest


def lowest_curvature(atoms: Atoms, calculator: BaseCalculator, start: Values) -> tuple[float, Values]:
    """The lowest eigenvalue (eV/A^2) of the second derivatives of the energy, and its eigenvector (atoms, 3).

    Lanczos iterations from ``start`` (atoms, 3) with products of the second derivatives and a vector as central
    differences of forces; translations of all atoms are left out. At a minimum the eigenvalue is positive. Raises
    :class:`BenchmarkError` when the iterations do not converge.
    """
    probe = atoms.copy()
    probe.calc = calculator
    shape = atoms.positions.shape

    def forces(displacement: Values) -> Values:
        probe.positions = atoms.positions + displacement
        return np.asarray(probe.get_forces())

    def product(vector: Values) -> Values:
        direction = vector.reshape(shape)
        size = np.linalg.norm(direction) / _STEP
        translation = direction.mean(axis=0)
        change = size * (forces(-direction / size) - forces(direction / size)) / 2
        return np.ravel(change + _SHIFT * direction + _STIFF * translation)

    operator = LinearOperator((atoms.positions.size,) * 2, matvec=product, dtype=np.float64)
    try:
        values, vectors = eigsh(operator, k=1, which="SA", v0=np.ravel(start), tol=_TOLERANCE, maxiter=_MAX_ITERATIONS)
    except ArpackNoConvergence:
        raise BenchmarkError(f"the lowest curvature was not found in {_MAX_ITERATIONS} iterations") from None
    return float(values[0]) - _SHIFT, vectors[:, 0].reshape(shape)
