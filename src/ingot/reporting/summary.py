"""What was run, in a few facts for the top of the page."""

from dataclasses import dataclass
from typing import Any

from ingot.benchmarks.accuracy_tables import SPLIT_ORDER
from ingot.reporting.headline import potential_species
from ingot.reporting.run import Run


@dataclass(frozen=True)
class Summary:
    """The page's title, and (name, value) facts about the run."""

    title: str
    facts: tuple[tuple[str, str], ...]


def run_summary(run: Run) -> Summary:
    """Title and facts; what a run does not have is not mentioned."""
    configuration = run.configuration
    about = configuration.get("run") or {}
    species = potential_species(run)
    title = about.get("title") or f"An interatomic potential for {', '.join(species) or 'your data'}"
    facts = [
        ("run", about.get("name") or run.root.name),
        ("elements", ", ".join(species)),
        ("labels", _labels(configuration)),
        ("data", _data(run)),
        ("potential", _potential(run)),
        ("seed", str(about["seed"]) if "seed" in about else ""),
    ]
    return Summary(title, tuple((name, value) for name, value in facts if value))


def _labels(configuration: dict[str, Any]) -> str:
    data = configuration.get("data")
    if data:
        return f"brought by the user ({data.get('method') or data.get('file', '').rsplit('/', 1)[-1]})"
    labels = configuration.get("labels") or {}
    method = str(labels.get("method") or "")
    engine = labels.get(method.replace("-", "_")) or {}
    if not method.startswith("pyscf"):
        return str(engine.get("calculator") or method)
    parts = [f"{str(engine.get('functional', '')).upper()} by PySCF", str(engine.get("basis", ""))]
    if "kpoint_length_angstrom" in engine:
        parts.append(f"k-point length {engine['kpoint_length_angstrom']:g} Å")
    if "smearing_width_ev" in engine:
        parts.append(f"smearing {engine['smearing_width_ev']:g} eV")
    return ", ".join(part for part in parts if part)


def _data(run: Run) -> str:
    table = run.table("benchmarks", "accuracy", "structures.csv")
    if table is None:
        return ""
    last = table[table["potential"] == table["potential"].iloc[-1]]
    counts = last.groupby("split").size()
    known = [s for s in SPLIT_ORDER if s in counts.index]
    counts = counts.reindex([*known, *(s for s in counts.index if s not in known)])
    atoms = int(last["atoms"].sum())
    text = ", ".join(f"{count} {name}" for name, count in counts.items())
    return f"{len(last)} labelled structures with {atoms} atoms: {text}"


def _potential(run: Run) -> str:
    description = run.json("potential", "potential.json") or {}
    architecture = description.get("architecture") or {}
    members = description.get("members")
    kind = str(architecture.get("kind") or "").upper()
    if not kind:
        return ""
    return f"{kind}, ensemble of {members}" if members else kind
