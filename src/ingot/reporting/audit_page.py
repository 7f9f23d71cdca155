"""The page of an audit: what the data hold, what is new, what stands apart."""

from pathlib import Path
from typing import Any

import pandas as pd

from ingot.reporting.errors import ReportError
from ingot.reporting.figures.audit import draw_audit
from ingot.reporting.figures.audit_details import (
    draw_compression,
    draw_groups,
    draw_histograms,
    draw_overlap_matrix,
    draw_temperatures,
    draw_trajectories,
)
from ingot.reporting.figures.style import Format
from ingot.reporting.html import Page, environment
from ingot.reporting.run import Run

_DRAWINGS = (
    draw_audit, draw_histograms, draw_overlap_matrix, draw_groups, draw_compression, draw_trajectories,
    draw_temperatures,
)  # fmt: skip
_LISTED = 12


def build_audit_page(folder: Path, kind: Format) -> Page:
    """The page of the tables in a folder. Raises :class:`ReportError` where there is no audit."""
    run = Run(folder)
    summary = run.table("summary.csv")
    if summary is None:
        raise ReportError(f"no audit at {folder}: summary.csv is missing")
    figures = [figure for draw in _DRAWINGS if (figure := draw(run, kind)) is not None]
    sets = summary[summary["grouping"] == "set"]
    curve = run.table("learning_curve.csv")
    html = (
        environment()
        .get_template("audit.html")
        .render(
            title=f"Audit of {', '.join(sets[sets['role'] == 'training']['group'].astype(str))}",
            sentence=_sentence(sets, curve),
            sets=_records(sets),
            novelty=_novelty(run),
            estimated=bool(sets["entropy_lower"].notna().any()),
            outliers=_records(run.table("outliers.csv"))[:_LISTED],
            novel=_records(_most_novel(run.table("structures.csv"))),
            figures=figures,
            constants=_records(sets)[0],
            files=sorted(str(path.relative_to(folder)) for path in folder.glob("*/*.extxyz")),
        )
    )
    return Page(html, tuple(figures))


def _records(table: pd.DataFrame | None) -> list[dict[str, Any]]:
    """Rows with ``None`` for what is missing."""
    if table is None:
        return []
    rows = table.astype(object).where(table.notna(), None).to_dict("records")
    return [{str(key): value for key, value in row.items()} for row in rows]


def _novelty(run: Run) -> dict[str, tuple[float, float]]:
    """Share of novel environments and median dH of the sets that were held against others."""
    found = {
        str(row["set"]): (row["share_above_0"], row["delta_entropy_q50"]) for row in _records(run.table("novelty.csv"))
    }
    overlap = _records(run.table("overlap.csv"))
    strict = min((row["threshold"] for row in overlap), default=0.0)
    for row in overlap:  # the last is against all data
        if row["threshold"] == strict:
            found[str(row["set"])] = (1 - row["overlap"], row["delta_entropy_q50"])
    return found


def _most_novel(structures: pd.DataFrame | None) -> pd.DataFrame | None:
    if structures is None or structures["delta_entropy_mean"].isna().all():
        return None
    return structures.sort_values("delta_entropy_mean", ascending=False, na_position="last").head(_LISTED)


def _sentence(sets: pd.DataFrame, curve: pd.DataFrame | None) -> str:
    """What the training data hold in all, in words."""
    last = sets[sets["role"] == "training"].iloc[-1]
    count, h, d = (last[f"cumulative_{key}"] for key in ("environments", "entropy", "diversity"))
    text = (
        f"{int(count):,} environments with an entropy of {h:.2f} nats and a diversity of {d:.2f}: as many as "
        f"{_count(h)} equally likely or {_count(d)} distinct ones."
    )
    if curve is not None and curve["limit_entropy"].notna().any():
        gap = float(curve["limit_entropy"].iloc[0]) - float(curve["fitted_entropy"].iloc[-1])
        text += f" More data of the same kind would add about {max(gap, 0.0):.2f} nats."
    return text


def _count(nats: float) -> str:
    """exp(nats) with two digits."""
    value = float(pd.Series([nats]).map(lambda x: 2.718281828459045**x).iloc[0])
    digits = max(len(str(int(value))) - 2, 0)
    return f"{round(value / 10**digits) * 10**digits:,}" if value >= 10 else f"{value:.1f}"
