"""Molecules on small basis sets: derivatives, peers, spin and charge, determinism, refusals.

Larger basis sets, invariances and published values are in tests/physics/test_molecule_physics.py.
"""

import json
import re

import numpy as np
import pytest
from ase import Atoms
from derivatives import numerical_slope

from ingot.labels import LabelError, LabelMethod, LabelStore, label, label_structures
from ingot.labels.molecule import NUMERICS_VERSION, MoleculeLabels
from ingot.structures import canonical, structure_id
from ingot.units import BOHR, HARTREE

TIGHT = {"convergence_energy_hartree": 1e-11, "convergence_gradient_hartree": 1e-7}


def _cheap(**settings) -> MoleculeLabels:
    return MoleculeLabels(**{"functional": "pbe", "basis": "6-31g", "grid_level": 1, **settings})


def _water() -> Atoms:
    """Bent and stretched, so that no force vanishes by symmetry."""
    return canonical(Atoms("OHH", positions=[[0.02, 0.1, 0.05], [0.79, 0.63, -0.1], [-0.71, 0.55, 0.2]]))


def _hydroxyl() -> Atoms:
    atoms = canonical(Atoms("OH", positions=[[0, 0, 0], [0.5, 0.7, 0.6]]))
    atoms.info["spin_multiplicity"] = 2
    return atoms


def _amidogen() -> Atoms:
    atoms = canonical(Atoms("NHH", positions=_water().positions))
    atoms.info["spin_multiplicity"] = 2
    return atoms


def _hydrogen(distance: float = 0.8) -> Atoms:
    return Atoms("H2", positions=[[0, 0, 0], [0, 0, distance]])


@pytest.mark.parametrize(
    ("atoms", "settings"),
    [
        (_water(), {"functional": "wb97x", "basis": "6-31g*"}),
        (_amidogen(), {"functional": "b3lyp", "density_fitting": False}),
        (_hydroxyl(), {"functional": "hf", "cartesian": True, "basis": "6-31g*"}),
    ],
    ids=["range-separated", "open shell without fitting", "Hartree-Fock"],
)
def test_forces_are_the_derivative_of_the_energy(atoms, settings):
    """The grid moves with the atoms and is coarse here: only with its response do they agree.

    Central differences of 5e-4 A leave an error of 4e-6.
    """
    method = _cheap(**settings, **TIGHT)
    forces = label(atoms, method).forces
    shift = np.random.default_rng(0).normal(size=forces.shape)
    shift = np.round(5e-4 * shift / np.linalg.norm(shift), 6)  # the canonical form would round it
    slope = numerical_slope(lambda a: label(a, method).energy, atoms, shift)
    assert abs(slope) > 0.1
    assert slope == pytest.approx(-float((forces * shift).sum()) / np.linalg.norm(shift), abs=2e-5)
    assert np.abs(forces.sum(axis=0)).max() < 1e-6


def _stock(atoms: Atoms, spin: int, xc: str, level: int):
    from pyscf import dft, gto

    mol = gto.M(
        atom=list(zip(atoms.symbols, atoms.positions / BOHR, strict=True)),
        unit="B",
        basis="6-31g",
        spin=spin,
        verbose=0,
    )
    engine = (dft.UKS if spin else dft.RKS)(mol, xc=xc)
    engine._chkfile.close()
    engine.chkfile, engine.grids.level, engine.conv_tol, engine.conv_tol_grad = None, level, 1e-9, 1e-5
    energy = engine.kernel() * HARTREE
    assert engine.converged
    return energy, -engine.nuc_grad_method().kernel() * HARTREE / BOHR


@pytest.mark.parametrize(("atoms", "spin"), [(_water(), 0), (_hydroxyl(), 1)], ids=["water", "hydroxyl"])
def test_agrees_with_stock_pyscf(atoms, spin):
    """Without what PySCF leaves out by default: density fitting and the grid's response.

    The half-filled shell of OH may turn about the bond at no cost, so its tightest convergence takes for ever.
    """
    energy, forces = _stock(atoms, spin, "pbe0", 1)
    ours = label(atoms, _cheap(functional="pbe0", density_fitting=False, grid_response=False))
    assert ours.energy == pytest.approx(energy, abs=1e-5)
    assert np.abs(ours.forces - forces).max() < 5e-4
    assert ours.energy_kind == "total"
    assert ours.energy_total == ours.energy
    assert ours.stress is None


def test_the_published_hartree_fock_water():
    """HF/6-31G*, six d functions, at its own minimum: -76.01075 Hartree (Hehre et al., Ab Initio MO Theory, 1986)."""
    half = np.deg2rad(105.5 / 2)
    leg = 0.9473 * np.array([np.sin(half), np.cos(half), 0])
    atoms = Atoms("OHH", positions=[[0, 0, 0], leg, leg * [-1, 1, 1]])
    method = MoleculeLabels(functional="hf", basis="6-31g*", cartesian=True, density_fitting=False, grid_level=0)
    result = label(atoms, method)
    assert result.energy / HARTREE == pytest.approx(-76.01075, abs=2e-5)
    assert np.abs(result.forces).max() < 0.02


def test_density_fitting_hardly_changes_a_label():
    exact, fitted = (label(_water(), _cheap(functional="pbe0", density_fitting=f)) for f in (False, True))
    assert 0 < abs(exact.energy - fitted.energy) < 3e-3
    assert 0 < np.abs(exact.forces - fitted.forces).max() < 3e-3


def test_the_structure_states_its_spin_and_charge_and_the_settings_the_rest():
    method = _cheap(charge=1, spin_multiplicity=2)
    plain, triplet, anion = _hydrogen(), _hydrogen(), _hydrogen()
    triplet.info.update(spin_multiplicity=3)
    anion.info.update(charge=-1)
    assert [method.state(a) for a in (plain, triplet, anion)] == [(1, 2), (1, 3), (-1, 2)]
    ion = label(plain, method)
    plain.info.update(charge=1, spin_multiplicity=2)
    assert label(plain, _cheap()).energy == ion.energy
    # one identity, one label: what is written out is what is left out
    written = _hydrogen()
    written.info.update(charge=0, spin_multiplicity=1)
    assert structure_id(written) == structure_id(_hydrogen())
    assert method.state(written) == method.state(_hydrogen())


def test_molecules_fall_apart_into_their_atoms():
    """A triplet H2 far apart is two doublets; a restricted singlet is not, and lies above them.

    Between two distant atoms the grid is at its poorest: about 1e-4 eV.
    """
    atom = label(Atoms("H"), _cheap(spin_multiplicity=2))
    pair = label(_hydrogen(9.0), _cheap(spin_multiplicity=3))
    assert pair.energy == pytest.approx(2 * atom.energy, abs=5e-4)
    assert np.abs(atom.forces).max() < 1e-6
    assert label(_hydrogen(5.0), _cheap()).energy > pair.energy + 1


def test_spin_contamination_is_in_the_cost():
    method = _cheap()
    label(_hydroxyl(), method)
    assert method.last_cost["spin_square"] == pytest.approx(0.75, abs=0.02)


def test_labels_are_the_same_bits_whatever_came_before():
    method = _cheap(functional="wb97x")
    first = json.dumps(label(_water(), method).to_dict())
    label(_hydroxyl(), method)
    ballast = np.ones(30_000_000)  # PySCF would cut its loops by what a process has left of its memory
    assert json.dumps(label(_water(), _cheap(functional="wb97x", maximum_memory_gb=2.0)).to_dict()) == first
    assert ballast.size


@pytest.mark.parametrize(("max_cycle", "earlier"), [(7, 7), (3, 9)], ids=["damping", "second order"])
def test_later_attempts_converge_to_the_same_numbers(max_cycle, earlier):
    """Too few cycles for extrapolation bring in damping, and too few for that second-order steps."""
    easy, hard = _cheap(**TIGHT), _cheap(max_cycle=max_cycle, **TIGHT)
    first, second = label(_water(), easy), label(_water(), hard)
    assert hard.last_cost["cycles"] > earlier
    assert second.energy == pytest.approx(first.energy, abs=1e-7)
    assert np.allclose(second.forces, first.forces, atol=1e-5)


def test_excited_states_are_refused():
    """Second-order steps from a poor start end in a saddle point of stretched, restricted NaCl."""
    atoms = Atoms("NaCl", positions=[[0, 0, 0], [0, 0, 6.0]])
    assert "excited state" in label(atoms, _cheap(functional="b3lyp", max_cycle=10)).reason


def _with(atoms: Atoms, **info) -> Atoms:
    atoms.info.update(info)
    return atoms


@pytest.mark.parametrize(
    ("atoms", "settings", "reason"),
    [
        (
            Atoms("OH", positions=[[0, 0, 0], [0, 0, 1]]),
            {},
            r"9 electrons .*_multiplicity 1: it is .* one of 2, 4, 6, \.\.\.",
        ),
        (_with(_hydrogen(), spin_multiplicity=2), {}, r"2 electrons .* one of 1, 3; set it in the structure's info"),
        (_with(_hydrogen(), charge=2), {}, "leaves 0 electrons"),
        (Atoms("H2", positions=[[0, 0, 0], [0, 0, 0.7]], cell=[9, 9, 9], pbc=True), {}, "choose the method 'pyscf'"),
        (Atoms("H2", positions=[[0, 0, 0], [0, 0, 0.1]]), {}, "0.100 A apart"),
        (_hydrogen(), {"maximum_memory_gb": 1e-4}, r"2 atoms with 4 orbitals .* maximum_memory_gb = 0.0001"),
        (Atoms("Xe"), {}, "basis '6-31g' does not hold all of Xe"),
        (_water(), {"max_cycle": 1}, r"did not converge in 1 \+ 2 x 1 cycles and 1 second-order steps"),
        (_water(), {"grid_level": 0}, "misses .* of the electrons .* raise grid_level"),
    ],
    ids=["parity", "singlet", "bare", "periodic", "close", "memory", "basis", "cycles", "grid"],
)
def test_what_cannot_be_labelled_is_a_failed_label_with_the_reason(atoms, settings, reason):
    result = label(atoms, _cheap(**settings))
    assert not result.converged
    assert result.energy is None
    assert re.search(reason, result.reason)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"functional": "wb97y"}, "did you mean 'wb97'"),
        ({"functional": "wb97x-d3bj"}, "pairwise dispersion"),
        ({"functional": "wb97x_d"}, "pairwise dispersion"),
        ({"functional": "wb97xd"}, "pairwise dispersion"),
        ({"functional": "b97_d"}, "pairwise dispersion"),
        ({"functional": "scanl"}, "Laplacian"),
        ({"functional": "hyb_gga_xc_camy_b3lyp"}, "error function only"),
        ({"functional": "gga_k_tfvw"}, "no exchange"),
        ({"functional": ""}, "no exchange"),
        ({"basis": "6-31h*"}, r"did you mean '6-31g\*'"),
        ({"basis": "gth-dzvp"}, "has no basis"),
        ({"basis": "ccecp-cc-pvdz"}, "pseudopotentials of its own"),
        ({"auxiliary_basis": "def2-universal-jkfitt"}, "did you mean 'def2-universal-jkfit'"),
        ({"spin_multiplicity": 0}, "at least 1, not 0"),
        ({"grid_level": 12}, "0 .coarse. to 9"),
    ],
)
def test_unusable_settings_are_refused_at_once(change, message):
    with pytest.raises(LabelError, match=message):
        _cheap(**change)


@pytest.mark.parametrize(
    "functional", ["hf", "lda,vwn", "pbe", "pbe0", "b3lyp", "camb3lyp", "m06_2x", "wb97x_v", "r2scan"]
)
def test_functionals_of_every_kind_are_accepted(functional):
    assert _cheap(functional=functional).functional == functional


def test_heavy_elements_get_the_core_potential_of_their_basis():
    """All-electron iodine would be 50 times lower."""
    atoms = Atoms("HI", positions=[[0, 0, 0], [0, 0, 1.61]])
    assert -298.6 < label(atoms, _cheap(basis="def2-svp")).energy / HARTREE < -297.5


def test_digest_is_that_of_the_physics(monkeypatch):
    """The recorded digest addresses labels on disk; raise NUMERICS_VERSION when numbers change, and record anew."""
    import ingot.labels.molecule as module

    monkeypatch.setattr(module.pyscf, "__version__", "2.14.0")
    monkeypatch.setattr(module.libxc, "__version__", "7.0.0")
    assert isinstance(_cheap(), LabelMethod)
    assert (NUMERICS_VERSION, MoleculeLabels().digest) == (1, RECORDED["digest"])
    assert _cheap(maximum_memory_gb=9.0).digest == _cheap().digest
    assert _cheap(functional="PBE", basis="6-31G").digest == _cheap().digest
    assert len({_cheap(density_fitting=False, auxiliary_basis=a).digest for a in ("weigend", "def2-svp-jkfit")}) == 1
    changes: list[dict] = [
        {"cartesian": True}, {"charge": 1}, {"spin_multiplicity": 3}, {"grid_response": False}, {"grid_level": 2},
        {"density_fitting": False}, {"auxiliary_basis": "weigend"}, {"basis": "sto-3g"}, {"functional": "blyp"},
    ]  # fmt: skip
    assert len({_cheap(**change).digest for change in [{}, *changes]}) == len(changes) + 1
    before = _cheap().digest
    monkeypatch.setattr(module.libxc, "__version__", "8.0.0")
    assert _cheap().digest != before


def test_a_recorded_label_comes_out_again():
    """If this fails, numbers changed: raise NUMERICS_VERSION and record anew."""
    result = label(_water(), MoleculeLabels())
    assert result.structure_id == RECORDED["structure_id"]
    assert result.energy == pytest.approx(RECORDED["energy"], abs=1e-6)
    assert np.allclose(result.forces, RECORDED["forces"], atol=1e-5)


RECORDED = {
    "structure_id": "f613df35403ddff3",
    "digest": "a5a4d888dde8811f",
    "energy": -2078.24673156,
    "forces": [
        [5.0644556, -4.8999259, -1.0552991],
        [0.082421, 0.8696493, -0.0098658],
        [-5.1468766, 4.0302766, 1.0651649],
    ],
}


def test_labels_failures_and_costs_land_in_the_store(tmp_path):
    method, store = _cheap(), LabelStore(tmp_path)
    periodic = Atoms("H2", positions=[[0, 0, 0], [0, 0, 0.7]], cell=[9, 9, 9], pbc=True)
    rows = label_structures([_water(), periodic], method, store)["labels"]
    assert [row["status"] for row in rows] == ["converged", "failed"]
    kept = store.get(method.digest, structure_id(canonical(periodic)))
    assert not kept.converged
    assert "for molecules in vacuum" in kept.reason
    cost = store.cost(method.digest, structure_id(_water()))
    assert cost["cycles"] >= 4
    assert cost["orbitals"] == 13
    assert "orbitals" not in store.cost(method.digest, structure_id(canonical(periodic)))


def test_work_is_dealt_by_electrons_and_spins():
    method = _cheap()
    assert method.estimated_cost(_water()) == 1000
    assert method.estimated_cost(_hydroxyl()) == 2 * 9**3
