"""Pages as one self-contained HTML file, and the data of their figures beside it."""

import base64
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from ingot.files import write_atomically
from ingot.reporting import numbers
from ingot.reporting.figures.style import Figure


@dataclass(frozen=True)
class Page:
    """A finished page: its HTML, and the figures whose data and pictures are saved beside it."""

    html: str
    figures: tuple[Figure, ...]


def environment() -> Environment:
    """Where templates are found, and the filters they use."""
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    made.filters.update(
        aligned=numbers.aligned, plain=numbers.plain, unit=numbers.unit, duration=numbers.duration, image=_image
    )
    return made


def write_page(page: Page, output: str | Path) -> None:
    """Write the page, with ``figures/<name>.<format>`` and ``data/<name>.csv`` in its folder."""
    output = Path(output)
    for figure in page.figures:
        write_atomically(output.parent / "figures" / f"{figure.name}.{figure.format}", figure.image)
        write_atomically(output.parent / "data" / f"{figure.name}.csv", figure.data.to_csv(index=False))
    write_atomically(output, page.html)


def _image(figure: Figure) -> Markup:
    """An ``img`` element that holds the picture itself."""
    media = {"svg": "image/svg+xml", "png": "image/png"}[figure.format]
    encoded = base64.b64encode(figure.image).decode()
    return Markup('<img alt="{}" src="data:{};base64,{}">').format(figure.title, media, encoded)
