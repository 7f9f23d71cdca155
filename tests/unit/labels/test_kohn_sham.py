"""The periodic Kohn-Sham method on small, cheap cells: derivatives, peers, determinism, refusals.

Larger cells and tighter settings are in tests/physics/test_label_physics.py.
"""

import json
import re

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.units import GPa
from derivatives import numerical_force, numerical_stress

from ingot.labels import LabelError, LabelStore, label, make_method
from ingot.labels.fft_mesh import fast_mesh
from ingot.labels.kohn_sham.method import NUMERICS_VERSION, KohnShamLabels
from ingot.structures import canonical, check_structure, structure_id

TIGHT = {"convergence_energy_hartree": 1e-10, "convergence_gradient_hartree": 1e-6, "max_cycle": 60}


def _method(**settings) -> KohnShamLabels:
    method = make_method({"method": "pyscf", "pyscf": settings})
    assert isinstance(method, KohnShamLabels)
    return method


def _cheap(**settings) -> KohnShamLabels:
    return _method(**{"kpoint_mesh": (2, 1, 1), "ke_cutoff_hartree": 20.0, **settings})


@pytest.fixture(scope="module")
def skewed() -> Atoms:
    """Three atoms (nine electrons) in a skewed cell, displaced."""
    rng = np.random.default_rng(1)
    atoms = bulk("Al", "fcc", a=4.05).repeat((1, 1, 3))
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.05 * rng.normal(size=(3, 3))), scale_atoms=True)
    atoms.rattle(0.15, seed=3)
    check_structure(atoms)
    return canonical(atoms)


@pytest.fixture(scope="module")
def pinned() -> KohnShamLabels:
    """One FFT mesh, so that energies of displaced and strained cells can be subtracted.

    The k-point 3/4 meets an odd number of grid points: there the box of k + G is moved by a reciprocal vector.
    """
    return _cheap(kpoint_mesh=(1, 1, 2), fft_mesh=(14, 14, 27), compute_stress=True, **TIGHT)


def test_forces_are_the_derivative_of_the_free_energy(skewed, pinned):
    """Odd electrons, all components; central differences of 0.004 A leave an error of about 2e-5."""
    forces = label(skewed, pinned).forces
    energies_only = _cheap(kpoint_mesh=(1, 1, 2), fft_mesh=pinned.fft_mesh, **TIGHT)
    numerical = np.zeros_like(forces)
    for index in np.ndindex(forces.shape):
        numerical[index] = numerical_force(lambda a: label(a, energies_only).energy, skewed, index)
    assert np.abs(forces).max() > 0.3
    assert np.abs(forces - numerical).max() < 1e-4
    assert np.abs(forces.sum(axis=0)).max() < 0.03  # broken by the grid alone


def test_stress_is_the_derivative_with_respect_to_strain(skewed, pinned):
    stress = label(skewed, pinned).stress
    energies_only = _cheap(kpoint_mesh=(1, 1, 2), fft_mesh=pinned.fft_mesh, **TIGHT)
    for component in range(6):
        numerical = numerical_stress(lambda a: label(a, energies_only).energy, skewed, component)
        assert abs(stress[component] - numerical) / GPa < 0.02


def _stock(atoms: Atoms, cutoff: float, mesh: tuple[int, int, int], width: float, kpoints: np.ndarray):
    """PySCF's own k-point Kohn-Sham with FFT density fitting, on the same k-points."""
    from pyscf.pbc import dft, gto, scf

    from ingot.units import BOHR, HARTREE

    cell = gto.Cell()
    cell.atom = list(zip(atoms.get_chemical_symbols(), atoms.positions, strict=True))
    cell.a, cell.basis, cell.pseudo = atoms.cell.array, "gth-dzvp-molopt-sr", "gth-pbe"
    cell.precision, cell.verbose, cell.mesh = 1e-8, 0, np.array(mesh)
    cell.build()
    engine = dft.KRKS(cell, xc="pbe", kpts=cell.get_abs_kpts(kpoints))
    engine = scf.addons.smearing_(engine, sigma=width / HARTREE, method="gaussian")
    engine._chkfile.close()
    engine.conv_tol, engine.max_cycle, engine.chkfile = 1e-10, 60, None
    engine.kernel()
    assert engine.converged
    forces = -engine.nuc_grad_method().kernel() * HARTREE / BOHR
    return engine.e_free * HARTREE, engine.e_tot * HARTREE, engine.e_zero * HARTREE, forces


def test_agrees_with_stock_pyscf():
    """At 20 Hartree the two ways to put orbitals on a grid differ by the grid's error; at 40 (slow) they agree."""
    atoms = canonical(bulk("Al", "bcc", a=3.3, cubic=True))
    atoms.rattle(0.1, seed=1)
    atoms = canonical(atoms)
    method = _method(kpoint_mesh=(1, 1, 1), smearing_width_ev=0.3, precision=1e-8, **TIGHT)
    ours = label(atoms, method)
    kpoints = np.array([method.kpoints(atoms).center])
    assert not kpoints.any()  # the zone centre, where PySCF takes routes of its own
    free, total, zero, forces = _stock(atoms, 20.0, fast_mesh(atoms.cell.array, 20.0), 0.3, kpoints)
    assert ours.energy == pytest.approx(free, abs=2e-4)
    assert ours.energy_total == pytest.approx(total, abs=2e-4)
    assert ours.energy_zero == pytest.approx(zero, abs=2e-4)
    assert np.abs(ours.forces - forces).max() < 3e-3
    assert np.abs(forces).max() > 0.1


def test_a_supercell_is_its_primitive_cell_on_a_finer_mesh():
    """Zone folding: half-shifted points (1/4, 3/4) of a doubled cell are (1/8, 3/8, 5/8, 7/8) of the single one."""
    single, double = bulk("Al", "sc", a=2.9), bulk("Al", "sc", a=2.9).repeat((1, 1, 2))
    fine = _method(kpoint_mesh=(2, 2, 4), fft_mesh=(14, 14, 14), **TIGHT)
    coarse = _method(kpoint_mesh=(2, 2, 2), fft_mesh=(14, 14, 28), **TIGHT)
    assert fine.kpoints(single).shift == coarse.kpoints(double).shift == (0.5, 0.5, 0.5)
    one, two = label(single, fine), label(double, coarse)
    assert two.energy == pytest.approx(2 * one.energy, abs=1e-5)
    assert two.entropy_term == pytest.approx(2 * one.entropy_term, abs=1e-5)


def test_left_handed_cells_are_the_same_crystal(skewed):
    mirrored = skewed.copy()
    mirrored.set_cell(np.diag([1, 1, -1]) @ skewed.cell.array, scale_atoms=False)
    assert np.linalg.det(mirrored.cell.array) * np.linalg.det(skewed.cell.array) < 0
    first, second = label(skewed, _cheap()), label(mirrored, _cheap())
    assert second.energy == pytest.approx(first.energy, abs=1e-9)
    assert np.allclose(second.forces, first.forces, atol=1e-7)
    assert first.structure_id != second.structure_id


def test_labels_do_not_depend_on_what_came_before(skewed):
    other = canonical(bulk("Si", a=5.43))
    method = _cheap()
    alone = label(skewed, method).to_dict()
    label(other, method)
    after = label(skewed, _cheap()).to_dict()
    assert json.dumps(alone) == json.dumps(after)


def test_energies_belong_together(skewed):
    for smearing, share in (("gaussian", 0.5), ("fermi", 0.5), ("cold", 0.0)):
        result = label(skewed, _cheap(smearing=smearing))
        assert result.energy_kind == "free"
        assert result.energy == pytest.approx(result.energy_total - result.entropy_term, abs=1e-10)
        assert result.energy_zero == pytest.approx(result.energy + share * result.entropy_term, abs=1e-10)


def test_lithium_with_its_core_electrons():
    """Three electrons per atom, an odd total, a zone-boundary point where band-limited orbitals are complex."""
    result = label(bulk("Li", a=3.45), _method(ke_cutoff_hartree=60.0, kpoint_length_angstrom=8.0))
    assert result.converged
    assert -204 < result.energy < -203


@pytest.mark.parametrize(
    ("atoms", "settings", "reason"),
    [
        (Atoms("Al", cell=[9, 9, 9], pbc=[1, 1, 0]), {}, "periodic in three directions"),
        (bulk("Mg"), {}, r"does not resolve the orbitals: .* raise it, or choose a pseudopotential"),
        (bulk("Al", cubic=True), {"maximum_memory_gb": 1e-4}, "more than maximum_memory_gb = 0.0001"),
        (bulk("Al"), {"basis": "gth-dzvp-molopt-xl"}, "PySCF has no basis"),
        (bulk("Al", cubic=True), {"max_cycle": 1}, r"did not converge in 1 \+ 2 \+ 4 cycles"),
    ],
    ids=["slab", "grid", "memory", "basis", "cycles"],
)
def test_what_cannot_be_labelled_is_a_failed_label_with_the_reason(atoms, settings, reason):
    result = label(atoms, _cheap(**settings))
    assert not result.converged
    assert result.energy is None
    assert re.search(reason, result.reason)


@pytest.mark.parametrize(("key", "value"), [("charge", 1), ("spin_multiplicity", 2)])
def test_charged_and_polarised_cells_are_refused(key, value):
    atoms = bulk("Al")
    atoms.info[key] = value
    assert str(value) in label(atoms, _cheap()).reason


def test_little_memory_costs_time_and_changes_nothing(skewed, monkeypatch):
    """Orbitals that are not kept are made anew: the same numbers, bit for bit."""
    import ingot.labels.kohn_sham.scf as module

    made = []
    original = module.Grid.transforms
    monkeypatch.setattr(module.Grid, "transforms", lambda self, k: made.append(1) or original(self, k))
    orbitals = 13 * len(skewed)
    single, matrices = 16 * orbitals * np.prod(fast_mesh(skewed.cell.array, 20.0)), 24 * 4 * 16 * orbitals**2
    plenty, little = (
        _cheap(kpoint_mesh=(3, 2, 1), maximum_memory_gb=gb) for gb in (4.0, (3.5 * single + matrices) / 2**30)
    )
    first = label(skewed, plenty).to_dict()
    once = len(made)
    second = label(skewed, little).to_dict()
    assert second == first
    assert len(made) > 5 * once


def test_a_second_attempt_converges_to_the_same_numbers(skewed):
    """With too few cycles the ladder's next rung takes over: the same energy and forces, not another state."""
    easy, hard = _cheap(**TIGHT), _cheap(**{**TIGHT, "max_cycle": 7})
    first, second = label(skewed, easy), label(skewed, hard)
    assert hard.last_cost["cycles"] > 7
    assert second.energy == pytest.approx(first.energy, abs=1e-7)
    assert np.allclose(second.forces, first.forces, atol=1e-5)


def test_digest_is_that_of_the_physics(monkeypatch):
    """The recorded digest addresses labels on disk; raise NUMERICS_VERSION when numbers change, and record anew."""
    import ingot.labels.kohn_sham.method as module

    monkeypatch.setattr(module.pyscf, "__version__", "2.14.0")
    assert (NUMERICS_VERSION, _method().digest) == (3, RECORDED["digest"])
    assert _method(ke_cutoff_hartree=20).digest == _method(ke_cutoff_hartree=20.0).digest
    assert _method(maximum_memory_gb=9.0).digest == _method().digest
    assert _method(kpoint_mesh=[2, 2, 2]).digest == _method(kpoint_mesh=(2, 2, 2)).digest
    for change in ({"ke_cutoff_hartree": 25.0}, {"smearing_width_ev": 0.1}, {"compute_stress": True}):
        assert _method(**change).digest != _method().digest
    monkeypatch.setattr(module.pyscf, "__version__", "2.15.0")
    assert _method().digest != RECORDED["digest"]


def test_a_recorded_label_comes_out_again(skewed):
    """If this fails, numbers changed: raise NUMERICS_VERSION and record anew."""
    result = label(skewed, _cheap())
    assert result.structure_id == RECORDED["structure_id"]
    assert result.energy == pytest.approx(RECORDED["energy"], abs=1e-6)
    assert np.allclose(result.forces, RECORDED["forces"], atol=1e-5)


RECORDED = {
    "structure_id": "673d020c940802fe",
    "digest": "c642529d0b48e852",
    "energy": -172.89510911,
    "forces": [
        [-0.4940817, -0.4553592, 0.034562],
        [0.5926067, 0.4885511, -0.0550962],
        [-0.0981276, -0.0327474, 0.020286],
    ],
}


def test_work_is_dealt_by_kpoints_and_grid(skewed):
    method = _method()
    assert method.estimated_cost(skewed.repeat((2, 1, 1))) > 2 * method.estimated_cost(skewed)


def test_labels_and_costs_land_in_the_store(tmp_path, skewed):
    from ingot.labels import label_structures

    method, store = _cheap(), LabelStore(tmp_path)
    label_structures([skewed], method, store)
    cost = store.cost(method.digest, structure_id(skewed))
    assert cost["cycles"] >= 4
    assert cost["cpu_seconds"] > 0
    assert cost["atoms"] == 3
    assert cost["kpoint_mesh"] == [2, 1, 1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"smearing": "gausian"}, "did you mean 'gaussian'"),
        ({"functional": "scan"}, "of kind MGGA; only LDA and GGA"),
        ({"functional": "pbe0"}, "a hybrid; only LDA and GGA"),
        ({"functional": "pbbe"}, "unknown functional"),
    ],
)
def test_unusable_settings_are_refused_at_once(change, message):
    with pytest.raises(LabelError, match=message):
        _method(**change)
