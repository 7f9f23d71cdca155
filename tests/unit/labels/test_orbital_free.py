"""Orbital-free labels on small cells: derivatives, symmetries of space, pseudopotentials, refusals.

Needs DFTpy (the extra ``orbital-free``). Larger cells and the comparison with Kohn-Sham are in
tests/physics/test_orbital_free_physics.py.
"""

import json
import pickle
import re

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.units import GPa
from derivatives import numerical_force, numerical_stress
from scipy.integrate import quad

from ingot.labels import LabelError, LabelMethod, label
from ingot.structures import canonical
from ingot.units import BOHR, HARTREE

pytest.importorskip("dftpy", reason="DFTpy is not installed: pip install 'ingot-mlip[orbital-free]'")

from ingot.labels.orbital_free.kinetic import FUNCTIONALS
from ingot.labels.orbital_free.method import NUMERICS_VERSION, OrbitalFreeLabels
from ingot.labels.orbital_free.pseudopotential import AnalyticIon

ION = {"valence": 3.0, "radius_bohr": 1.15, "depth_hartree": 0.11, "damping_per_bohr": 3.5}
"""A model ion that makes a metal much like aluminium; round numbers, not a published fit."""


def _method(**settings) -> OrbitalFreeLabels:
    return OrbitalFreeLabels(**{"analytic_pseudopotential": {"Al": ION}, **settings})


@pytest.fixture(scope="module")
def skewed() -> Atoms:
    """Three atoms in a skewed cell, displaced."""
    rng = np.random.default_rng(1)
    atoms = bulk("Al", "fcc", a=4.05).repeat((1, 1, 3))
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.05 * rng.normal(size=(3, 3))), scale_atoms=True)
    atoms.rattle(0.15, seed=3)
    return canonical(atoms)


MESH = (14, 14, 40)


@pytest.mark.parametrize("functional", ["wt", "tf-vw/5"])
def test_forces_are_the_derivative_of_the_energy(skewed, functional):
    method = _method(kinetic_functional=functional, fft_mesh=MESH)
    forces = label(skewed, method).forces
    assert np.abs(forces).max() > 0.3
    for index in ((0, 0), (1, 1), (2, 2)):
        # the method itself: the canonical form would round the step
        numerical = numerical_force(lambda a: method.compute(a).energy, skewed, index)
        assert forces[index] == pytest.approx(numerical, abs=5e-5)
    assert np.abs(forces.sum(axis=0)).max() < 0.01  # broken by the grid alone


@pytest.mark.parametrize("functional", [name for name, f in FUNCTIONALS.items() if f.has_stress])
def test_stress_is_the_derivative_with_respect_to_strain(skewed, functional):
    """Every functional that offers a stress: DFTpy's defaults make that of one of them wrong by tens of GPa."""
    method = _method(kinetic_functional=functional, fft_mesh=MESH)
    stress = label(skewed, method).stress
    for component in (0, 3):
        numerical = numerical_stress(lambda a: method.compute(a).energy, skewed, component, step=5e-4)
        assert abs(stress[component] - numerical) / GPa < 0.01


def test_a_supercell_is_its_cell_repeated(skewed):
    double = skewed.repeat((2, 1, 1))
    one, two = label(skewed, _method(fft_mesh=MESH)), label(double, _method(fft_mesh=(28, 14, 40)))
    assert two.energy == pytest.approx(2 * one.energy, abs=1e-6)
    assert np.allclose(two.forces, np.tile(one.forces, (2, 1)), atol=1e-4)
    assert np.allclose(two.stress, one.stress, atol=1e-6)


def test_a_translation_changes_nothing_beyond_the_grid(skewed):
    moved = skewed.copy()
    moved.positions += [0.11, 0.23, -0.37]
    first, second = label(skewed, _method()), label(moved, _method())
    assert second.energy == pytest.approx(first.energy, abs=1e-4)
    assert np.allclose(second.forces, first.forces, atol=2e-3)
    assert np.allclose(second.stress, first.stress, atol=1e-4)


def test_left_handed_cells_are_the_same_crystal(skewed):
    mirrored = skewed.copy()
    mirrored.set_cell(np.diag([1, 1, -1]) @ skewed.cell.array, scale_atoms=False)
    assert np.linalg.det(mirrored.cell.array) * np.linalg.det(skewed.cell.array) < 0
    first, second = label(skewed, _method()), label(mirrored, _method())
    assert second.energy == pytest.approx(first.energy, abs=1e-8)
    assert np.allclose(second.forces, first.forces, atol=1e-5)
    assert np.allclose(second.stress, first.stress, atol=1e-6)


def test_symmetric_crystals_have_no_forces_and_a_cubic_stress():
    result = label(bulk("Al", cubic=True), _method())
    assert np.abs(result.forces).max() < 1e-4
    assert np.abs(result.stress[:3] - result.stress[0]).max() / GPa < 1e-3
    assert np.abs(result.stress[3:]).max() / GPa < 1e-3
    assert result.energy_kind == "total"


def _free_electron_crystal(volume: float, ion: AnalyticIon) -> float:
    """Energy per ion (Hartree) of an fcc lattice of ions in a uniform electron gas; volume in bohr^3.

    Thomas-Fermi, Dirac and Perdew-Zunger energies, the Madelung energy (fcc: -0.895873615 Z^2 / a in terms of the
    radius a of the ion's sphere), and the ions' non-Coulomb part with the mean density.
    """
    Z = ion.valence
    r_s, sphere = (3 * volume / (4 * np.pi * Z)) ** (1 / 3), (3 * volume / (4 * np.pi)) ** (1 / 3)
    kinetic, exchange = 0.3 * (9 * np.pi / 4) ** (2 / 3) / r_s**2, -0.75 * (9 / (4 * np.pi**2)) ** (1 / 3) / r_s
    correlation = -0.1423 / (1 + 1.0529 * np.sqrt(r_s) + 0.3334 * r_s)
    return Z * (kinetic + exchange + correlation) - 0.895873615 * Z**2 / sphere + Z * ion.non_coulomb_limit() / volume


@pytest.mark.parametrize("damping", [1.0, 0.3])
@pytest.mark.parametrize("functional", ["wt", "sm", "tf-vw"])
def test_ions_too_soft_to_be_felt_leave_a_free_electron_gas(functional, damping):
    """With no potential left at the reciprocal lattice every functional is Thomas-Fermi, and all energies are known."""
    ion = {**ION, "damping_per_bohr": damping}
    method = _method(analytic_pseudopotential={"Al": ion}, kinetic_functional=functional)
    atoms = bulk("Al", a=4.05)
    volume, step = atoms.get_volume() / BOHR**3, 1e-3
    result = label(atoms, method)
    assert result.energy == pytest.approx(_free_electron_crystal(volume, AnalyticIon(**ion)) * HARTREE, abs=2e-5)
    ends = [_free_electron_crystal(volume + x, AnalyticIon(**ion)) for x in (step, -step)]
    slope = (ends[0] - ends[1]) / (2 * step) * HARTREE / BOHR**3
    assert result.stress[:3] / GPa == pytest.approx(slope / GPa, abs=0.01)


def test_labels_do_not_depend_on_what_came_before(skewed):
    method = _method()
    alone = label(skewed, method).to_dict()
    label(bulk("Al", a=3.8), method)
    assert json.dumps(label(skewed, method).to_dict()) == json.dumps(alone)
    copied = pickle.loads(pickle.dumps(method))
    assert json.dumps(label(skewed, copied).to_dict()) == json.dumps(alone)


def test_nothing_is_printed_and_print_options_stay(skewed, capsys):
    before = np.get_printoptions()
    label(skewed, _method())
    assert capsys.readouterr() == ("", "")
    assert np.get_printoptions() == before


class TestAnalyticIon:
    ion = AnalyticIon(**ION)

    def test_is_the_fourier_transform_of_its_real_space_form(self):
        """-A inside R, -Z/r outside: the difference to -Z/r is confined to R, where the integral is numerical."""
        bare = AnalyticIon(**{**ION, "damping_per_bohr": 1e9})
        Z, R, A = ION["valence"], ION["radius_bohr"], ION["depth_hartree"]
        for q in (0.3, 1.4, 3.0, 7.0):
            inside, _ = quad(lambda r, q=q: 4 * np.pi * r**2 * (Z / r - A) * np.sin(q * r) / (q * r), 0, R)
            assert bare.potential(np.array(q)) == pytest.approx(inside - 4 * np.pi * Z / q**2, rel=1e-8)

    def test_is_a_coulomb_potential_far_away(self):
        q = np.array([1e-2, 1e-3])
        coulomb = -4 * np.pi * ION["valence"] / q**2
        assert self.ion.potential(q) / coulomb == pytest.approx(1, abs=1e-3)
        assert self.ion.potential(q) - coulomb == pytest.approx(self.ion.non_coulomb_limit(), rel=1e-3)

    def test_ends_smoothly(self):
        assert abs(self.ion.potential(np.array(7.0))) < 1e-20

    @pytest.mark.parametrize(
        ("change", "words"),
        [({"radius_bohr": -1.0}, "radius_bohr must be a positive number"), ({"depth": 1}, "depth_hartree")],
    )
    def test_refuses_what_is_no_ion(self, change, words):
        with pytest.raises(LabelError, match=words):
            _method(analytic_pseudopotential={"Al": {**ION, **change}})


@pytest.fixture(scope="module")
def tabulated(tmp_path_factory):
    """The model ion as a CASTEP recpot file: reciprocal space, eV A^3, up to 16 / bohr."""
    from ase.units import Bohr, Hartree

    ion = AnalyticIon(**ION)
    q = np.linspace(0, 16, 8001)
    values = np.concatenate([[ion.non_coulomb_limit()], ion.potential(q[1:])]) * Hartree * Bohr**3
    path = tmp_path_factory.mktemp("ions") / "al.recpot"
    lines = [" ".join(f"{v:.15e}" for v in values[i : i + 3]) for i in range(0, len(values), 3)]
    header = ["START COMMENT", "model ion", "END COMMENT", "3 5", f"{16 / Bohr:.15f}"]
    path.write_text("\n".join([*header, *lines, "1000", ""]))
    return path


def test_a_file_gives_what_its_numbers_say(skewed, tabulated):
    from_file = _method(analytic_pseudopotential={}, pseudopotential={"Al": str(tabulated)})
    assert label(skewed, from_file).energy == pytest.approx(label(skewed, _method()).energy, abs=1e-5)


def test_the_content_of_a_file_decides_the_digest(tabulated, tmp_path):
    def digest(path) -> str:
        return _method(analytic_pseudopotential={}, pseudopotential={"Al": str(path)}).digest

    elsewhere = tmp_path / "other name.recpot"
    elsewhere.write_text(tabulated.read_text())
    assert digest(elsewhere) == digest(tabulated)
    elsewhere.write_text(tabulated.read_text().replace("model ion", "another ion"))
    assert digest(elsewhere) != digest(tabulated)


def test_files_that_are_no_local_pseudopotentials_are_refused(tmp_path):
    psp8 = tmp_path / "Al.psp8"
    psp8.write_text("Al\n13.0 3.0 1\n8 2 1 4 10 0\n0 -1 0\n2 2 0 0 0\n1 1\n")
    broken = tmp_path / "Al.recpot"
    broken.write_text("nothing\n")
    for path, words in (
        (tmp_path / "absent.recpot", "no pseudopotential file"),
        (tmp_path / "test.recpott", "did you mean 'recpot'"),
        (psp8, "4 nonlocal projectors"),
    ):
        if path.suffix == ".recpott":
            path.write_text("")
        with pytest.raises(LabelError, match=words):
            _method(analytic_pseudopotential={}, pseudopotential={"Al": str(path)})
    method = _method(analytic_pseudopotential={}, pseudopotential={"Al": str(broken)})
    with pytest.raises(LabelError, match="cannot be read"):
        label(bulk("Al"), method)


@pytest.mark.parametrize(
    ("atoms", "settings", "reason"),
    [
        (Atoms("Al", cell=[9, 9, 9], pbc=[1, 1, 0]), {}, "periodic in three directions"),
        (bulk("Mg"), {}, "no local pseudopotential for Mg; name a file under pseudopotential"),
        (bulk("Al"), {"fft_mesh": (8, 8, 4)}, r"the FFT mesh \(8, 8, 4\) holds plane waves up to 2.7 Hartree only"),
        (bulk("Al", cubic=True), {"max_steps": 1}, r"did not converge in 1 \(TN\) and 4 \(CG-HS\) steps"),
    ],
    ids=["slab", "element", "mesh", "steps"],
)
def test_what_cannot_be_labelled_is_a_failed_label_with_the_reason(atoms, settings, reason):
    result = label(atoms, _method(**settings))
    assert not result.converged
    assert result.energy is None
    assert re.search(reason, result.reason)


@pytest.mark.parametrize(("key", "value"), [("charge", 1), ("spin_multiplicity", 2)])
def test_charged_and_polarised_cells_are_refused(key, value):
    atoms = bulk("Al")
    atoms.info[key] = value
    assert str(value) in label(atoms, _method()).reason


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kinetic_functional": "wgt"}, "did you mean 'wt'"),
        ({"kinetic_functional": "lkt"}, "has no stress .* set compute_stress to false"),
        ({"analytic_pseudopotential": {}}, "needs a local pseudopotential for each element"),
        ({"pseudopotential": {"Al": "x"}}, "a pseudopotential file and an analytic one"),
        ({"ke_cutoff_hartree": 2.0}, "too low"),
    ],
)
def test_settings_that_no_structure_could_be_labelled_with_are_refused(settings, words):
    with pytest.raises(LabelError, match=words):
        _method(**settings)


def test_a_second_minimiser_converges_to_the_same_numbers(skewed, monkeypatch):
    import ingot.labels.orbital_free.method as module

    first = label(skewed, _method())
    monkeypatch.setattr(module, "_LADDER", (("TN", 0), ("CG-HS", 4)))
    method = _method()
    second = label(skewed, method)
    assert method.last_cost["algorithm"] == "CG-HS"
    assert second.energy == pytest.approx(first.energy, abs=1e-7)
    assert np.allclose(second.forces, first.forces, atol=1e-4)
    assert np.allclose(second.stress, first.stress, atol=1e-5)


def test_digest_is_that_of_the_physics(monkeypatch):
    """The recorded digest addresses labels on disk; raise NUMERICS_VERSION when numbers change, and record anew."""
    import ingot.labels.orbital_free.method as module

    monkeypatch.setattr(module.metadata, "version", lambda name: "2.2.0")
    assert (NUMERICS_VERSION, _method().digest) == (1, RECORDED["digest"])
    assert isinstance(_method(), LabelMethod)
    assert _method(ke_cutoff_hartree=20).digest == _method(ke_cutoff_hartree=20.0).digest
    assert _method(fft_mesh=[20, 20, 20]).digest == _method(fft_mesh=(20, 20, 20)).digest
    changes = (
        {"ke_cutoff_hartree": 25.0},
        {"kinetic_functional": "sm"},
        {"compute_stress": False},
        {"convergence_potential_hartree": 1e-7},
        {"analytic_pseudopotential": {"Al": {**ION, "depth_hartree": 0.12}}},
    )
    for change in changes:
        assert _method(**change).digest != _method().digest
    monkeypatch.setattr(module.metadata, "version", lambda name: "2.3.0")
    assert _method().digest != RECORDED["digest"]


def test_a_recorded_label_comes_out_again(skewed):
    """If this fails, numbers changed: raise NUMERICS_VERSION and record anew."""
    result = label(skewed, _method())
    assert result.structure_id == RECORDED["structure_id"]
    assert result.energy == pytest.approx(RECORDED["energy"], abs=1e-6)
    assert np.allclose(result.forces, RECORDED["forces"], atol=1e-5)
    assert np.allclose(result.stress, RECORDED["stress"], atol=1e-6)


RECORDED = {
    "structure_id": "673d020c940802fe",
    "digest": "9f3f14677510418a",
    "energy": -174.67617451,
    "forces": [
        [-0.7923861, -0.7428344, 0.5348162],
        [0.7193791, 0.6092513, -0.4098661],
        [0.0730066, 0.1335831, -0.1249492],
    ],
    "stress": [0.019383933, 0.018600259, 0.024170415, 0.003282999, 0.001315932, -0.008401988],
}
