"""The physics that every architecture owes; a new one is added by subclassing :class:`PotentialContract`.

Everything runs in float64 with random parameters: the laws do not depend on training.
"""

import jax
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, make_supercell

from ingot.neighbors import displacements, neighbor_table
from ingot.potentials import (
    AniArchitecture,
    EamArchitecture,
    Graph,
    Potential,
    energies_and_slopes,
    load_potential,
    make_evaluator,
)
from ingot.potentials.eam_files import spline_pieces
from ingot.training import contraction_modes, parameter_gradient


def evaluate(potential, atoms, members="mean", dtype="float64"):
    architecture = potential.architecture
    table = neighbor_table(atoms.positions, atoms.cell.array, atoms.pbc, architecture.cutoff, architecture.inner_cutoff)
    evaluator = make_evaluator(potential, members, dtype)
    return evaluator(atoms.positions, atoms.cell.array, potential.species_index(atoms.numbers), table)


def rotation(seed):
    matrix, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(3, 3)))
    return matrix * np.sign(np.linalg.det(matrix))


class PotentialContract:
    """Subclasses give ``architecture()`` and ``elements`` for the test structures."""

    elements: tuple[str, ...]

    def architecture(self):
        raise NotImplementedError

    @pytest.fixture
    def potential(self):
        architecture = self.architecture()
        members = [architecture.initial_parameters(seed) for seed in range(3)]
        return Potential(
            architecture,
            jax.tree.map(lambda *leaves: np.stack(leaves), *members),
            offsets={symbol: -1.5 * (k + 1) for k, symbol in enumerate(architecture.species)},
        )

    def crystal(self, seed=0):
        """A small skewed cell of disturbed atoms, smaller than the cutoff."""
        atoms = bulk("Al", "fcc", a=4.0, cubic=True)
        atoms.symbols = [self.elements[k % len(self.elements)] for k in range(len(atoms))]
        atoms.rattle(0.2, seed=seed)
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.05 * np.random.default_rng(seed).normal(size=(3, 3))), True)
        return atoms

    def test_forces_are_minus_the_energy_gradient(self, potential):
        atoms = self.crystal()
        forces = np.asarray(evaluate(potential, atoms, "all").forces)
        assert np.abs(forces).max() > 1e-3
        for atom, axis in ((0, 0), (1, 2), (3, 1)):
            energies = []
            for step in (1e-4, -1e-4):
                moved = atoms.copy()
                moved.positions[atom, axis] += step
                energies.append(np.asarray(evaluate(potential, moved, "all").energy))
            finite = -(energies[0] - energies[1]) / 2e-4
            assert np.allclose(forces[:, atom, axis], finite, atol=2e-7 * max(1, np.abs(forces).max()))

    def test_stress_is_the_strain_derivative(self, potential):
        atoms = self.crystal()
        gradient = np.asarray(evaluate(potential, atoms).strain_gradient[0])
        assert np.abs(gradient).max() > 1e-3
        for i, j in ((0, 0), (2, 2), (0, 1), (1, 2)):
            energies = []
            for step in (1e-5, -1e-5):
                strain = np.eye(3)
                strain[i, j] += 0.5 * step
                strain[j, i] += 0.5 * step
                moved = atoms.copy()
                moved.set_cell(atoms.cell.array @ strain, scale_atoms=True)
                energies.append(float(evaluate(potential, moved).energy[0]))
            assert np.isclose(gradient[i, j], (energies[0] - energies[1]) / 2e-5, atol=1e-6 * np.abs(gradient).max())

    def test_translation_rotation_and_permutation(self, potential):
        atoms = self.crystal()
        reference = evaluate(potential, atoms)
        moved = atoms.copy()
        moved.translate([0.7, -9.1, 2.2])
        turn = rotation(1)
        turned = Atoms(atoms.symbols, positions=moved.positions @ turn, cell=atoms.cell.array @ turn, pbc=True)
        order = np.random.default_rng(0).permutation(len(atoms))
        result = evaluate(potential, turned[order])
        assert np.isclose(result.energy[0], reference.energy[0], rtol=0, atol=1e-10)
        assert np.allclose(result.forces[0], (reference.forces[0] @ turn)[order], atol=1e-10)
        strain_gradient = turn.T @ np.asarray(reference.strain_gradient[0]) @ turn
        assert np.allclose(result.strain_gradient[0], strain_gradient, atol=1e-9)
        assert np.abs(np.asarray(reference.forces[0]).sum(axis=0)).max() < 1e-11

    def test_a_supercell_repeats_its_cell(self, potential):
        atoms = self.crystal()
        reference = evaluate(potential, atoms)
        large = make_supercell(atoms, [[2, 1, 0], [0, 1, 0], [-1, 0, 2]], order="atom-major")
        result = evaluate(potential, large)
        copies = len(large) // len(atoms)
        assert copies == 4
        assert np.isclose(result.energy[0], copies * reference.energy[0], atol=1e-9)
        assert np.allclose(result.forces[0].reshape(len(atoms), copies, 3), reference.forces[0][:, None], atol=1e-10)

    def test_energy_and_forces_are_continuous_at_the_cutoffs(self, potential):
        """A third atom crosses each cutoff of the first: nothing jumps, and beyond the range nothing is felt."""
        architecture = potential.architecture
        for cutoff in {architecture.cutoff, architecture.inner_cutoff or architecture.cutoff}:
            samples = []
            for offset in (-1e-4, -1e-6, 1e-6, 1e-4):
                cluster = Atoms(
                    [self.elements[k % len(self.elements)] for k in range(3)],
                    positions=[[0, 0, 0], [2.3, 0.4, 0.2], [0, cutoff + offset, 0]],
                )
                result = evaluate(potential, cluster)
                samples.append(np.append(np.asarray(result.forces[0]).ravel(), float(result.energy[0])))
            near, wide = np.abs(samples[2] - samples[1]).max(), np.abs(samples[3] - samples[0]).max()
            assert near < 1e-4
            assert near <= 0.05 * wide + 1e-9
        pair = Atoms([self.elements[0]] * 2, positions=[[0, 0, 0], [0, 0, architecture.cutoff + 1e-6]])
        assert np.abs(np.asarray(evaluate(potential, pair).forces)).max() == 0

    def test_an_ensemble_is_the_stack_of_its_members(self, potential):
        atoms = self.crystal()
        stack = evaluate(potential, atoms, "all")
        mean = evaluate(potential, atoms, "mean")
        for member in range(potential.members):
            alone = evaluate(potential, atoms, member)
            assert np.isclose(alone.energy[0], stack.energy[member], atol=1e-11)
            assert np.allclose(alone.forces[0], stack.forces[member], atol=1e-11)
        assert len(np.unique(np.asarray(stack.energy))) == potential.members
        assert np.allclose(mean.forces[0], np.asarray(stack.forces).mean(axis=0), atol=1e-11)
        assert np.isclose(mean.energy[0], np.asarray(stack.energy).mean(), atol=1e-11)

    def test_padding_changes_nothing(self, potential):
        atoms = self.crystal()
        reference = evaluate(potential, atoms)
        calculator = potential.calculator(uncertainty=False)
        result = calculator.evaluate(atoms)
        assert result.forces.shape == (1, len(atoms), 3)
        assert np.isclose(result.energy[0], reference.energy[0], atol=1e-11)
        assert np.allclose(result.forces, reference.forces, atol=1e-11)

    def test_single_precision_agrees(self, potential):
        atoms = self.crystal()
        exact, fast = (evaluate(potential, atoms, "all", dtype) for dtype in ("float64", "float32"))
        assert np.allclose(exact.energy, fast.energy, atol=1e-5 * len(atoms))
        assert np.allclose(exact.forces, fast.forces, atol=1e-4 * max(1, np.abs(exact.forces).max()))

    def test_a_saved_potential_gives_the_same_energies(self, potential, tmp_path):
        potential.save(tmp_path / "p")
        again = load_potential(tmp_path / "p")
        assert again.architecture == potential.architecture
        assert np.array_equal(evaluate(again, self.crystal(), "all").forces,
                              evaluate(potential, self.crystal(), "all").forces)  # fmt: skip

    def test_slopes_agree_with_reverse_mode(self, potential):
        """The evaluator's route (perhaps a hand-made one) against plain automatic differentiation."""
        atoms = self.crystal()
        architecture = potential.architecture
        table = neighbor_table(
            atoms.positions, atoms.cell.array, atoms.pbc, architecture.cutoff, architecture.inner_cutoff
        )
        vectors = displacements(atoms.positions, atoms.cell.array, table)
        species = potential.species_index(atoms.numbers)

        def energy(positions, strain, parameters):
            d = displacements(positions, atoms.cell.array, table)
            return architecture.site_energies(parameters, Graph(species, table, d + d @ strain)).sum()

        gradient = jax.jit(jax.grad(energy, argnums=(0, 1)))
        _, by_position, by_strain = jax.jit(
            lambda p, d: energies_and_slopes(architecture, p, Graph(species, table, d), mean=False)
        )(potential.parameters, vectors)
        for member in range(potential.members):
            parameters = jax.tree.map(lambda leaf, m=member: leaf[m], potential.parameters)
            expected = gradient(atoms.positions, np.zeros((3, 3)), parameters)
            assert np.allclose(by_position[member], expected[0], atol=1e-11)
            assert np.allclose(by_strain[member], expected[1], atol=1e-10)

    def test_every_contraction_gives_the_reverse_over_reverse_gradient(self, potential):
        """The parameter gradient of a loss on energy, forces and stress (Smith et al., arXiv 2006.05475)."""
        atoms = self.crystal()
        parameters = jax.tree.map(lambda leaf: leaf[0], potential.parameters)
        rng = np.random.default_rng(0)
        target = (-1.0, rng.normal(size=(len(atoms), 3)), rng.normal(size=(3, 3)))
        gradients = {
            mode: parameter_gradient(potential.architecture, parameters, atoms, target, mode=mode)
            for mode in contraction_modes(potential.architecture)
        }
        oracle = np.concatenate([np.ravel(x) for x in jax.tree.leaves(gradients.pop("reverse"))])
        assert np.linalg.norm(oracle) > 1e-3
        assert gradients
        for mode, gradient in gradients.items():
            flat = np.concatenate([np.ravel(x) for x in jax.tree.leaves(gradient)])
            tolerance = 5e-3 if mode == "difference" else 1e-10  # the paper's is an approximation of order step^2
            assert np.linalg.norm(flat - oracle) < tolerance * np.linalg.norm(oracle), mode


class TestAniOneElement(PotentialContract):
    elements = ("Al",)

    def architecture(self):
        return AniArchitecture.evenly_spaced(
            ("Al",), 5.5, 8, 4.2, 2, 3, hidden=(12, 8), first_shift=1.8, repulsion=(0.5, 1.15)
        )


class TestAniTwoElements(PotentialContract):
    elements = ("Ni", "Al", "Al")

    def architecture(self):
        return AniArchitecture.evenly_spaced(
            ("Al", "Ni"), 5.0, 4, 4.0, 2, 2, hidden=(10, 6), angular_zeta=14.1, first_shift=1.8, repulsion=(0.5, 1.8)
        )


class TestEamTwoElements(PotentialContract):
    """Tables of smooth functions that go to zero at the cutoff, other ones for each member."""

    elements = ("Ni", "Al", "Al")

    def architecture(self):
        return EamArchitecture(("Al", "Ni"), cutoff=5.0, distances=(0.02, 251), densities=(0.05, 200))

    @pytest.fixture
    def potential(self):
        architecture = self.architecture()
        r, rho = np.arange(251) * 0.02, np.arange(200) * 0.05

        def tables(seed):
            rng = np.random.default_rng(seed)
            fade, between = (1 - r / 5.0) ** 6, rng.uniform(0.5, 1.5, (2, 2, 1))
            pair = 0.5 * (between + between.transpose(1, 0, 2)) * r * np.exp(-1.5 * (r - 2.7)) * fade
            density = rng.uniform(0.5, 1.0, (2, 2, 1)) * np.exp(-0.8 * (r - 2.7)) * fade
            embedding = -rng.uniform(1.0, 2.0, (2, 1)) * np.sqrt(rho + 0.5)
            return {
                "pair": spline_pieces(pair),
                "density": spline_pieces(density),
                "embedding": spline_pieces(embedding),
            }

        parameters = jax.tree.map(lambda *leaves: np.stack(leaves), *[tables(seed) for seed in range(3)])
        return Potential(architecture, parameters, {"Al": -1.5, "Ni": -3.0})

    def test_every_contraction_gives_the_reverse_over_reverse_gradient(self, potential):
        """Exact ways alone: an atom that is displaced may look into the next interval of a table."""
        parameters = jax.tree.map(lambda leaf: leaf[0], potential.parameters)
        rng = np.random.default_rng(0)
        target = (-1.0, rng.normal(size=(4, 3)), rng.normal(size=(3, 3)))
        forward, reverse = (
            parameter_gradient(potential.architecture, parameters, self.crystal(), target, mode=mode)
            for mode in ("forward", "reverse")
        )
        for found, expected in zip(jax.tree.leaves(forward), jax.tree.leaves(reverse), strict=True):
            assert np.abs(expected).max() > 0
            assert np.allclose(found, expected, rtol=1e-9, atol=1e-10 * np.abs(expected).max())


@pytest.mark.slow
class TestPublishedAniConstants(PotentialContract):
    elements = ("Al",)

    def architecture(self):
        return AniArchitecture.published_ani_al()
