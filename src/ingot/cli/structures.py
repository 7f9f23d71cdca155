"""``ingot structures``: seeded families of structures, to a file."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The settings, the seed, and which of the sets."""
    parser.add_argument("--settings", required=True, help="JSON or a file: the section `structures`")
    parser.add_argument("--seed", type=int, default=0, help="seed of the run (0)")
    parser.add_argument(
        "--set", default="initial", help="initial, test, or starts-N (starts of iteration N's dynamics) (initial)"
    )
    parser.add_argument("-o", "--output", required=True, help="file to write (.extxyz)")


def run(args: argparse.Namespace) -> int:
    """Build one set and write it."""
    from collections import Counter

    from ingot.cli.settings import parse_settings
    from ingot.config.structures import StructureSettings
    from ingot.structures import Family, StructureError, build_structures, write_structures

    settings = parse_settings(StructureSettings, args.settings)
    name = args.set.partition("-")[0]
    lists = {"initial": settings.families, "test": settings.test_families, "starts": settings.start_families}
    if name not in lists:
        raise StructureError(f"--set must be initial, test or starts-N, not {args.set!r}")
    if not lists[name]:
        raise StructureError(f"the settings list no families for the set {args.set!r}")
    # What two families have in common is kept once, but not if it is where one of them begins its dynamics.
    groups = [[f for f in lists[name] if f.dynamics is None], *([f] for f in lists[name] if f.dynamics is not None)]
    structures = [
        atoms
        for group in groups
        for atoms in build_structures(
            settings.elements,
            settings.volume_per_atom_angstrom3,
            [Family(**family.model_dump(exclude={"role", "dynamics"})) for family in group],
            args.seed,
            stream=args.set,
        )
    ]
    write_structures(args.output, structures)
    counts = Counter(atoms.info["family"] for atoms in structures)
    atoms = sum(map(len, structures))
    families_text = ", ".join(f"{family} {count}" for family, count in counts.items())
    print(f"{args.output}: {len(structures)} structures, {atoms} atoms; {families_text}")
    return 0
