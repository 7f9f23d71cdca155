"""Local pseudopotentials: an analytic form written out here, and files in the formats that DFTpy reads.

Orbital-free DFT has no orbitals that a nonlocal projector could act on, so the ions must be local potentials.
None is part of the package: name a file, or give the numbers of the analytic form.
"""

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ingot.errors import near_name
from ingot.labels.errors import LabelError

FORMATS = ("recpot", "usp", "upf", "psp", "psp8", "lps", "psp6", "fhi", "cpi", "xml")
"""Endings of file names that DFTpy knows: CASTEP, UPF, ABINIT 8 and 6, and PAW-XML (their local parts)."""

_TABLE_SPACING = 0.001  # 1/bohr; DFTpy puts a cubic spline through the table
_TABLE_END = 16.0  # 1/bohr; 128 Hartree


class LocalPseudopotential(Protocol):
    """The potential of one ion that the electrons see."""

    def identity(self) -> dict[str, Any]:
        """What decides its values, for a method's settings; the same content elsewhere is the same potential."""
        ...

    def engine(self) -> Any:
        """What DFTpy's ``PP_list`` takes: a path, or an object with a table."""
        ...


@dataclass(frozen=True)
class AnalyticIon:
    """A Heine-Abarenkov ion with a smooth end in reciprocal space, atomic units.

    ``v(q) = -(4 pi / q^2) ((Z - A R) cos(q R) + (A / q) sin(q R)) exp(-(q / q_c)^6)``, which without the last factor
    is the Fourier transform of ``-A`` within the radius R and ``-Z / r`` outside (Heine and Abarenkov, Phil. Mag. 9,
    451 (1964)); the factor is that of Goodwin, Needs and Heine, J. Phys.: Condens. Matter 2, 351 (1990).

    The values of the latter for aluminium are not part of the package: take them from the paper.
    """

    valence: float
    """Z, electrons."""
    radius_bohr: float
    """R, bohr."""
    depth_hartree: float
    """A, Hartree."""
    damping_per_bohr: float
    """q_c, 1/bohr."""

    def __post_init__(self) -> None:
        """Refuse what is no ion."""
        for name in ("valence", "radius_bohr", "damping_per_bohr"):
            value = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise LabelError(f"analytic pseudopotential: {name} must be a positive number, not {value!r}")
        if not math.isfinite(self.depth_hartree):
            raise LabelError(f"analytic pseudopotential: depth_hartree must be a number, not {self.depth_hartree!r}")

    def potential(self, q: np.ndarray) -> np.ndarray:
        """v(q) in Hartree bohr^3 at wave numbers q > 0 (any shape, 1/bohr); no division by the volume of a cell."""
        Z, R, A = self.valence, self.radius_bohr, self.depth_hartree
        bare = (Z - A * R) * np.cos(q * R) + A / q * np.sin(q * R)
        return np.asarray(-4 * np.pi / q**2 * bare * np.exp(-((q / self.damping_per_bohr) ** 6)))

    def non_coulomb_limit(self) -> float:
        """Limit of v(q) + 4 pi Z / q^2 at q = 0 (Hartree bohr^3): the integral of v(r) + Z / r over space."""
        Z, R, A = self.valence, self.radius_bohr, self.depth_hartree
        return 2 * np.pi * Z * R**2 - 4 * np.pi / 3 * A * R**3

    def identity(self) -> dict[str, Any]:
        """See :class:`LocalPseudopotential`."""
        values = {key: float(value) for key, value in asdict(self).items()}
        return {"source": "analytic", "form": "heine-abarenkov, damped", **values}

    def engine(self) -> Any:
        """See :class:`LocalPseudopotential`."""
        from dftpy.functional.pseudo.abstract_pseudo import BasePseudo

        q = np.arange(0.0, _TABLE_END + _TABLE_SPACING / 2, _TABLE_SPACING)
        table = BasePseudo(None, direct=False)
        table.r = q
        table.v = np.concatenate([[self.non_coulomb_limit()], self.potential(q[1:])])
        table._zval = self.valence
        return table


@dataclass(frozen=True)
class PseudopotentialFile:
    """A file in one of :data:`FORMATS`, told by the ending of its name; its local part must be all of it."""

    path: str

    def __post_init__(self) -> None:
        """Fail at once where there is no such file, or one that is no local pseudopotential."""
        if not Path(self.path).is_file():
            raise LabelError(f"no pseudopotential file at {self.path!r}")
        if self._format not in FORMATS:
            raise LabelError(
                f"pseudopotential file {self.path!r}: the ending {self._format!r} is not a format that DFTpy reads"
                f"{near_name(self._format, FORMATS)}; known: {', '.join(FORMATS)}"
            )
        if projectors := _nonlocal_projectors(self._content, self._format):
            raise LabelError(
                f"pseudopotential file {self.path!r} has {projectors} nonlocal projectors; orbital-free DFT needs a "
                "local pseudopotential (bulk-derived ones carry names like al.lda.recpot)"
            )

    @property
    def _format(self) -> str:
        return Path(self.path).suffix[1:].lower()

    @cached_property
    def _content(self) -> bytes:
        return Path(self.path).read_bytes()

    def identity(self) -> dict[str, Any]:
        """See :class:`LocalPseudopotential`."""
        return {"source": "file", "format": self._format, "sha256": hashlib.sha256(self._content).hexdigest()}

    def engine(self) -> Any:
        """See :class:`LocalPseudopotential`."""
        return self.path


def _nonlocal_projectors(content: bytes, kind: str) -> int:
    """How many nonlocal projectors with a nonzero coefficient the header of a UPF or psp8 file announces."""
    text = content[:200_000].decode("utf-8", errors="replace")
    if kind == "upf":
        coefficients = re.search(r"<PP_DIJ[^>]*>([^<]*)</PP_DIJ", content.decode("utf-8", errors="replace"))
        return sum(abs(float(x)) > 0 for x in coefficients[1].replace("D", "E").split()) if coefficients else 0
    if kind in ("psp", "psp8"):
        lines = text.splitlines()
        if len(lines) > 5 and lines[2].split()[:1] == ["8"]:
            return sum(int(x) for x in lines[4].split()[:5] if x.isdigit())
    return 0


def local_pseudopotentials(
    files: Mapping[str, str], analytic: Mapping[str, Mapping[str, float]]
) -> dict[str, LocalPseudopotential]:
    """One local pseudopotential per element symbol, from paths and from numbers of :class:`AnalyticIon`.

    Raises :class:`LabelError` where an element has two, or a source cannot be used.
    """
    both = sorted(files.keys() & analytic.keys())
    if both:
        raise LabelError(f"{', '.join(both)} has a pseudopotential file and an analytic one; keep one of them")
    result: dict[str, LocalPseudopotential] = {key: PseudopotentialFile(path) for key, path in files.items()}
    for element, values in analytic.items():
        try:
            result[element] = AnalyticIon(**values)
        except TypeError as error:
            known = ", ".join(AnalyticIon.__dataclass_fields__)
            raise LabelError(f"analytic pseudopotential of {element}: {error}; it needs {known}") from error
    return result
