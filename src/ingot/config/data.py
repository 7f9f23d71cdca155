"""The section `data`: labelled files of the user, instead of structures and labels made here."""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveFloat, field_validator, model_validator

from ingot.config.base import Section


class OriginSettings(Section):
    """Where a file of others says what a structure is and descends from; what `ingot dataset import --origin` takes."""

    method_key: str | None = None
    """Key of the structures' `info` that tells methods apart, each with a zero of energy of its own."""

    family_key: str = "family"
    """Key of `info` that names a structure's family (`config_type` where it is absent)."""

    parent_keys: tuple[str, ...] = ("parent",)
    """Keys of `info`, or `formula`: structures that agree in all of them have one parent and are never divided."""

    parent_pattern: str | None = None
    """A regular expression: only what it finds in these values counts, such as `^[^#]*` to cut a frame's number."""

    volume_range_angstrom3: tuple[PositiveFloat, PositiveFloat] | None = None
    """Periodic structures with another volume per atom are left out, and counted; molecules have none and stay."""

    @field_validator("parent_pattern")
    @classmethod
    def _is_a_pattern(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"not a regular expression: {error}") from None
        return pattern

    @model_validator(mode="after")
    def _volumes_ascend(self) -> Self:
        volumes = self.volume_range_angstrom3
        if volumes is not None and not volumes[0] < volumes[1]:
            raise ValueError(f"volume_range_angstrom3 must ascend, got {volumes[0]:g} to {volumes[1]:g}")
        return self


class DataSettings(OriginSettings):
    """Labelled data of your own, instead of structures and labels made here."""

    file: str
    """A labelled file in any format that ASE reads (extxyz, OUTCAR, ...)."""

    index: str = ":"
    """ASE index of the frames to take."""

    energy_kind: Literal["free", "zero", "total", "unknown"] = "unknown"
    """What the energies are; kinds are never mixed within one method."""

    method: str | None = None
    """Name of the method that made the labels (default: the file's name)."""

    tests: dict[Annotated[str, Field(pattern=r"^[a-z0-9]+$")], str] = Field(default_factory=dict)
    """Labelled files that are never trained on, by name; read as `file` is."""

    @property
    def origin(self) -> OriginSettings:
        """What importing needs to know besides the file."""
        return OriginSettings(**self.model_dump(include=set(OriginSettings.model_fields)))
