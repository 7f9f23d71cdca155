"""The section `structures`: what is built at the start, for the tests and for the dynamics."""

from typing import Literal

from pydantic import Field, model_validator

from ingot.config.base import Section


class DynamicsSettings(Section):
    """Dynamics that the structures of a family go through; the frames take their place."""

    temperature_kelvin: tuple[float, float]
    """Range that every trajectory draws its temperature from."""

    settle_steps: int = Field(default=500, ge=0)
    """Steps before the first frame."""

    frames: int = Field(default=10, ge=1)
    """Frames of a trajectory."""

    every: int = Field(default=50, ge=1)
    """Steps between frames."""

    timestep_fs: float = Field(default=2.0, gt=0, le=10)
    """Time step."""

    friction_per_ps: float = Field(default=5.0, gt=0)
    """Friction of the Langevin thermostat, at constant volume."""

    @model_validator(mode="after")
    def _range_ascends(self) -> "DynamicsSettings":
        low, high = self.temperature_kelvin
        if not 0 < low <= high:
            raise ValueError(f"temperature_kelvin goes from low to high, both positive, not {[low, high]}")
        return self


class FamilySettings(Section):
    """One family of structures: parents over a range of volumes, each with its children."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")
    """Name of the family; its parents are called `<name>-000`, `<name>-001` and so on."""

    kind: Literal["lattice", "rattled", "packing", "vacancy", "stacking", "surface", "hot"]
    """`lattice`: perfect crystals and strained copies; `rattled`: displaced copies only; `packing`: disordered,
    liquid-like cells; `vacancy`: copies of a crystal without one atom; `stacking`: close-packed layers in any order;
    `surface`: slabs; `hot`: copies after dynamics of Lennard-Jones atoms, hot crystals or liquids."""

    parents: int = Field(ge=1)
    """Crystals at different volumes, or packings. Splits keep all that derives from one parent together."""

    children: int = Field(default=0, ge=0)
    """Strained, rattled or defective copies per parent."""

    lattice: Literal["fcc", "bcc", "hcp", "sc", "diamond"] = "fcc"
    """Lattice of all kinds but `packing`; hcp has the ideal c/a."""

    conventional: bool = False
    """Whether the cell is the conventional cube (hcp: a rectangular box) instead of the primitive cell."""

    repeat: tuple[int, int, int] = (1, 1, 1)
    """Repetitions of that cell."""

    atoms: int = Field(default=8, ge=1)
    """Atoms of a packing."""

    volume_scale_range: tuple[float, float] = (1.0, 1.0)
    """Volumes per atom relative to the reference, spread evenly over the parents."""

    volume_scales: tuple[float, ...] | None = None
    """A list of relative volumes instead, one per parent in turn."""

    strain_magnitude: float = Field(default=0.0, ge=0, lt=0.5)
    """Largest principal strain of the children's random strains."""

    rattle_angstrom: float = Field(default=0.0, ge=0, lt=2)
    """Standard deviation of the children's random displacements, per component."""

    minimum_distance_fraction: float = Field(default=0.8, gt=0, lt=1)
    """Smallest distance in a packing, relative to the nearest neighbors of the close packing at the smaller one
    of its own and the reference volume."""

    composition: dict[str, float] | None = None
    """Shares of the elements (default: equal); sites are assigned at random."""

    sequence: str = Field(default="ABC", pattern=r"^[ABCabc]{2,}$")
    """Layers of a stacking: `ABC` is fcc, `AB` hcp, `ABCAB` has a fault."""

    miller: tuple[int, int, int] = (1, 1, 1)
    """Miller indices of a surface, in the conventional cell."""

    layers: int = Field(default=4, ge=1)
    """Layers of a surface slab, each as thick as the surface's own unit."""

    vacuum_angstrom: float = Field(default=10.0, gt=0)
    """Vacuum between a slab and its image."""

    heat: float = Field(default=0.5, gt=0)
    """Temperature of hot structures, relative to melting: 0.5 is a hot crystal; 2.5 at 1.1 to 1.2 times the volume
    is a liquid."""

    steps: int = Field(default=500, ge=1)
    """Steps of their dynamics; a crystal needs about 1000 to melt."""

    dynamics: DynamicsSettings | None = None
    """Molecular dynamics with `structures.dynamics_potential` from each structure of the family: its frames are taken
    instead. All frames from one parent stay together in the splits. Not for `start_families`."""

    role: Literal["training", "extrapolation"] = "training"
    """`extrapolation` holds the whole family out of training, as a named test."""

    @model_validator(mode="after")
    def _makes_something(self) -> "FamilySettings":
        if self.kind in ("rattled", "vacancy", "hot") and self.children < 1:
            raise ValueError(f"a family of kind {self.kind!r} consists of its children: set children to 1 or more")
        if self.kind == "rattled" and self.rattle_angstrom == 0:
            raise ValueError("a family of kind 'rattled' needs rattle_angstrom")
        if (
            self.children
            and self.kind not in ("vacancy", "hot")
            and self.strain_magnitude == 0
            and self.rattle_angstrom == 0
        ):
            raise ValueError("children without strain_magnitude or rattle_angstrom would all be the same")
        scales = self.volume_scale_range if self.volume_scales is None else self.volume_scales
        if not scales or min(scales) <= 0:
            raise ValueError(f"relative volumes must be positive numbers, not {list(scales)}")
        return self


class StructureSettings(Section):
    """Which structures are built. The seeds of the three lists are independent."""

    elements: tuple[str, ...] = Field(min_length=1)
    """Chemical symbols."""

    volume_per_atom_angstrom3: float | dict[str, float]
    """Reference volume per atom that all volume scales multiply: one number, or one per element."""

    families: tuple[FamilySettings, ...] = ()
    """The initial data."""

    test_families: tuple[FamilySettings, ...] = ()
    """The fixed, independent test set: labelled, never trained on, the same for every iteration."""

    start_families: tuple[FamilySettings, ...] = ()
    """Starts of the exploring dynamics; new ones are drawn for every iteration."""

    dynamics_potential: str | None = None
    """The potential that drives the families with `dynamics`: a folder, `resources/ani-al` for the published one."""

    dynamics_member: int | None = Field(default=0, ge=0)
    """The network of it that does so; empty: the mean of all, which is as many times slower."""

    @property
    def driven_sets(self) -> tuple[str, ...]:
        """The sets, `initial` and `test`, that have families with dynamics."""
        lists = {"initial": self.families, "test": self.test_families}
        return tuple(name for name, families in lists.items() if any(f.dynamics for f in families))

    @property
    def extrapolation_families(self) -> tuple[str, ...]:
        """Names of the families that are held out whole."""
        return tuple(family.name for family in self.families if family.role == "extrapolation")

    @model_validator(mode="after")
    def _names_are_unique(self) -> "StructureSettings":
        names = [family.name for family in (*self.families, *self.test_families, *self.start_families)]
        if self.driven_sets and self.dynamics_potential is None:
            raise ValueError("families with `dynamics` need a potential: set structures.dynamics_potential")
        if any(family.dynamics for family in self.start_families):
            raise ValueError("start_families are driven by active_learning.exploration: leave their `dynamics` out")
        doubled = sorted({name for name in names if names.count(name) > 1})
        if doubled:
            raise ValueError(f"family names must differ, also between the lists; used twice: {', '.join(doubled)}")
        if isinstance(self.volume_per_atom_angstrom3, dict):
            missing = [e for e in self.elements if e not in self.volume_per_atom_angstrom3]
            values = list(self.volume_per_atom_angstrom3.values())
        else:
            missing, values = [], [self.volume_per_atom_angstrom3]
        if missing or min(values) <= 0:
            lacking = ", ".join(missing) or "-"
            raise ValueError(f"volume_per_atom_angstrom3 needs a positive volume for each element (missing: {lacking})")
        return self
