"""Errors of forces against the novelty of environments."""

from ingot.reporting.figures.several import colors_of
from ingot.reporting.figures.style import Figure, Format, canvas, picture, plain_log
from ingot.reporting.run import Run


def draw_novelty_errors(run: Run, kind: Format) -> Figure | None:
    """``None`` where novelty was not held against errors."""
    bins = run.table("benchmarks", "novelty", "bins.csv")
    if bins is None:
        return None
    quantities = run.quantities("benchmarks", "novelty", "quantities.csv")
    with canvas(5.0, 3.2) as (figure, axes):
        for name, color in colors_of(bins["set"].unique()).items():
            part = bins[bins["set"] == name]
            x = part["delta_entropy_median"]
            rho = quantities.get(f"novelty_rank_correlation_{name}")
            label = name if rho is None or rho.value is None else f"{name}: {rho.value:.2f} ± {rho.uncertainty:.2f}"
            low, high = part["force_error_q25_eV_per_A"], part["force_error_q75_eV_per_A"]
            axes.fill_between(x, low, high, color=color, alpha=0.15, linewidth=0)
            axes.plot(x, part["force_error_q50_eV_per_A"], "o-", color=color, label=label)
            axes.plot(x, part["force_error_rms_eV_per_A"], ":", color=color)
        axes.axvline(0, color="#999999", linewidth=0.7, zorder=0)
        axes.set(yscale="log", xlabel="δH of the environment to the training data (nats)", ylabel="force error (eV/Å)")
        plain_log(axes.yaxis)
        axes.legend(loc="best")
        image = picture(figure, kind)
    return Figure(
        "novelty-error",
        "Novelty and error",
        "Error of the force on an atom against the novelty of its environment, which no potential was asked for: "
        "median and quartiles of equally many atoms, dotted the root mean square. Numbers are Spearman's rank "
        "correlation and its deviation over resampled structures.",
        image,
        kind,
        bins,
    )
