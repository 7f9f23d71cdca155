"""Data sets: how labelled structures are split."""

from pydantic import Field

from ingot.config.base import Section


class DatasetSettings(Section):
    """Splits by parent: siblings (one lattice with its strains, one packing, one trajectory) never part."""

    validation_fraction: float = Field(0.15, ge=0, lt=0.5)
    """Share of each family's parents that watch the training (at least one from two parents on)."""

    test_fraction: float = Field(0.15, ge=0, lt=0.5)
    """Share of each family's parents that only the report sees (at least one from three parents on)."""

    extrapolation_families: tuple[str, ...] = ()
    """Families that are held out whole, as a named test of extrapolation."""
