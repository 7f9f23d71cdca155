"""The ASE calculator of a potential."""

from typing import Any, ClassVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import Calculator, all_changes
from ase.stress import full_3x3_to_voigt_6_stress

from ingot.neighbors import NeighborOverflow, NeighborTable, neighbor_table, round_up
from ingot.potentials.evaluate import Evaluation, Evaluator, Members, make_evaluator
from ingot.potentials.potential import Potential


def padded_atoms(atoms: int) -> int:
    """A count to pad to, so that structures of similar size share compiled code.

    >>> padded_atoms(1), padded_atoms(9), padded_atoms(100)
    (8, 16, 128)
    """
    return max(8, 1 << (atoms - 1).bit_length()) if atoms <= 64 else round_up(atoms, 64)


class PaddedEvaluator:
    """Evaluates structures of any size with some or all members.

    Shapes are padded and capacities only grow, so that structures of similar size share compiled code, and molecular
    dynamics does not compile again at each step. ``dtype`` is the precision of descriptor and network.
    """

    def __init__(self, potential: Potential, dtype: str = "float64") -> None:
        self._potential, self._dtype = potential, dtype
        self._evaluators: dict[Members, Evaluator] = {}
        self._capacity = 16
        self._inner_capacity = 4 if potential.architecture.inner_cutoff is not None else 0

    def _table(self, atoms: Atoms) -> NeighborTable:
        architecture = self._potential.architecture
        while True:
            try:
                return neighbor_table(
                    atoms.positions,
                    atoms.cell.array,
                    atoms.pbc,
                    architecture.cutoff,
                    architecture.inner_cutoff,
                    capacity=self._capacity,
                    inner_capacity=self._inner_capacity or None,
                )
            except NeighborOverflow as overflow:
                # A little room beyond what is needed: each growth compiles again.
                self._capacity = max(self._capacity, round_up(overflow.needed + 4, 16))
                self._inner_capacity = max(self._inner_capacity, round_up(overflow.needed_inner + 1, 4))

    def evaluate(self, atoms: Atoms, members: Members = "all") -> Evaluation:
        """The raw evaluation of a structure, without padding, as NumPy arrays."""
        if members not in self._evaluators:
            self._evaluators[members] = make_evaluator(self._potential, members, self._dtype)
        species = self._potential.species_index(atoms.numbers)
        table = self._table(atoms)
        count = len(atoms)
        extra = padded_atoms(count) - count
        padded = NeighborTable(
            index=np.pad(table.index, ((0, extra), (0, 0))),
            shift=np.pad(table.shift, ((0, extra), (0, 0), (0, 0))),
            mask=np.pad(table.mask, ((0, extra), (0, 0))),
            inner=table.inner,
        )
        positions = np.pad(atoms.positions, ((0, extra), (0, 0)))
        species = np.pad(species, (0, extra), constant_values=-1)
        energy, forces, strain_gradient, sites = map(
            np.asarray, self._evaluators[members](positions, atoms.cell.array, species, padded)
        )
        return Evaluation(energy, forces[:, :count], strain_gradient, sites[:, :count])


class PotentialCalculator(Calculator):  # type: ignore[misc]  # ASE is not typed
    """Energies, forces and stress for ASE, with the members' spread where there is an ensemble.

    ``energy_std`` (eV) and ``forces_std`` (eV/A, per component) are the members' sample standard deviations
    (ddof 1) times the potential's stored scale; without ``uncertainty`` only the mean is computed, which is
    about as many times cheaper as there are members. ``dtype`` is the precision of descriptor and network.
    """

    implemented_properties: ClassVar[list[str]] = [
        "energy",
        "free_energy",
        "energies",
        "forces",
        "stress",
        "energy_std",
        "forces_std",
    ]

    def __init__(self, potential: Potential, uncertainty: bool = True, dtype: str = "float64", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.potential = potential
        self.uncertainty = uncertainty and potential.members > 1
        self._evaluator = PaddedEvaluator(potential, dtype)

    def evaluate(self, atoms: Atoms) -> Evaluation:
        """The raw evaluation of a structure as NumPy arrays: every member, or their mean without ``uncertainty``."""
        return self._evaluator.evaluate(atoms, "all" if self.uncertainty else "mean")

    def calculate(
        self,
        atoms: Atoms | None = None,
        properties: list[str] | None = None,
        system_changes: list[str] = all_changes,
    ) -> None:
        """Fill ``results``; stress only for structures periodic in all three directions."""
        super().calculate(atoms, properties, system_changes)
        energy, forces, strain_gradient, sites = self.evaluate(self.atoms)
        mean = float(energy.mean())
        self.results = {
            "energy": mean,
            "free_energy": mean,
            "energies": sites.mean(axis=0),
            "forces": forces.mean(axis=0),
        }
        if self.atoms.pbc.all():
            self.results["stress"] = full_3x3_to_voigt_6_stress(strain_gradient.mean(axis=0) / self.atoms.get_volume())
        if self.uncertainty:
            scale = self.potential.uncertainty_scale
            self.results["energy_std"] = scale["energy"] * float(energy.std(ddof=1))
            self.results["forces_std"] = scale["forces"] * forces.std(axis=0, ddof=1)
