"""Potentials whose energies and forces are multiplied: quantities of members that spread by as much."""

from ingot.potentials import Potential, PotentialCalculator


class Scaled(PotentialCalculator):
    """All results times ``factor``, and ``shift`` eV added per atom."""

    def __init__(self, potential: Potential, factor: float, shift: float = 0.0) -> None:
        super().__init__(potential)
        self.factor, self.shift = factor, shift

    def calculate(self, *args: object, **kwargs: object) -> None:
        super().calculate(*args, **kwargs)
        self.results = {key: self.factor * value for key, value in self.results.items()}
        self.results["energy"] += self.shift * len(self.atoms)


def members(potential: Potential, shift: float = 0.0) -> list[Scaled]:
    """Three, with a standard deviation of a tenth."""
    return [Scaled(potential, factor, shift) for factor in (0.9, 1.0, 1.1)]
