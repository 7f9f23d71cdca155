"""The descriptor: equal to the reference where that is defined, invariant where it is not."""

import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, fcc111, molecule
from scipy.spatial.transform import Rotation

from ingot.audit import AuditError, descriptors, environment_descriptors
from ingot.audit.native import compiled_audit

RECORDED = json.loads((Path(__file__).parent / "quests_values.json").read_text())


@pytest.fixture(autouse=True, params=["compiled", "numpy"])
def implementation(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every test is of both: the compiled descriptors and their reference."""
    if request.param == "numpy":
        monkeypatch.setattr(descriptors, "compiled_audit", lambda: (False, "switched off by the test"))
    elif not compiled_audit()[0]:
        pytest.skip(f"not compiled: {compiled_audit()[1]}")


def recorded_frames() -> list[Atoms]:
    return [
        Atoms(case["numbers"], positions=case["positions"], cell=case["cell"], pbc=case["pbc"])
        for case in RECORDED["cases"]
    ]


def slow_descriptor(atoms: Atoms, k: int, cutoff: float) -> tuple[np.ndarray, np.ndarray]:
    """The formula, atom by atom, over images taken one by one; and whether the k-th place is contested.

    It often is where an atom neighbours its own images: they come in pairs, to either side.
    """
    reach = [range(-6, 7) if periodic else range(1) for periodic in atoms.pbc]
    shifts = np.array(list(product(*reach))) @ atoms.cell.array
    points = (atoms.positions[None] + shifts[:, None]).reshape(-1, 3)
    result = np.zeros((len(atoms), 2 * k - 1))
    tied = np.zeros(len(atoms), bool)
    for i, centre in enumerate(atoms.positions):
        r = np.linalg.norm(points - centre, axis=1)
        near = np.argsort(r)[1:]
        near = near[r[near] < cutoff]
        tied[i] = len(near) > k and r[near[k]] - r[near[k - 1]] < 1e-4
        near = near[:k]
        weight = (1 - (r[near] / cutoff) ** 2) ** 2
        result[i, : len(near)] = weight / r[near]
        matrix = np.zeros((k, k))
        for a, b in product(range(len(near)), repeat=2):
            if a != b:
                separation = np.linalg.norm(points[near[a]] - points[near[b]])
                matrix[a, b] = np.sqrt(weight[a] * weight[b]) / separation
        columns = np.sort(matrix, axis=1)[:, 1:]
        result[i, k:] = np.sort(columns.mean(axis=0))[::-1]
    return result, tied


def distance(x: np.ndarray, y: np.ndarray) -> float:
    return float(np.abs(x - y).max())


@pytest.mark.parametrize("case", range(len(RECORDED["cases"])))
def test_equals_the_published_implementation(case: int) -> None:
    frame = recorded_frames()[case]
    for key, expected in RECORDED["cases"][case]["descriptors"].items():
        k, cutoff = key.split(",")
        mine = environment_descriptors([frame], int(k), float(cutoff))
        assert distance(mine[: len(expected)], np.array(expected)) < 1e-10


@pytest.mark.parametrize("pbc", list(product([False, True], repeat=3)))
@pytest.mark.parametrize("k", [4, 32])
def test_equals_the_formula_for_every_periodicity(pbc: tuple[bool, bool, bool], k: int) -> None:
    rng = np.random.default_rng(3)
    cell = np.array([[3.1, 0.2, 0.0], [-0.9, 3.6, 0.4], [0.7, 0.3, 4.4]])
    atoms = Atoms("Al3", scaled_positions=[[0, 0, 0], [0.45, 0.5, 0.1], [0.2, 0.1, 0.55]], cell=cell, pbc=pbc)
    atoms.positions += rng.normal(0, 0.05, (3, 3))
    expected, tied = slow_descriptor(atoms, k, 5.0)
    assert not tied.all()
    assert distance(environment_descriptors([atoms], k, 5.0)[~tied], expected[~tied]) < 1e-10


def rattled_crystal() -> Atoms:
    atoms = bulk("Al", cubic=True) * (2, 2, 2)
    atoms.rattle(0.1, seed=1)
    return atoms


def test_settings_may_be_numbers_of_numpy() -> None:
    expected = environment_descriptors([rattled_crystal()], 8, 5.0)
    assert np.array_equal(environment_descriptors([rattled_crystal()], np.int64(8), np.float32(5.0)), expected)


def test_invariant_under_rotation_translation_permutation_and_wrapping() -> None:
    atoms = rattled_crystal()
    expected = environment_descriptors([atoms])
    order = np.random.default_rng(0).permutation(len(atoms))
    assert distance(environment_descriptors([atoms[order]]), expected[order]) < 1e-12
    rotation = Rotation.from_rotvec([0.3, -1.2, 0.4]).as_matrix()
    moved = atoms.copy()
    moved.set_cell(atoms.cell.array @ rotation.T)
    moved.positions = atoms.positions @ rotation.T + np.array([13.0, -40.0, 2.0])
    assert distance(environment_descriptors([moved]), expected) < 1e-12


def test_same_crystal_in_left_handed_skewed_and_repeated_cells() -> None:
    atoms = rattled_crystal()
    expected = environment_descriptors([atoms])
    left_handed, skewed = atoms.copy(), atoms.copy()
    left_handed.set_cell(atoms.cell.array[[1, 0, 2]])
    skewed.set_cell(np.array([[1, 0, 0], [3, 1, 0], [-2, 4, 1]]) @ atoms.cell.array)
    assert distance(environment_descriptors([left_handed]), expected) < 1e-12
    assert distance(environment_descriptors([skewed]), expected) < 1e-12
    repeated = environment_descriptors([atoms * (2, 1, 1)])
    assert distance(repeated, np.concatenate([expected, expected])) < 1e-12


@pytest.mark.parametrize(
    ("lattice", "a", "neighbors"),
    [("fcc", 4.05, 32), ("fcc", 3.3, 32), ("fcc", 4.05, 5), ("bcc", 3.2, 32), ("bcc", 3.2, 10), ("diamond", 4.5, 8)],
)
def test_a_shell_cut_by_the_last_place_depends_on_nothing_but_the_crystal(
    lattice: str, a: float, neighbors: int
) -> None:
    primitive = bulk("Al", lattice, a=a)
    expected = environment_descriptors([primitive], neighbors)[0]
    big = bulk("Al", lattice, a=a, cubic=True) * (3, 2, 2)
    order = np.random.default_rng(1).permutation(len(big))
    rotation = Rotation.from_rotvec([1.0, 0.5, -0.2]).as_matrix()
    turned = big[order]
    turned.set_cell(big.cell.array @ rotation.T)
    turned.positions = np.round(turned.positions @ rotation.T, 6)  # as structures are stored
    turned.set_cell(np.round(turned.cell.array, 6))
    assert distance(environment_descriptors([big], neighbors), expected) < 1e-12
    assert distance(environment_descriptors([turned], neighbors), expected) < 1e-6  # 1e-4 of the bandwidth


def test_tied_shell_is_the_mean_over_fair_draws() -> None:
    """Three of the six second neighbours of bcc have a place: all 20 draws, each by the plain formula."""
    from itertools import combinations

    vectors = np.array([*product([-1.5, 1.5], repeat=3), *(3.0 * np.eye(3)), *(-3.0 * np.eye(3))])
    plain = []
    for drawn in combinations(range(8, 14), 3):
        frame = Atoms("Al12", positions=[[0, 0, 0], *vectors[[*range(8), *drawn]]])
        plain.append(environment_descriptors([frame], 11, 5.0)[0])
    tied = environment_descriptors([Atoms("Al15", positions=[[0, 0, 0], *vectors])], 11, 5.0)[0]
    assert distance(tied[:11], np.mean(plain, axis=0)[:11]) < 1e-12
    assert tied[11:].sum() == pytest.approx(np.mean(plain, axis=0)[11:].sum(), abs=1e-12)
    assert distance(tied, np.mean(plain, axis=0)) < 0.005  # columns of sorted rows: equal in sum, near in shape


def test_slab_is_not_a_cluster_and_sees_no_image_across_the_vacuum() -> None:
    slab = fcc111("Al", (2, 2, 3), vacuum=10.0, a=4.05)
    three = slab.copy()
    three.pbc = True
    assert distance(environment_descriptors([slab]), environment_descriptors([three])) < 1e-12
    cluster = slab.copy()
    cluster.pbc = False
    assert distance(environment_descriptors([slab]), environment_descriptors([cluster])) > 0.05


def test_missing_neighbours_are_zeros() -> None:
    x = environment_descriptors([molecule("CH4"), Atoms("Al", positions=[[0, 0, 0]])])
    assert x.shape == (6, 63)
    assert not x[:5, 4:32].any()
    assert (x[:5, :4] > 0).all()
    assert not x[:5, 36:].any()
    assert not x[5].any()


def test_many_frames_at_once_are_the_frames_one_by_one() -> None:
    frames = [*recorded_frames(), bulk("Al", cubic=True), rattled_crystal()]
    together = environment_descriptors(frames)
    apart = np.concatenate([environment_descriptors([frame]) for frame in frames])
    assert distance(together, apart) < 1e-14
    assert environment_descriptors([]).shape == (0, 63)


@pytest.mark.parametrize(
    ("atoms", "message"),
    [
        (Atoms("Al2", positions=[[0, 0, 0], [0, 0, 0]]), "coincides"),
        (Atoms("Al2", positions=[[0, 0, 0], [4.0, 0, 0]], cell=[4.0, 4.0, 4.0], pbc=True), "coincides"),
        (Atoms("Al2", positions=[[0, 0, 0], [0, 0, np.nan]]), "not finite"),
        (Atoms("Al", positions=[[0, 0, 0]], pbc=True), "zero"),
    ],
)
def test_frames_without_an_environment_are_refused_with_their_number(atoms: Atoms, message: str) -> None:
    with pytest.raises(AuditError, match=rf"frame 1 .*{message}"):
        environment_descriptors([molecule("H2O"), atoms])


@pytest.mark.parametrize(("neighbors", "cutoff"), [(1, 5.0), (32, 0.0), (32, np.nan)])
def test_settings_out_of_bounds_are_refused(neighbors: int, cutoff: float) -> None:
    with pytest.raises(AuditError):
        environment_descriptors([molecule("H2O")], neighbors, cutoff)


def alloy(seed: int = 4) -> Atoms:
    atoms = bulk("Al", cubic=True) * (2, 2, 2)
    atoms.rattle(0.1, seed=seed)
    symbols = np.array(["Al"] * 20 + ["Cu"] * 12)
    atoms.symbols = np.random.default_rng(seed).permutation(symbols)
    return atoms


def test_of_one_species_is_the_blind_one() -> None:
    atoms = rattled_crystal()
    aware = environment_descriptors([atoms], species=["Al"])
    assert aware.shape == (32, 64)
    assert distance(aware[:, :63], environment_descriptors([atoms])) < 1e-15
    assert (aware[:, 63] == 1).all()


def test_blocks_of_species_by_the_formula() -> None:
    """Each block by the plain formula: two sorted lists of neighbours, and the matrix between them."""
    atoms, k, cutoff = alloy(), 6, 4.0
    x = environment_descriptors([atoms], k, cutoff, species=["Cu", "Al"])
    assert x.shape == (32, 2 * (2 * k - 1) + k + 2)
    i = 3
    shifts = np.array(list(product(range(-1, 2), repeat=3))) @ atoms.cell.array
    points = (atoms.positions[None] + shifts[:, None] - atoms.positions[i]).reshape(-1, 3)
    symbols = np.tile(atoms.get_chemical_symbols(), 27)
    lists = []
    for symbol in ("Cu", "Al"):
        r = np.linalg.norm(points, axis=1)
        near = np.argsort(r)
        near = near[(symbols[near] == symbol) & (r[near] > 0) & (r[near] < cutoff)][:k]
        lists.append((points[near], (1 - (r[near] / cutoff) ** 2) ** 2))
    row = []
    for place, weight in lists:
        row.append(np.pad(weight / np.linalg.norm(place, axis=1), (0, k - len(weight))))
    for (a, wa), (b, wb) in ((lists[0], lists[0]), (lists[0], lists[1]), (lists[1], lists[1])):
        matrix = np.zeros((k, k))
        for j, m in product(range(len(a)), range(len(b))):
            if a is not b or j != m:
                matrix[j, m] = np.sqrt(wa[j] * wb[m]) / np.linalg.norm(a[j] - b[m])
        columns = -np.sort(-matrix, axis=1)[:, : k - (a is b)].mean(axis=0)
        row.append(columns)
    own = [float(atoms.get_chemical_symbols()[i] == symbol) for symbol in ("Cu", "Al")]
    assert distance(x[i], np.concatenate([*row, own])) < 1e-12


def test_species_are_told_apart_and_their_symmetry_kept() -> None:
    atoms = alloy()
    x = environment_descriptors([atoms], species=["Al", "Cu"])
    order = np.random.default_rng(0).permutation(len(atoms))
    assert distance(environment_descriptors([atoms[order]], species=["Al", "Cu"]), x[order]) < 1e-12
    swapped = atoms.copy()
    swapped.symbols = ["Cu" if symbol == "Al" else "Al" for symbol in atoms.symbols]
    assert distance(environment_descriptors([swapped]), environment_descriptors([atoms])) == 0
    assert np.linalg.norm(environment_descriptors([swapped], species=["Al", "Cu"]) - x, axis=1).min() > np.sqrt(2)


def test_ties_between_species_depend_on_nothing_but_the_crystal() -> None:
    b2 = bulk("NiAl", "cesiumchloride", a=2.9)
    big = b2 * (2, 3, 2)
    order = np.random.default_rng(1).permutation(len(big))
    expected = environment_descriptors([b2], 12, species=["Al", "Ni"])
    found = environment_descriptors([big[order]], 12, species=["Al", "Ni"])
    for symbol, reference in zip(b2.get_chemical_symbols(), expected, strict=True):
        mine = np.array([one == symbol for one in big[order].get_chemical_symbols()])
        assert distance(found[mine], reference) < 1e-12


def test_species_that_are_not_listed_are_refused() -> None:
    with pytest.raises(AuditError, match=r"frame 0 .*species Cu are not among those of the descriptor: Al"):
        environment_descriptors([alloy()], species=["Al"])
    for species in ([], ["Al", "Al"]):
        with pytest.raises(AuditError, match="different chemical symbols"):
            environment_descriptors([alloy()], species=species)


def test_threads_share_frames_and_large_cells() -> None:
    large = bulk("Al", cubic=True) * (7, 7, 7)  # several shares of one frame
    large.rattle(0.1, seed=2)
    frames = [rattled_crystal() * (3, 2, 2), large, *recorded_frames(), rattled_crystal()]
    assert np.array_equal(environment_descriptors(frames, threads=3), environment_descriptors(frames))
    twice = large.copy()
    for atom in (1300, 900, 400):  # in three shares: the first is named, whoever finds it
        twice.positions[atom] = twice.positions[atom - 1]
    for _ in range(20):
        with pytest.raises(AuditError, match=r"frame 0 .*atom 399 coincides"):
            environment_descriptors([twice], threads=3)
    frames.append(Atoms("Al2", positions=[[0, 0, 0], [0, 0, 0]]))
    with pytest.raises(AuditError, match=rf"frame {len(frames) - 1} .*atom 0 coincides"):
        environment_descriptors(frames, threads=3)
