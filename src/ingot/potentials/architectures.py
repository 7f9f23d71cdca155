"""What an architecture is, and the register of those that Ingot knows."""

from typing import Any, Protocol, runtime_checkable

from jaxtyping import Array, Float

from ingot.errors import near_name
from ingot.potentials.ani import AniArchitecture
from ingot.potentials.eam import EamArchitecture
from ingot.potentials.errors import PotentialError
from ingot.potentials.graph import Graph


@runtime_checkable
class Architecture(Protocol):
    """A pure function from parameters and surroundings to site energies; hashable constants only.

    An architecture with a descriptor that has no parameters may also offer ``descriptor``, ``descriptor_and_products``,
    ``network``, ``baseline_energies`` (a part without parameters) and
    ``learned_part`` (itself without that part), which the evaluator and the trainer then use.
    """

    kind: str

    @property
    def species(self) -> tuple[str, ...]:
        """Element symbols, in the order of species indices."""

    @property
    def cutoff(self) -> float:
        """Range in angstrom."""

    @property
    def inner_cutoff(self) -> float | None:
        """Range of many-body terms in angstrom, when shorter."""

    def initial_parameters(self, seed: int) -> Any:
        """Random parameters of one member."""

    def site_energies(self, parameters: Any, graph: Graph) -> Float[Array, " atoms"]:
        """Energies in eV, without offsets, of one member; zero for padding atoms."""

    def to_json(self) -> dict[str, Any]:
        """Constants, with ``kind``."""


_KINDS: dict[str, Any] = {AniArchitecture.kind: AniArchitecture, EamArchitecture.kind: EamArchitecture}


def architecture_from_json(values: Any) -> Architecture:
    """The architecture that ``potential.json`` describes; raises :class:`PotentialError` for an unknown kind."""
    kind = values.get("kind") if isinstance(values, dict) else None
    if kind not in _KINDS:
        raise PotentialError(
            f"unknown architecture kind {kind!r}{near_name(str(kind), _KINDS)}; known: {', '.join(_KINDS)}"
        )
    return _KINDS[kind].from_json(values)  # type: ignore[no-any-return]
