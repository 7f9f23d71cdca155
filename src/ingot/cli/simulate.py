"""``ingot simulate``: molecular dynamics with a potential, by hand."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs, settings, output."""
    parser.add_argument("structure", help="the starting structure: any file ASE reads (its last frame)")
    parser.add_argument("--potential", required=True, metavar="DIR", help="a potential")
    parser.add_argument("--settings", help="JSON or a file: the section of a simulation")
    parser.add_argument("--temperature", type=float, metavar="K", help="overrides the settings")
    parser.add_argument("--steps", type=int, help="overrides the settings")
    parser.add_argument("--repeat", type=int, nargs=3, default=(1, 1, 1), metavar="N", help="repeat the cell")
    parser.add_argument("--seed", type=int, default=1, help="seed of velocities and noise (1)")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="trajectory (extxyz); a .csv goes beside")


def run(args: argparse.Namespace) -> int:
    """Run, write frames and thermodynamics."""
    import csv
    import io
    from pathlib import Path

    import ase.io
    from ase.calculators.singlepoint import SinglePointCalculator

    from ingot.cli.settings import parse_settings
    from ingot.config.simulation import SimulationSettings
    from ingot.dynamics import Model, Simulation, conditions, stochastic_cell_rescaling, thermodynamics
    from ingot.errors import IngotError
    from ingot.files import write_atomically
    from ingot.potentials import load_potential
    from ingot.randomness import derive_seed
    from ingot.units import GIGAPASCAL

    changes = {"temperature_kelvin": args.temperature, "steps": args.steps}
    settings = parse_settings(SimulationSettings, args.settings)
    settings = settings.model_copy(update={k: v for k, v in changes.items() if v is not None})
    if not Path(args.structure).is_file():
        raise IngotError(f"no structure file at {args.structure!r}")
    start = ase.io.read(args.structure, index=-1).repeat(args.repeat)
    simulation = Simulation(
        Model.of(load_potential(args.potential)),
        start,
        temperature=settings.temperature_kelvin,
        seed=derive_seed(args.seed, "simulate"),
        skin=settings.skin_angstrom,
    )
    barostat = None
    if settings.ensemble == "npt":
        barostat = stochastic_cell_rescaling(
            settings.pressure_relaxation_fs,
            settings.bulk_modulus_gpa * GIGAPASCAL,
            settings.pressure_gpa,
            settings.axes,
        )
    held = conditions(
        settings.timestep_fs,
        settings.temperature_kelvin,
        0.0 if settings.ensemble == "nve" else settings.friction_per_ps,
        barostat=barostat,
    )
    frames = []
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["step", "time_fs", "temperature_kelvin", "potential_energy_ev", "total_energy_ev",
                     "pressure_gpa", "volume_angstrom3", "nearest_angstrom"])  # fmt: skip

    def look(running: Simulation) -> None:
        now = thermodynamics(running, fixed_momentum=settings.ensemble == "nve")
        atoms = running.structure()
        atoms.calc = SinglePointCalculator(atoms, energy=now.potential_energy, forces=running.state.forces[0])
        frames.append(atoms)
        row = [now.temperature, now.potential_energy, now.total_energy, float(now.pressure_gpa.mean()), now.volume]
        row.append(float(running.state.nearest[0]))
        writer.writerow([now.step, repr(now.step * settings.timestep_fs), *map(repr, row)])

    simulation.run(settings.steps, held, settings.every, look, "simulating")
    text = io.StringIO()
    ase.io.write(text, frames, format="extxyz")
    write_atomically(args.output, text.getvalue())
    write_atomically(Path(args.output).with_suffix(".csv"), table.getvalue())
    simulation.require_running("simulation")
    return 0
