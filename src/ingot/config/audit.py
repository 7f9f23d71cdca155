"""Settings of the information-entropy audit."""

from typing import Annotated, Literal

from pydantic import Field

from ingot.config.base import Section


class AuditSettings(Section):
    """The audit: what counts as an environment, and when two of them are alike."""

    neighbors: int = Field(32, ge=2, le=256)
    """Nearest neighbours in a descriptor; missing ones count as zeros."""

    cutoff_angstrom: float = Field(5.0, gt=0, le=20)
    """Neighbours beyond this distance are not seen."""

    species: bool = False
    """Tell the species of neighbours and centres apart; the published descriptor sees geometry alone."""

    bandwidth_per_angstrom: float = Field(0.015, gt=0)
    """Width of the Gaussian kernel; 0.015 is that of the published ANI-Al curves."""

    overlap_thresholds: tuple[float, ...] = Field((1e-5, 1.0), min_length=1)
    """An environment is covered when its differential entropy, in nats, is below the threshold."""

    groups: tuple[str, ...] = ("family",)
    """Entropy is also listed by these labels of the structures: `family`, `parent`, or another key of their `info`."""

    curve_repeats: int = Field(5, ge=2)
    """Random draws behind each point of the learning curve H(n)."""

    curve_environments: int = Field(10_000, ge=16)
    """The learning curve stops at this many environments (its cost grows with the square)."""

    exact_environments: int = Field(100_000, ge=20_000)
    """Of more environments than this entropies are estimates with intervals, and novelty is that of as many, drawn at
    random (all pairs of 100,000 take 20 CPU-seconds; four times as many, sixteen times as long)."""

    compression: tuple[Literal["msc", "farthest", "random"], ...] = ()
    """Also compress the data by these methods, and say what each share of the structures covers (`msc` takes a few
    times as long as the rest)."""

    listed: int = Field(50, ge=1)
    """How many outliers are listed, and most novel structures written."""

    trajectories: dict[Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_.-]*$")], str] = Field(default_factory=dict)
    """Dynamics, by name, that are held against the data frame by frame: Zarr trajectories, or files that ASE reads."""

    backend: Literal["compiled", "numpy", "jax"] | None = None
    """What takes the kernel sums; by default compiled code, or NumPy without a compiler; `jax` for a GPU."""

    precision: Literal["float64", "float32"] = "float64"
    """Arithmetic of the kernel sums; float32 takes less than half the time and is off by 2e-4 nats at most."""
