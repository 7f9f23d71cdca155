"""One sentence on what came out, assembled from what the tables hold."""

from collections.abc import Sequence

from ingot.reporting.headline import Row
from ingot.reporting.run import Run


def verdict(run: Run, rows: Sequence[Row]) -> str:
    """The error on unseen structures, the crystal against its own label method, the melting point, and failures.

    Empty for a run without benchmarks.
    """
    clauses = [_accuracy(run), _crystal(rows), _melting(rows), _failures(rows)]
    sentence = "; ".join(clause for clause in clauses if clause)
    return sentence[0].upper() + sentence[1:] + "." if sentence else ""


def _accuracy(run: Run) -> str:
    accuracy = run.quantities("benchmarks", "accuracy", "quantities.csv")
    for split, where in (("test", "structures it never saw"), ("validation", "validation structures")):
        force, energy = accuracy.get(f"force_rmse_{split}"), accuracy.get(f"energy_rmse_{split}")
        if force is not None and force.value is not None:
            text = f"the potential predicts forces on {where} to {force.value:.2f} eV/Å"
            if energy is not None and energy.value is not None:
                text += f" and energies to {energy.value:.0f} meV/atom"
            return f"{text} (root mean square)"
    return ""


def _crystal(rows: Sequence[Row]) -> str:
    """The lattice constant and the worst modulus, in percent of what the label method gives directly."""
    percent = {row.potential.quantity: row.percent for row in rows if row.percent is not None}
    moduli = [row for row in rows if row.potential.unit == "GPa" and row.percent is not None]
    if "a0" not in percent:
        return ""
    text = f"its lattice constant is {abs(percent['a0']):.1f} % from what its own label method gives directly"
    if any("mechanically unstable" in row.potential.note for row in moduli):
        return f"{text}, but its crystal is mechanically unstable"
    if moduli:
        worst = max(moduli, key=lambda row: abs(row.percent or 0.0))
        text += f", and {worst.potential.label}, the worst of the elastic moduli, {abs(worst.percent or 0.0):.0f} %"
    return text


def _melting(rows: Sequence[Row]) -> str:
    found = next((row.potential for row in rows if row.potential.quantity == "coexistence_temperature"), None)
    if found is None or found.value is None or found.status != "ok":
        return ""
    error = f" ± {found.uncertainty:.0f}" if found.uncertainty is not None else ""
    return f"melt and crystal coexist at {found.value:.0f}{error} K in a small cell"


def _failures(rows: Sequence[Row]) -> str:
    labels = [row.potential.label for row in rows if row.potential.status == "failed"]
    return f"failed: {', '.join(labels)}" if labels else ""
