"""The root of Ingot's exceptions and the helper that finds near names.

Each room derives one family from :class:`IngotError`. A message says what was
wrong, the value seen, what is accepted and what to do.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class IngotError(Exception):
    """Something the user can mend; the command line prints it without a traceback."""


def near_name(name: str, accepted: Iterable[str]) -> str:
    """A hint such as ``"; did you mean 'cutoff'?"``, or an empty string."""
    known = list(accepted)
    match = [k for k in known if k.lower() == name.lower()] or get_close_matches(name, known, n=1, cutoff=0.5)
    return f"; did you mean {match[0]!r}?" if match else ""
