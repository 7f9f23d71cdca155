"""``ingot convert``: potentials and data sets of other programs into Ingot's formats."""

import argparse

ENERGY_UNITS = ("eV", "hartree", "kcal/mol", "kJ/mol")
LENGTH_UNITS = ("angstrom", "bohr")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What, into what, and what a file does not say of itself."""
    parser.add_argument("input", help="a potential (Ingot or NeuroChem directory, EAM file), or an ANI-style HDF5 file")
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        help="a potential directory, an EAM file (.eam.alloy, .eam.fs), or labelled structures (.extxyz)",
    )
    parser.add_argument("--members", type=int, nargs="+", metavar="K", help="potential: only these networks")
    parser.add_argument("--energy-unit", choices=ENERGY_UNITS, help="HDF5: unit of the energies; must be given")
    parser.add_argument("--length-unit", choices=LENGTH_UNITS, default="angstrom", help="HDF5: unit of lengths")
    parser.add_argument(
        "--gradients", action="store_true", help="HDF5: what the file calls forces are gradients, +dE/dr"
    )


def run(args: argparse.Namespace) -> int:
    """Convert one or the other."""
    from pathlib import Path

    if Path(args.input).suffix.lower() in (".h5", ".hdf5", ".hdf"):
        return _data(args)
    return _potential(args)


def _data(args: argparse.Namespace) -> int:
    import io

    from ase.io import write
    from ase.units import Bohr, Hartree, kcal, kJ, mol

    from ingot.datasets import DatasetError
    from ingot.datasets.ani_hdf5 import read_ani_hdf5
    from ingot.files import write_atomically

    if args.energy_unit is None:
        raise DatasetError(f"an HDF5 file does not say its units: give --energy-unit ({', '.join(ENERGY_UNITS)})")
    energy = {"eV": 1.0, "hartree": Hartree, "kcal/mol": kcal / mol, "kJ/mol": kJ / mol}[args.energy_unit]
    length = {"angstrom": 1.0, "bohr": Bohr}[args.length_unit]
    frames = read_ani_hdf5(args.input, energy, length, args.gradients)
    text = io.StringIO()
    write(text, frames, format="extxyz")
    write_atomically(args.output, text.getvalue())
    with_forces = sum("forces" in atoms.calc.results for atoms in frames)
    print(
        f"{args.output}: {len(frames)} structures, {sum(map(len, frames))} atoms of "
        f"{len({atoms.info['group'] for atoms in frames})} groups, {with_forces} with forces"
    )
    return 0


def _potential(args: argparse.Namespace) -> int:
    import dataclasses
    from pathlib import Path

    import jax
    import numpy as np

    from ingot.potentials import EAM_SUFFIXES, PotentialError, load_potential, write_eam

    potential = load_potential(args.input)
    if args.members is not None:
        wrong = [k for k in args.members if not 0 <= k < potential.members]
        if wrong:
            raise PotentialError(f"--members {wrong}: the potential has {potential.members}, counted from 0")
        chosen = np.array(args.members)
        potential = dataclasses.replace(
            potential,
            parameters=jax.tree.map(lambda leaf: np.asarray(leaf)[chosen], potential.parameters),
            provenance={**potential.provenance, "members": args.members},
        )
    if Path(args.output).suffix in EAM_SUFFIXES:
        write_eam(potential, args.output)
    else:
        potential.save(args.output)
    print(f"{args.output}: {potential.members} networks for {', '.join(potential.architecture.species)}")
    return 0
