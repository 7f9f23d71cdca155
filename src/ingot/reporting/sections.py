"""The sections of the page: which figures and tables tell which part of the story."""

from collections.abc import Callable
from dataclasses import dataclass

from ingot.reporting.figures.audit import draw_audit
from ingot.reporting.figures.calibration import draw_calibration
from ingot.reporting.figures.coexistence import draw_coexistence
from ingot.reporting.figures.convergence import draw_convergence
from ingot.reporting.figures.energy_volume import draw_energy_volume
from ingot.reporting.figures.exploration import draw_exploration
from ingot.reporting.figures.iterations import draw_iterations
from ingot.reporting.figures.learning import draw_learning
from ingot.reporting.figures.learning_curves import draw_learning_curves
from ingot.reporting.figures.loss import draw_loss
from ingot.reporting.figures.melting_curve import draw_melting_curve
from ingot.reporting.figures.novelty_error import draw_novelty_errors
from ingot.reporting.figures.overlays import CRYSTAL_CURVES, DrawSeveral
from ingot.reporting.figures.parity import draw_parity
from ingot.reporting.figures.phases import draw_phases
from ingot.reporting.figures.radial_distribution import draw_radial_distribution
from ingot.reporting.figures.style import Figure, Format
from ingot.reporting.headline import element_of
from ingot.reporting.run import Run
from ingot.reporting.tables import (
    Table,
    acquisition_table,
    comparison_table,
    density_table,
    error_table,
    iteration_table,
    learning_curve_table,
    melt_table,
)

DrawFigure = Callable[[Run, Format], Figure | None]
MakeTable = Callable[[Run], Table | None]


def _of_this_potential(draw: DrawSeveral) -> DrawFigure:
    """A figure of several potentials, with this one alone."""

    def of_run(run: Run, kind: Format) -> Figure | None:
        benchmarks = run.below("benchmarks") if (run.root / "benchmarks").is_dir() else None
        return None if benchmarks is None else draw({"potential": benchmarks}, element_of(run) or "", kind)

    return of_run


@dataclass(frozen=True)
class Section:
    """A heading, a sentence on how to read what follows, figures and tables."""

    key: str
    title: str
    introduction: str
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...]


_PLAN: tuple[tuple[str, str, str, tuple[DrawFigure, ...], tuple[MakeTable, ...]], ...] = (
    (
        "accuracy",
        "Accuracy on labelled structures",
        "Errors of disordered structures are heavy-tailed, so medians and 95 % quantiles stand beside the root mean "
        "square. Structures whose forces vanish by symmetry are left out of the force errors.",
        (draw_parity,),
        (error_table, density_table),
    ),
    (
        "learning",
        "Learning",
        "How the networks were trained, and what more labels and forces teach them.",
        (draw_loss, draw_learning_curves),
        (learning_curve_table,),
    ),
    (
        "loop",
        "The active-learning loop",
        "The ensemble drives nonequilibrium dynamics from disordered starts. Frames it is unsure of are labelled and "
        "learned, beside a control drawn at random from the same dynamics that is never trained on, until new data "
        "stop being new.",
        (draw_iterations, draw_learning, draw_exploration, draw_convergence),
        (iteration_table, acquisition_table),
    ),
    (
        "uncertainty",
        "Does the potential know what it does not know?",
        "The ensemble's standard deviation is scaled once, on validation data. It is useful if it rises with the true "
        "error, and honest if labels fall inside its intervals as often as these promise.",
        (draw_calibration, draw_novelty_errors),
        (),
    ),
    (
        "audit",
        "Information in the data",
        "Entropy, diversity and novelty of atom-centred environments, without reference to any potential "
        "(Schwalbe-Koda et al., Nat. Commun. 16, 4014, 2025).",
        (lambda run, kind: draw_audit(run, kind, "audit"),),
        (),
    ),
    (
        "crystal",
        "The crystal",
        "The potential is compared with its own label method at the labels' settings: what is left is the error of "
        "learning. The labels' own error against experiment is in the table at the top.",
        (draw_energy_volume, draw_phases, *map(_of_this_potential, CRYSTAL_CURVES)),
        (comparison_table,),
    ),
    (
        "melt",
        "The melt, and melt beside solid",
        "The melt is made by overheating the crystal. Its error bars are statistical: they hold neither the finite "
        "size of the cell nor the error of the potential.",
        (draw_radial_distribution, draw_coexistence, draw_melting_curve),
        (melt_table,),
    ),
)


def sections(run: Run, kind: Format) -> list[Section]:
    """The sections that have something to show."""
    result = []
    for key, title, introduction, drawings, makers in _PLAN:
        figures = tuple(figure for draw in drawings if (figure := draw(run, kind)) is not None)
        tables = tuple(table for make in makers if (table := make(run)) is not None)
        if figures or tables:
            result.append(Section(key, title, introduction, figures, tables))
    return result
