"""Numbers as HTML: aligned on the decimal point, with true minus signs, nothing invented by rounding."""

from markupsafe import Markup, escape

MINUS, DASH = "\N{MINUS SIGN}", "\N{EN DASH}"


def aligned(value: float | None, decimals: int, sign: bool = False) -> Markup:
    """Integer and fractional part in boxes of fixed width, so that decimal points stand below each other."""
    if value is None:
        return Markup('<span class="none">{}</span>').format(DASH)
    rounded = round(value, decimals) or 0.0  # what rounds to zero has no sign
    text = f"{rounded:{'+' if sign and rounded else ''}.{decimals}f}".replace("-", MINUS)
    whole, point, fraction = text.partition(".")
    return Markup('<span class="whole">{}</span><span class="part">{}{}</span>').format(whole, point, fraction)


def plain(value: float | None, digits: int = 3) -> str:
    """A few significant digits, or a dash."""
    if value is None or value != value:
        return DASH
    return f"{value:.{digits}g}".replace("-", MINUS)


def unit(text: str) -> Markup:
    """A unit as typeset: angstrom sign, superscripts, nothing for pure numbers."""
    shown = {
        "1": "",
        "A": "Å",
        "1/A": "1/Å",
        "1e-6/K": "10⁻⁶/K",
        "J/mol/K": "J/(mol K)",
        "A3/atom": "Å³/atom",
        "g/cm3": "g/cm³",
        "eV/A": "eV/Å",
        "1e-9 m2/s": "10⁻⁹ m²/s",
        "mJ/m2": "mJ/m²",
    }.get(text, text)
    return escape(shown)


def duration(seconds: float) -> str:
    """Seconds as the largest fitting unit.

    >>> duration(5.2), duration(312), duration(7260)
    ('5.2 s', '5.2 min', '2.0 h')
    """
    if seconds < 100:
        return f"{seconds:.1f} s"
    if seconds < 6000:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 3600:.1f} h"
