"""The report page."""

from typing import Literal

from ingot.config.base import Section


class ReportSettings(Section):
    """How the page looks; what it says comes from the run's own tables."""

    figure_format: Literal["svg", "png"] = "svg"
    """Format of the figures on the page and in the figures folder."""
