"""EAM tables: analytic functions come back, other codes agree, bad files are refused."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.eam import EAM
from derivatives import numerical_force, numerical_stress

from ingot.cli.main import main
from ingot.neighbors import displacements, neighbor_pairs, neighbor_table
from ingot.potentials import (
    AniArchitecture,
    Graph,
    Potential,
    PotentialError,
    load_potential,
    mei_davenport,
    native_status,
    read_eam,
)
from ingot.potentials.compiled import compiled_embedded_atom, sites_and_slopes
from ingot.potentials.eam import _interpolate

CUTOFF, POINTS, STEP = 5.5, 2000, 5.5 / 2000
SPECIES = ("Al", "Cu")


def fade(r):
    """Goes to zero at the cutoff with two derivatives."""
    return np.clip(1 - r / CUTOFF, 0, None) ** 3


def density(of, at, r):
    return (0.8 + 0.3 * of + 0.25 * at) * np.exp(-0.9 * (r - 2.8)) * fade(r)


def pair(one, other, r):
    return 0.4 * (1 + 0.3 * one * other + 0.1 * (one + other)) * np.exp(-2.2 * (r - 2.6)) * fade(r)


def embedding(kind, rho):
    return -(1.5 + 0.4 * kind) * np.sqrt(rho + 0.3) + 0.02 * rho


def write(path, kinds, finnis_sinclair):
    """A file of LAMMPS' eam/alloy or eam/fs from the functions above."""
    r, rho = np.arange(POINTS) * STEP, np.arange(POINTS) * 0.02
    lines = ["first", "second", "third", f"{kinds} {' '.join(SPECIES[:kinds])}"]
    lines.append(f"{POINTS} 0.02 {POINTS} {STEP} {CUTOFF}")
    for kind in range(kinds):
        lines.append(f"{13 + 16 * kind} 26.98 4.05 fcc")
        tables = [embedding(kind, rho)]
        tables += [density(kind, at, r) for at in (range(kinds) if finnis_sinclair else [0])]
        lines += [" ".join(f"{value:.17e}" for value in table) for table in tables]
    for one in range(kinds):
        lines += [" ".join(f"{value:.17e}" for value in r * pair(one, other, r)) for other in range(one + 1)]
    path.write_text("\n".join(lines).replace("e-", "E-") + "\n")
    return path


def expected_energy(atoms, finnis_sinclair):
    """The formula of the paper, written out."""
    images = atoms.repeat((3, 3, 3))
    centre = 13 * len(atoms)
    kinds = [SPECIES.index(symbol) for symbol in images.symbols]
    total = 0.0
    for i in range(centre, centre + len(atoms)):
        rho = energy = 0.0
        for j in range(len(images)):
            r = np.linalg.norm(images.positions[i] - images.positions[j])
            if i != j and r < CUTOFF:
                rho += density(kinds[j], kinds[i] if finnis_sinclair else 0, r)
                energy += 0.5 * pair(kinds[i], kinds[j], r)
        total += energy + embedding(kinds[i], rho)
    return total


def energy_with(calculator):
    """The energy of a structure, for central differences."""

    def energy(atoms):
        atoms.calc = calculator
        return atoms.get_potential_energy()

    return energy


def alloy():
    atoms = bulk("Al", a=4.0, cubic=True).repeat((2, 2, 1))
    atoms.set_cell(atoms.cell.array @ np.diag([1, 1, 1.45]), scale_atoms=True)
    atoms.symbols[[1, 6, 7]] = "Cu"
    atoms.rattle(0.15, seed=2)
    return atoms


@pytest.mark.parametrize("finnis_sinclair", [False, True])
def test_tables_give_the_functions_they_were_made_of(tmp_path, finnis_sinclair):
    atoms = alloy()
    atoms.calc = load_potential(write(tmp_path / "AlCu.eam.fs", 2, finnis_sinclair)).calculator()
    assert atoms.get_potential_energy() == pytest.approx(expected_energy(atoms, finnis_sinclair), abs=1e-8)
    for place in ((1, 0), (6, 2)):
        expected = numerical_force(energy_with(atoms.calc), atoms, place, 1e-4)
        assert atoms.get_forces()[place] == pytest.approx(expected, abs=1e-7)
    for component in (1, 5):
        expected = numerical_stress(energy_with(atoms.calc), atoms, component, 1e-4)
        assert atoms.get_stress()[component] == pytest.approx(expected, abs=1e-8)


def test_a_lone_atom_and_a_density_beyond_the_table(tmp_path):
    potential = load_potential(write(tmp_path / "Al.eam.alloy", 1, False))
    alone = Atoms("Al", calculator=potential.calculator())
    assert alone.get_potential_energy() == pytest.approx(embedding(0, 0.0), abs=1e-9)
    crowded = bulk("Al", a=1.45).repeat(2)
    crowded.rattle(0.05, seed=2)
    crowded.calc = potential.calculator()
    step, count = potential.architecture.densities
    distances = neighbor_pairs(crowded.positions, crowded.cell.array, crowded.pbc, CUTOFF)[3]
    assert density(0, 0, distances).sum() / len(crowded) > 1.2 * step * (count - 1)  # beyond it
    expected = numerical_force(energy_with(crowded.calc), crowded, (3, 1), 1e-4)
    assert crowded.get_forces()[3, 1] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("name", ["Al99.eam.alloy", "Al_mm.eam.fs"])
def test_published_files_agree_with_ase(test_data, name):
    path = test_data("al_potentials") / name
    atoms = bulk("Al", a=4.05, cubic=True).repeat(3)
    atoms.rattle(0.2, seed=1)
    del atoms[5]
    other = atoms.copy()
    atoms.calc = read_eam(path, "spline").calculator()
    other.calc = EAM(potential=str(path), form=path.suffix[1:])
    assert atoms.get_potential_energy() == pytest.approx(other.get_potential_energy(), abs=1e-8)
    assert np.abs(atoms.get_forces() - other.get_forces()).max() < 1e-6


def test_it_is_a_potential_like_any_other(tmp_path):
    """Saved, loaded, evaluated in float32."""
    source = write(tmp_path / "AlCu.eam.fs", 2, True)
    assert main(["convert", str(source), "-o", str(tmp_path / "saved")]) == 0
    atoms = alloy()
    results = []
    for path, dtype in ((source, "float64"), (tmp_path / "saved", "float64"), (source, "float32")):
        atoms.calc = load_potential(path).calculator(dtype=dtype)
        results.append((atoms.get_potential_energy(), atoms.get_forces()))
    assert results[0][0] == results[1][0]
    assert np.array_equal(results[0][1], results[1][1])
    assert results[2][0] == pytest.approx(results[0][0], abs=1e-4)
    assert np.abs(results[2][1] - results[0][1]).max() < 1e-3


def test_files_that_are_not_eam_are_refused(tmp_path):
    good = write(tmp_path / "good.eam.alloy", 2, False).read_text()
    lines = good.splitlines()
    bad = {
        "malformed": "nothing\nto\nsee\n",
        "cut off or edited": "\n".join(lines[:-1]),
        "unknown: Xx": good.replace("2 Al Cu", "2 Al Xx"),
        "is not within the table": good.replace(f"{STEP} {CUTOFF}", f"{STEP} 9.0"),
        "could not convert": good.replace(lines[6].split()[3], "wrong", 1),
        "not numbers": good.replace(lines[6].split()[3], "nan", 1),
    }
    for message, text in bad.items():
        path = tmp_path / "bad.eam.alloy"
        path.write_text(text)
        with pytest.raises(PotentialError, match=message):
            load_potential(path)


def test_pieces_join_smoothly(tmp_path):
    """Value and slope from both sides of a knot."""
    potential = load_potential(write(tmp_path / "Al.eam.alloy", 1, False))
    table = jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), potential.parameters)["density"]

    def value(r):
        return _interpolate(table, (0, 0), r, potential.architecture.distances)

    for knot in (700, 1200):
        r = knot * STEP
        sides = [jax.value_and_grad(value)(jnp.asarray(r + shift)) for shift in (-1e-9, 1e-9)]
        assert np.allclose(sides[0], sides[1], rtol=1e-6)
        assert float(sides[0][0]) == pytest.approx(density(0, 0, r), abs=1e-8)


@pytest.mark.parametrize(("name", "finnis_sinclair"), [("AlCu.eam.alloy", False), ("AlCu.eam.fs", True)])
def test_what_is_written_is_read(tmp_path, name, finnis_sinclair):
    source = write(tmp_path / name, 2, finnis_sinclair)
    assert main(["convert", str(source), "-o", str(tmp_path / "copy.eam.alloy")]) == 0
    text = (tmp_path / "copy.eam.alloy").read_text().splitlines()
    assert text[2] == ("eam/fs" if finnis_sinclair else "eam/alloy")
    assert [float(entry) for entry in text[5].split()[:3]] == pytest.approx([13, 26.98, 4.05], abs=0.01)
    one, other = load_potential(source), load_potential(tmp_path / "copy.eam.alloy")
    assert other.architecture == one.architecture
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-9), one.parameters, other.parameters)


def test_only_eam_goes_into_an_eam_file(tmp_path, capsys):
    architecture = AniArchitecture.evenly_spaced(("Al",), 5.0, 4, 4.0, 2, 3, (4,))
    parameters = jax.tree.map(lambda leaf: np.asarray(leaf)[None], architecture.initial_parameters(0))
    Potential(architecture, parameters, {"Al": -1.0}).save(tmp_path / "ani")
    assert main(["convert", str(tmp_path / "ani"), "-o", str(tmp_path / "x.eam.alloy")]) == 1
    assert "only EAM potentials" in capsys.readouterr().err


def test_the_potential_of_mei_and_davenport_is_the_published_crystal():
    """Lattice constant 4.05 A, 3.39 eV per atom, no pressure; the tables follow the functions."""
    crystal = bulk("Al", a=np.sqrt(2) * 2.8638)
    crystal.calc = load_potential("mei-davenport").calculator()
    assert crystal.get_potential_energy() == pytest.approx(-3.39, abs=1e-5)
    assert np.abs(crystal.get_stress()).max() < 5e-5
    shells, atoms = 2.8638 * np.sqrt([1.0, 2.0, 3.0, 4.0]), [12, 6, 24, 12]
    for scale in (0.95, 1.0, 1.06):
        moved = crystal.copy()
        moved.set_cell(crystal.cell.array * scale, scale_atoms=True)
        moved.calc = crystal.calc
        rho = np.sum(atoms * mei_davenport.density(shells * scale))
        expected = mei_davenport.embedding(rho) + 0.5 * np.sum(atoms * mei_davenport.pair(shells * scale))
        assert moved.get_potential_energy() == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize("finnis_sinclair", [False, True])
@pytest.mark.parametrize(("dtype", "error"), [("float64", 1e-12), ("float32", 2e-6)])
def test_the_compiled_method_is_that_of_jax(tmp_path, finnis_sinclair, dtype, error):
    if not native_status()[0]:
        pytest.skip(f"not compiled: {native_status()[1]}")
    potential = load_potential(write(tmp_path / "AlCu.eam.fs", 2, finnis_sinclair))
    atoms = alloy()
    atoms.set_cell(atoms.cell.array * 0.7, scale_atoms=True)  # a part of it beyond the table of densities
    architecture = potential.architecture
    table = neighbor_table(atoms.positions, atoms.cell.array, atoms.pbc, CUTOFF + 0.5)
    species = jnp.asarray([SPECIES.index(symbol) for symbol in atoms.symbols])
    vectors = displacements(atoms.positions, atoms.cell.array, table)
    parameters = jax.tree.map(lambda leaf: jnp.asarray(leaf[0]), potential.parameters)
    expected = sites_and_slopes(architecture, parameters, Graph(species, table, vectors))
    typed = jax.tree.map(lambda leaf: leaf.astype(dtype), (parameters, vectors))
    found = compiled_embedded_atom(architecture, *typed, species, table)
    for one, other in zip(found, expected, strict=True):
        assert float(jnp.abs(one - other).max() / jnp.abs(other).max()) < error
    if dtype == "float64":
        along = jax.random.normal(jax.random.key(0), vectors.shape) * table.mask[..., None]

        def compiled(d):
            return compiled_embedded_atom(architecture, parameters, d, species, table)[1]

        def in_jax(d):
            return sites_and_slopes(architecture, parameters, Graph(species, table, d))[1]

        one, other = (jax.jvp(f, (vectors,), (along,))[1] for f in (compiled, in_jax))
        assert np.allclose(one, other, rtol=1e-10)
