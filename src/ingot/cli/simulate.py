"""``ingot simulate``: molecular dynamics with a potential, by hand."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ase import Atoms

    from ingot.config.simulation import SimulationSettings
    from ingot.dynamics import Conditions
    from ingot.dynamics.recording import FrameFile


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs, settings, output."""
    parser.add_argument("structure", help="the starting structure: any file ASE reads, or a trajectory (last frame)")
    parser.add_argument("--potential", required=True, metavar="DIR", help="a potential")
    parser.add_argument("--settings", help="JSON or a file: the section of a simulation")
    parser.add_argument("--temperature", type=float, action="append", metavar="K",
                        help="overrides the settings; given several times, a replica at each")  # fmt: skip
    parser.add_argument("--steps", type=int, help="overrides the settings")
    parser.add_argument("--repeat", type=int, nargs=3, default=(1, 1, 1), metavar="N", help="repeat the cell")
    parser.add_argument("--replicas", type=int, default=1, metavar="N", help="runs at every temperature (1)")
    parser.add_argument("--seed", type=int, default=1, help="seed of velocities and noise (1)")
    parser.add_argument("-o", "--output", required=True, metavar="FILE",
                        help="trajectory (.zarr or .extxyz); a .csv and a checkpoint go beside, and where the same run "
                        "was interrupted it goes on")  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Run or go on, write frames and thermodynamics."""
    from ingot.cli.settings import parse_settings
    from ingot.config.base import validate
    from ingot.config.simulation import SimulationSettings
    from ingot.dynamics import Model, Recording, Simulation, frames_per_chunk, potential_digest, record
    from ingot.errors import IngotError
    from ingot.potentials import load_potential
    from ingot.randomness import derive_seed

    given = parse_settings(SimulationSettings, args.settings).model_dump()
    changes = {"temperature_kelvin": args.temperature, "steps": args.steps}
    settings = validate(SimulationSettings, {**given, **{k: v for k, v in changes.items() if v is not None}})
    output = Path(args.output)
    if output.suffix not in (".zarr", ".extxyz", ".xyz"):
        raise IngotError(f"the trajectory ends in .zarr or .extxyz, not {output.suffix!r} ({output.name!r})")
    if args.replicas < 1:
        raise IngotError(f"at least one replica, got {args.replicas}")
    potential = load_potential(args.potential)
    if settings.member is not None and settings.member >= potential.members:
        raise IngotError(f"member is {settings.member}, the potential has {potential.members} networks")
    start = _start(args.structure, settings).repeat(args.repeat)
    temperatures = [t for t in settings.temperatures_kelvin for _ in range(args.replicas)]
    held = [_conditions(settings, t, start.cell.volume) for t in temperatures]
    simulation = Simulation(
        Model.of(potential, "mean" if settings.member is None else settings.member),
        [start] * len(temperatures),
        temperature=None if settings.keep_velocities else temperatures,
        seed=derive_seed(args.seed, "simulate"),
        skin=settings.skin_angstrom,
        density_ahead=max(1.0, settings.density_end) + max(0.0, settings.density_amplitude),
    )
    identity = {
        **_physics(settings),
        "seed": args.seed,
        "replicas": args.replicas,
        "structure": _structure_digest(start),
        "potential": potential_digest(potential),
    }
    chunk = frames_per_chunk(settings.checkpoint_steps, settings.every, len(start), len(temperatures))
    names = [output] if len(temperatures) == 1 else _numbered(output, len(temperatures))
    recording = Recording(
        files=[
            _files(name, start, settings, chunk, {**identity, "replica": r, "replica_temperature_kelvin": temperature})
            for r, (name, temperature) in enumerate(zip(names, temperatures, strict=True))
        ],
        checkpoint=output.with_name(f"{output.stem}.checkpoint.safetensors"),
        identity=identity,
        chunk=chunk,
    )
    record(simulation, settings.steps, held, settings.every, recording, "simulating")
    simulation.require_running("simulation")
    return 0


def _start(path: str, settings: "SimulationSettings") -> "Atoms":
    """The last structure of a file or trajectory, with velocities where they are kept."""
    import ase.io

    from ingot.dynamics.trajectory import read_trajectory, trajectory_to_ase
    from ingot.errors import IngotError

    if Path(path).suffix == ".zarr":
        trajectory = read_trajectory(path)
        if trajectory.sizes["frame"] == 0:
            raise IngotError(f"{path} has no frames")
        atoms = next(trajectory_to_ase(trajectory.isel(frame=slice(-1, None))))
    elif Path(path).is_file():
        atoms = ase.io.read(path, index=-1)
    else:
        raise IngotError(f"no structure file at {path!r}")
    if settings.keep_velocities and not atoms.get_velocities().any():
        raise IngotError(
            f"keep_velocities: {path} has no velocities (a .zarr trajectory has them with save_velocities)"
        )
    atoms.calc, atoms.info = None, {}
    return atoms


def _conditions(settings: "SimulationSettings", temperature: float, volume: float) -> "Conditions":
    """The ensemble in the terms of dynamics."""
    from ingot.dynamics import Schedule, conditions, isoenthalpic_piston, stochastic_cell_rescaling
    from ingot.units import FEMTOSECOND, GIGAPASCAL

    s, picosecond = settings, 1000 * FEMTOSECOND
    duration = _ramp_ps(s) * picosecond
    end = temperature if s.temperature_end_kelvin is None else s.temperature_end_kelvin
    barostat, bulk_modulus = None, s.bulk_modulus_gpa * GIGAPASCAL
    if s.ensemble == "npt":
        barostat = stochastic_cell_rescaling(s.pressure_relaxation_fs, bulk_modulus, s.pressure_gpa, s.axes)
    elif s.ensemble == "nph":
        barostat = isoenthalpic_piston(s.piston_period_fs, bulk_modulus, volume, s.pressure_gpa, s.axes)
    thermostat = s.thermostat if s.ensemble in ("nvt", "npt") else None
    return conditions(
        s.timestep_fs,
        Schedule(temperature, end, s.temperature_amplitude_kelvin, s.temperature_period_ps * picosecond, duration),
        friction_per_ps=s.friction_per_ps if thermostat == "langevin" else 0.0,
        rescaling_fs=s.temperature_relaxation_fs if thermostat == "rescaling" else None,
        density=Schedule(1.0, s.density_end, s.density_amplitude, s.density_period_ps * picosecond, duration),
        barostat=barostat,
        closest_angstrom=s.closest_angstrom,
    )


def _ramp_ps(settings: "SimulationSettings") -> float:
    return settings.ramp_ps or settings.steps * settings.timestep_fs / 1000


def _physics(settings: "SimulationSettings") -> dict[str, Any]:
    """The settings that the trajectory depends on: not its length, but that of a ramp over all of it."""
    values: dict[str, Any] = settings.model_dump(exclude={"steps"}, mode="json")
    driven = settings.drives_temperature or settings.drives_density
    return {
        **values,
        "temperature_kelvin": list(settings.temperatures_kelvin),
        "ramp_ps": _ramp_ps(settings) if driven else None,
    }


def _structure_digest(atoms: "Atoms") -> str:
    """Of everything that dynamics begins with, to the last bit."""
    from ingot.files import digest

    arrays = (atoms.numbers, atoms.positions, atoms.cell.array, atoms.pbc, atoms.get_masses(), atoms.get_velocities())
    return digest([array.tolist() for array in arrays])


def _numbered(output: Path, replicas: int) -> list[Path]:
    return [output.with_name(f"{output.stem}-{r}{output.suffix}") for r in range(replicas)]


def _files(
    path: Path, start: "Atoms", settings: "SimulationSettings", chunk: int, identity: dict[str, Any]
) -> "list[FrameFile]":
    """The trajectory and the table of one replica."""
    from ingot.dynamics import ExtxyzTrajectory, ThermodynamicsTable
    from ingot.dynamics.trajectory import ZarrTrajectory
    from ingot.provenance import versions

    table = ThermodynamicsTable(path.with_suffix(".csv"))
    if path.suffix != ".zarr":
        return [ExtxyzTrajectory(path, start), table]
    extra = [name for name, kept in (("velocity", settings.save_velocities), ("forces", settings.save_forces)) if kept]
    attributes = {"settings": identity, "versions": versions()}
    return [ZarrTrajectory(path, start, chunk, settings.precision, extra, attributes), table]
