"""Phonons against springs between neighbours, sound, another code, and the sum rules of harmonic crystals."""

import re
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from ase.data import atomic_masses, atomic_numbers
from ase.phonons import Phonons

from ingot.benchmarks.elastic import elastic_by_stress
from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.evaluation import evaluate_with
from ingot.benchmarks.harmonic import PLANCK, TERAHERTZ, harmonic_thermodynamics, zero_point_energy
from ingot.benchmarks.lattices import primitive_cell, volume_per_atom
from ingot.benchmarks.measured_phonons import MeasuredPhonons, read_measured
from ingot.benchmarks.phonon_paths import PATHS, POLARISATIONS, SPECIAL_MODES, axis
from ingot.benchmarks.phonon_quantities import _deviation, asked_of_phonons, phonon_findings
from ingot.benchmarks.phonons import FiniteDisplacements, LatticeDynamics, cubes
from ingot.units import BOLTZMANN

EDGE = 4.0
NEAREST = EDGE / np.sqrt(2)
DEPTH = 0.3
BONDS = LennardJones(sigma=NEAREST / 2 ** (1 / 6), epsilon=DEPTH, rc=1.2 * NEAREST)
"""Nearest neighbours alone, at the minimum of their pair energy: springs without tension."""

SPRING = 72 * DEPTH / NEAREST**2
MASS = float(atomic_masses[atomic_numbers["Al"]])


def dynamics_of(calculator: object, element: str, lattice: str, edge: float, repeat: int) -> LatticeDynamics:
    primitive = primitive_cell(element, lattice, volume_per_atom(lattice, edge))
    return FiniteDisplacements(primitive, edge, cubes(primitive, edge, repeat)).dynamics(calculator)


@pytest.fixture(scope="module")
def springs() -> LatticeDynamics:
    return dynamics_of(BONDS, "Al", "fcc", EDGE, 3)


@pytest.fixture(scope="module")
def copper() -> LatticeDynamics:
    return dynamics_of(EMT(), "Cu", "fcc", 3.59, 3)


def of_springs(line: str, branch: str, coordinates: np.ndarray) -> np.ndarray:
    """The frequencies of springs to the twelve neighbours: sums of 1 - cos over their bonds."""
    bonds = 0.5 * np.array([[*p] for p in np.ndindex(3, 3, 3)]) - 0.5
    bonds = bonds[np.isclose((bonds**2).sum(axis=1), 0.5)]
    polarisation = np.array(POLARISATIONS[line][branch]) / np.linalg.norm(POLARISATIONS[line][branch])
    along = (bonds @ polarisation) ** 2 / 0.5
    phases = 2 * np.pi * np.outer(coordinates, bonds @ axis(line))
    return np.sqrt(SPRING / MASS * (1 - np.cos(phases)) @ along) / (2 * np.pi * TERAHERTZ)


# Displacements are finite: a fourth-order term of the energy changes frequencies by one or two parts in ten thousand.


def test_springs_give_the_sums_over_their_bonds(springs: LatticeDynamics) -> None:
    for segment in PATHS["fcc"]:
        coordinates = segment.coordinates(0.05)
        for branch in POLARISATIONS[segment.line]:
            found = springs.frequencies(segment.line, branch, coordinates)
            np.testing.assert_allclose(found, of_springs(segment.line, branch, coordinates), rtol=3e-4, atol=1e-4)


def test_springs_along_100_are_a_chain(springs: LatticeDynamics) -> None:
    """Planes that see only the next ones: a sine, whose maximum is twice the square root of spring over mass."""
    zeta = np.linspace(0, 1, 11)
    highest = np.sqrt(8 * SPRING / MASS) / (2 * np.pi * TERAHERTZ)
    np.testing.assert_allclose(
        springs.frequencies("100", "L", zeta), highest * np.sin(np.pi * zeta / 2), rtol=3e-4, atol=1e-4
    )


def test_second_moment_is_the_sum_of_the_springs(springs: LatticeDynamics) -> None:
    modes = springs.modes()
    expected = 4 * SPRING / MASS / (2 * np.pi * TERAHERTZ) ** 2
    assert np.average(modes.frequencies**2, weights=modes.weights) == pytest.approx(expected, rel=2e-3)
    frequency, density = springs.density_of_states()
    step = frequency[1] - frequency[0]
    assert density.sum() * step == pytest.approx(3, rel=5e-3)
    assert (density * frequency**2).sum() * step == pytest.approx(3 * expected, rel=5e-3)


def test_slopes_at_gamma_are_the_speeds_of_sound(copper: LatticeDynamics) -> None:
    """rho v^2 is C11 and C44 along 100; C11 + C12 + 2 C44, C11 - C12 and 2 C44, halved, along 110."""
    c = elastic_by_stress(evaluate_with(EMT()), bulk("Cu", "fcc", a=3.59), 1e-3)
    # Not quite at a0: the residual stress is less than a thousandth of the constants.
    moduli = {
        ("100", "L"): c.c11,
        ("100", "T"): c.c44,
        ("110", "L"): (c.c11 + c.c12 + 2 * c.c44) / 2,
        ("110", "T1"): (c.c11 - c.c12) / 2,
        ("110", "T2"): c.c44,
        ("111", "L"): (c.c11 + 2 * c.c12 + 4 * c.c44) / 3,
        ("111", "T"): (c.c11 - c.c12 + c.c44) / 3,
    }
    density = atomic_masses[29] / volume_per_atom("fcc", 3.59)
    zeta = 0.01
    for (line, branch), modulus in moduli.items():
        wave_number = 2 * np.pi / 3.59 * zeta * np.linalg.norm(axis(line))
        speed = np.sqrt(modulus / density)
        found = copper.frequencies(line, branch, np.array([zeta]))[0] * 2 * np.pi * TERAHERTZ / wave_number
        assert found == pytest.approx(speed, rel=0.02), (line, branch)


def test_the_choice_of_cells_does_not_matter() -> None:
    """Cubes, a rhombohedral supercell, and cubes of another primitive cell of the same crystal."""
    calculator = LennardJones(sigma=2.6, epsilon=0.4, rc=4.6)
    primitive = primitive_cell("Al", "fcc", EDGE**3 / 4)
    skewed = primitive.copy()
    skewed.set_cell([[1, 0, 0], [-1, 1, 0], [1, 1, 1]] @ primitive.cell.array)
    each = [
        FiniteDisplacements(cell, EDGE, supercell).dynamics(calculator)
        for cell, supercell in (
            (primitive, cubes(primitive, EDGE, 3)),
            (primitive, 5 * np.eye(3, dtype=int)),
            (skewed, cubes(skewed, EDGE, 3)),
        )
    ]
    for line, branches in POLARISATIONS.items():
        for branch in branches:
            first, *others = [one.frequencies(line, branch, np.array([0.2, 0.5, 0.8])) for one in each]
            for other in others:
                np.testing.assert_allclose(other, first, rtol=2e-4)


def test_branches_agree_where_symmetry_says_so(copper: LatticeDynamics) -> None:
    """X is reached along 100 and, in the next zone, along 110: L there is T2 here, and both others are T."""
    at = np.array([1.0])
    longitudinal, transverse = (copper.frequencies("100", branch, at)[0] for branch in ("L", "T"))
    for branch, expected in (("T2", longitudinal), ("L", transverse), ("T1", transverse)):
        assert copper.frequencies("110", branch, at)[0] == pytest.approx(expected, abs=1e-6)
    for branches in POLARISATIONS.values():
        assert "L" in branches
    bcc = dynamics_of(LennardJones(sigma=2.6, epsilon=0.4, rc=4.6), "Al", "bcc", 3.2, 3)
    for line, coordinate in (("100", 1.0), ("111", 0.5), ("111", 1.0)):
        same = [bcc.frequencies(line, branch, np.array([coordinate]))[0] for branch in ("L", "T")]
        assert same[0] == pytest.approx(same[1], abs=1e-6)
    assert bcc.frequencies("100", "L", at) == pytest.approx(bcc.frequencies("111", "L", at), abs=1e-6)


def test_another_code_gives_the_same_frequencies(tmp_path: Path) -> None:
    """ASE's own phonons, in a cell of 6 x 6 x 6 primitive ones; neighbours in reach of copper in EMT."""
    crystal = bulk("Cu", "fcc", a=3.59)
    other = Phonons(crystal, EMT(), supercell=(6, 6, 6), delta=0.01, name=str(tmp_path / "phonons"))
    other.run()
    other.read(acoustic=True)
    primitive = primitive_cell("Cu", "fcc", volume_per_atom("fcc", 3.59))
    own = FiniteDisplacements(primitive, 3.59, 6 * np.eye(3, dtype=int)).dynamics(EMT())
    for line, coordinate in (("100", 1.0), ("111", 0.5), ("110", 0.5)):
        q = coordinate * axis(line) @ crystal.cell.array.T / 3.59
        theirs = np.sort(other.band_structure([q])[0]) / (PLANCK)
        branches = POLARISATIONS[line] if line == "110" else ("L", "T", "T")
        ours = np.sort([own.frequencies(line, branch, np.array([coordinate]))[0] for branch in branches])
        np.testing.assert_allclose(ours, theirs, rtol=2e-3)


def test_thermodynamics_derive_from_the_free_energy() -> None:
    rng = np.random.default_rng(0)
    frequencies, weights = rng.uniform(0.5, 10, 60), rng.uniform(0.5, 2, 60)
    at = harmonic_thermodynamics(frequencies, weights, 120.0)
    above, below = (harmonic_thermodynamics(frequencies, weights, 120.0 + h) for h in (0.01, -0.01))
    assert at.entropy == pytest.approx((below.free_energy - above.free_energy) / 0.02, rel=1e-6)
    assert at.heat_capacity == pytest.approx(120.0 * (above.entropy - below.entropy) / 0.02, rel=1e-6)


def test_limits_of_the_heat_capacity(springs: LatticeDynamics) -> None:
    """3 k when hot (Dulong and Petit), nothing when cold; the free energy becomes that of the zero point."""
    modes = springs.modes()
    hot, cold = (harmonic_thermodynamics(modes.frequencies, modes.weights, t) for t in (5000.0, 1.0))
    assert hot.heat_capacity / BOLTZMANN == pytest.approx(3, rel=1e-3)
    assert cold.heat_capacity / BOLTZMANN < 1e-3
    assert cold.free_energy == pytest.approx(zero_point_energy(modes.frequencies, modes.weights), rel=1e-4)
    one = zero_point_energy(np.array([10.0]), np.ones(1))
    assert one == pytest.approx(3 * 0.0206783, rel=1e-5)  # h times 5 THz is 20.6783 meV


def test_imaginary_modes_are_never_hidden() -> None:
    """A bcc crystal of Lennard-Jones atoms does not resist shear."""
    found = phonon_findings(LennardJones(sigma=2.6, epsilon=0.4, rc=4.6), "Al", "bcc", 3.2, 3, (300.0,))
    rows = {row.quantity: row for row in found.quantities}
    assert rows["phonon_N_T1"].status == "failed"
    assert "the mode is imaginary" in rows["phonon_N_T1"].note
    assert rows["zero_point_energy"].status == "failed"
    for key in ("zero_point_energy", "phonon_H"):
        assert "imaginary modes, the strongest" in rows[key].note
        assert "2 pi/a" in rows[key].note
    assert rows["phonon_H"].status == "ok"
    assert "phonon_thermal" not in found.tables
    assert min(row[-2] for row in found.tables["phonons"].rows) < -0.5
    assert min(row[1] for row in found.tables["phonon_dos"].rows) < -0.5


def test_the_wave_vector_of_an_instability_is_where_it_is() -> None:
    calculator = LennardJones(sigma=2.6, epsilon=0.4, rc=4.6)
    primitive = primitive_cell("Al", "bcc", 3.2**3 / 2)
    dynamics = FiniteDisplacements(primitive, 3.2, cubes(primitive, 3.2, 3)).dynamics(calculator)
    found = re.search(r"strongest ([\d.]+)i THz at q = \((.*)\) 2 pi/a", dynamics.instability("bcc"))
    assert found is not None
    q = np.array([float(component) for component in found[2].split(",")]) @ primitive.cell.array.T / 3.2
    lowest = dynamics._phonopy.run_qpoints([q]).frequencies.min()
    assert lowest == pytest.approx(-float(found[1]), abs=0.01)


def test_rows_tables_and_spread_over_members() -> None:
    members = [LennardJones(sigma=NEAREST / 2 ** (1 / 6), epsilon=d, rc=1.2 * NEAREST) for d in (0.27, 0.3, 0.33)]
    points = MeasuredPhonons("80 K", EDGE, "none", ("100",), ("L",), np.ones(1), np.array([9.7]), np.array([0.1]))
    found = phonon_findings(BONDS, "Al", "fcc", EDGE, 3, (100.0, 300.0), members=members, measured=points)
    asked = asked_of_phonons("fcc", 3, measured=points)
    assert [row.quantity for row in found.quantities] == [one.key for one in asked]
    rows = {row.quantity: row for row in found.quantities}
    value = rows["phonon_X_L"].value
    assert value == pytest.approx(of_springs("100", "L", np.ones(1))[0], abs=2e-3)
    assert rows["phonon_rms_measured"].value == pytest.approx(abs(9.7 - value), abs=1e-6)
    assert found.tables["phonons_measured"].rows == [("100", "L", 1.0, 9.7, 0.1, "80 K", "none")]
    expected = value * np.std(np.sqrt([0.9, 1.0, 1.1]), ddof=1)
    assert rows["phonon_X_L"].uncertainty == pytest.approx(expected, rel=1e-3)
    assert rows["phonon_supercell_change"].value == pytest.approx(0, abs=5e-3)
    assert "3 x 3 x 3 cubes" in rows["phonon_L_T"].condition
    table = found.tables["phonons"]
    at_x = [row for row in table.rows if row[table.columns.index("point")] == "X"]
    assert {row[table.columns.index("branch")] for row in at_x} == {"L", "T", "T1", "T2"}
    ends = [(row[4], round(float(row[3]), 6)) for row in table.rows if row[4]]
    assert ("L", round(1 + np.sqrt(2) + np.sqrt(3) / 2, 6)) in ends
    assert all(row[-1] is not None for row in table.rows)
    assert [row[1] for row in found.tables["phonon_thermal"].rows] == [100.0, 300.0]


def test_another_lattice_constant_has_keys_of_its_own() -> None:
    asked = asked_of_phonons("fcc", 4, 4.034)
    assert all(one.key.endswith("_at_given_a") and "4.034 A" in one.condition for one in asked)
    assert not {one.key for one in asked} & {one.key for one in asked_of_phonons("fcc", 4)}
    assert not any("measured" in one.key for one in asked)
    for lattice, modes in SPECIAL_MODES.items():
        segments = {segment.line: dict(segment.points) for segment in PATHS[lattice]}
        for name, line, coordinate, branch in modes:
            assert segments[line][coordinate] == name.partition("_")[0]
            assert branch in POLARISATIONS[line]


def test_measured_frequencies_of_aluminium(measured_al: Path) -> None:
    measured = read_measured(measured_al)
    assert len(measured.line) == 110
    assert measured.frequency[measured.of("111", "L")].max() == 9.69
    assert "Stedman" in measured.citation


def test_deviation_from_measured_frequencies(springs: LatticeDynamics) -> None:
    line, branch, coordinate = ("100", "100", "111"), ("L", "T", "T"), np.array([0.4, 1.0, 0.3])
    each = zip(line, branch, coordinate, strict=True)
    frequency = np.array([springs.frequencies(a, b, np.array([z]))[0] for a, b, z in each])
    off = np.array([0.1, -0.2, 0.2])
    measured = MeasuredPhonons("80 K", EDGE, "none", line, branch, coordinate, frequency + off, off)
    assert _deviation(measured, springs) == pytest.approx(np.sqrt(0.03), rel=1e-6)


def test_bad_tables_are_refused(tmp_path: Path) -> None:
    good = (
        "# condition: 80 K\n# lattice_constant_A: 4.0\n# citation: nobody\n"
        "line,branch,coordinate,frequency_THz,error_THz\n100,L,1.0,9.7,0.1\n"
    )

    def read(text: str) -> MeasuredPhonons:
        (tmp_path / "table.csv").write_text(text)
        return read_measured(tmp_path / "table.csv")

    assert read(good).frequency[0] == 9.7
    for before, after, reason in (
        ("citation", "source", "lacks citation"),
        ("frequency_THz", "omega", "lacks frequency_THz"),
        ("100,L", "100,T1", r"unknown branches: T1\[100\]"),
        ("9.7", "fast", "fast"),
        ("100,L,1.0,9.7,0.1\n", "", "lacks line, branch"),
    ):
        with pytest.raises(BenchmarkError, match=reason):
            read(good.replace(before, after))
    with pytest.raises(BenchmarkError, match="cannot be read"):
        read_measured(tmp_path / "none.csv")
