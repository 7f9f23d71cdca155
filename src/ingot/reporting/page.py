"""The report page: sections of figures and tables, one self-contained HTML file, and the data beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

from ingot.reporting import costs, headline
from ingot.reporting.figures.style import Format
from ingot.reporting.html import Page, environment
from ingot.reporting.provenance import provenance
from ingot.reporting.run import Run
from ingot.reporting.sections import sections
from ingot.reporting.summary import run_summary
from ingot.reporting.verdict import verdict


def build_page(run: Run, kind: Format) -> Page:
    """The page of a run. What the run did not do has no section; nothing is read but its tables."""
    rows = headline.headline_rows(run)
    chapters = sections(run, kind)
    stage_costs = costs.stage_costs(run)
    summary = run_summary(run)
    sentence = verdict(run, rows)
    configuration = run.configuration
    cited = headline.citations(rows)
    html = (
        environment()
        .get_template("page.html")
        .render(
            title=summary.title,
            facts=summary.facts,
            verdict=sentence,
            caveat=(configuration.get("run") or {}).get("caveat", ""),
            rows=rows,
            citations=cited,
            number_of={text: n for n, text in enumerate(cited, start=1)},
            citation=headline.citation,
            other_errors=headline.other_errors(rows),
            direct_error=headline.direct_error(rows),
            sections=chapters,
            costs=stage_costs,
            failed=failed_labels(run),
            provenance=provenance(run),
        )
    )
    return Page(html, tuple(figure for chapter in chapters for figure in chapter.figures))


@dataclass(frozen=True)
class FailedLabel:
    """A structure that the label method gave up, and why."""

    set: str
    structure_id: str
    reason: str


def failed_labels(run: Run) -> tuple[int, Sequence[FailedLabel]]:
    """How many labels were asked for, and those that failed."""
    total, failures = 0, []
    for name in dict.fromkeys(path.parent.name for path in run.paths("labels/*/*.json")):
        rows = run.label_rows(name)
        total += len(rows)
        for identity, row in rows.items():
            if row["status"] != "converged":
                failures.append(FailedLabel(name, identity, row.get("reason") or "no reason given"))
    return total, failures
