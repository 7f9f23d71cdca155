"""The section `labels`: which method says what is true, and how the work is dealt."""

import re
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from ingot.config.base import Section

PRESETS: dict[str, dict[str, Any]] = {
    "quick": {"kpoint_length_angstrom": 24.0, "compute_stress": True},
    "production": {
        "basis": "TZV2P-MOLOPT-PBE-GTH",
        "ke_cutoff_hartree": 30.0,
        "precision": 1e-8,
        "kpoint_length_angstrom": 40.0,
        "smearing_width_ev": 0.1,
        "convergence_energy_hartree": 1e-8,
        "convergence_gradient_hartree": 1e-5,
        "compute_stress": True,
    },
}
"""What a preset of the method `pyscf` sets; everything else has its default."""


class PyscfSettings(Section):
    """Periodic Kohn-Sham by PySCF: Gaussian orbitals, GTH pseudopotentials, k-points, smearing."""

    preset: Literal["quick", "production"] | None = Field(default=None, exclude=True)
    """Settings by purpose, over which keys given beside it win: `quick` (k-point length 24 A, stress) or `production`
    (triple-zeta basis, 30 Hartree, k-point length 40 A, smearing 0.1 eV, tighter convergence, stress)."""

    functional: str = "pbe"
    """Exchange-correlation functional, of LDA or GGA kind, by its libxc name."""

    basis: str = "gth-dzvp-molopt-sr"
    """Orbital basis, by PySCF's name."""

    pseudopotential: str = "gth-pbe"
    """Pseudopotential, by PySCF's name; it should fit the functional."""

    element_basis: dict[str, str] = Field(default_factory=dict)
    """Another basis for single elements, such as `{Ti: gth-szv-molopt-sr}`."""

    element_pseudopotential: dict[str, str] = Field(default_factory=dict)
    """Another pseudopotential for single elements, such as `{Li: gth-pbe-q3}`."""

    ke_cutoff_hartree: float = Field(default=20.0, gt=0)
    """Kinetic energy of the highest plane wave on the density's grid: 20 suits aluminium and silicon, semicore
    states and first-row elements need 60 to 200; labels on a grid that is too coarse are refused."""

    precision: float = Field(default=1e-6, gt=0, le=1e-3)
    """Precision of PySCF's lattice sums."""

    smearing: Literal["gaussian", "fermi", "cold"] = "gaussian"
    """Kind of smearing of the occupations; `cold` has a free energy next to that of zero width."""

    smearing_width_ev: float = Field(default=0.2, gt=0)
    """Width of the smearing."""

    kpoint_length_angstrom: float = Field(default=16.0, gt=0)
    """Density of k-points: the supercell that the mesh stands for is at least this thick; 24 or more in production."""

    kpoint_mesh: tuple[int, int, int] | None = None
    """One mesh for all structures instead, such as for an equation of state."""

    fft_mesh: tuple[int, int, int] | None = None
    """One FFT mesh for all structures instead of the cutoff's, such as for an equation of state."""

    compute_stress: bool = False
    """Whether labels carry stress; it costs a quarter more, in the smallest cells two thirds."""

    spin_polarized: bool = False
    """Whether spins up and down have orbitals of their own; it starts from the structures' initial magnetic moments
    (one Bohr magneton per atom where there are none) and doubles the cost."""

    convergence_energy_hartree: float = Field(default=1e-7, gt=0)
    """Largest change of the free energy per cell in the last cycle."""

    convergence_gradient_hartree: float = Field(default=5e-5, gt=0)
    """Largest norm of the orbital gradient; forces are then good to about 1e-4 eV/A."""

    max_cycle: int = Field(default=40, ge=1)
    """Cycles of the first attempt; two more attempts with damping have 2 and 4 times as many."""

    maximum_memory_gb: float = Field(default=4.0, gt=0)
    """Orbitals of k-points beyond it are made anew in every cycle, which takes up to twice the time; a structure for
    which not even one k-point fits is refused before it starts."""

    @model_validator(mode="before")
    @classmethod
    def _with_its_preset(cls, values: Any) -> Any:
        if not isinstance(values, dict) or values.get("preset") not in PRESETS:
            return values
        return {**PRESETS[values["preset"]], **values}

    @model_validator(mode="after")
    def _meshes_are_positive(self) -> "PyscfSettings":
        for name in ("kpoint_mesh", "fft_mesh"):
            mesh = getattr(self, name)
            if mesh is not None and min(mesh) < 1:
                raise ValueError(f"{name} must be three positive integers, not {mesh}")
        return self


class MoleculeSettings(Section):
    """Molecules in vacuum by PySCF: any functional and basis, density fitting, open shells."""

    functional: str = "wb97x"
    """Exchange-correlation functional by its libxc name, `pbe,pbe` style, or `hf`: hybrid, range-separated, meta-GGA
    and VV10 ones too. Those that need a pairwise dispersion term (`-d3`, `-d4`) are refused."""

    basis: str = "6-31g*"
    """Orbital basis, by PySCF's name; core potentials that come with it are used."""

    cartesian: bool = False
    """Six d functions instead of five, as Gaussian has them for Pople's sets; ORCA has five."""

    density_fitting: bool = True
    """Coulomb and exchange through an auxiliary basis: three times faster for 15 atoms, 0.2 meV/atom and
    1 meV/A away."""

    auxiliary_basis: str = "def2-universal-jkfit"
    """Auxiliary basis of the density fitting."""

    charge: int = 0
    """Charge of the structures whose `charge` is 0 or not given; another one in a structure wins."""

    spin_multiplicity: int = Field(default=1, ge=1)
    """2S + 1 of the structures whose `spin_multiplicity` is 1 or not given; another one in a structure wins."""

    grid_level: int = Field(default=3, ge=0, le=9)
    """Integration grid of PySCF: 3 turns forces by 2 meV/A with the molecule's orientation, 4 by 0.2 at 1.6 times
    the cost; 0 is refused where electrons go missing."""

    grid_response: bool = True
    """Forces with the response of the grid: exact derivatives of the energy, at no noticeable cost."""

    convergence_energy_hartree: float = Field(default=1e-9, gt=0)
    """Largest change of the energy in the last cycle."""

    convergence_gradient_hartree: float = Field(default=1e-5, gt=0)
    """Largest norm of the orbital gradient."""

    max_cycle: int = Field(default=50, ge=1)
    """Cycles of the first attempt; damping has twice as many, second-order steps as many."""

    maximum_memory_gb: float = Field(default=4.0, gt=0)
    """A structure that needs more is refused before it starts."""


class AnalyticIonSettings(Section):
    """A local pseudopotential of the form of Heine and Abarenkov with the smooth end of Goodwin, Needs and Heine."""

    valence: int = Field(gt=0)
    """Valence electrons."""

    radius_bohr: float = Field(gt=0)
    """Radius of the core."""

    depth_hartree: float
    """Depth of the well inside it."""

    damping_per_bohr: float = Field(gt=0)
    """Wave vector at which the form factor is damped."""


class OrbitalFreeSettings(Section):
    """Orbital-free DFT by DFTpy (`pip install ingot-mlip[orbital-free]`), LDA, for simple metals."""

    kinetic_functional: Literal["wt", "sm", "perrot", "lkt", "tf-vw", "tf-vw/5"] = "wt"
    """Kinetic functional: Wang-Teter, Smargiassi-Madden, Perrot, Luo-Karasiev-Trickey, or Thomas-Fermi with
    von Weizsaecker's term whole or a fifth of it. How they compare: docs/decisions/0007-orbital-free.md."""

    pseudopotential: dict[str, str] = Field(default_factory=dict)
    """File of a local pseudopotential for each element, in a format that DFTpy reads."""

    analytic_pseudopotential: dict[str, AnalyticIonSettings] = Field(default_factory=dict)
    """Numbers of an analytic one instead."""

    ke_cutoff_hartree: float = Field(default=20.0, ge=8)
    """Kinetic energy of the highest plane wave of the density's mesh."""

    fft_mesh: tuple[int, int, int] | None = None
    """One FFT mesh for all structures instead of the cutoff's, such as for an equation of state."""

    compute_stress: bool = True
    """Whether labels carry stress."""

    convergence_potential_hartree: float = Field(default=1e-6, gt=0)
    """Root mean square over the electrons of the local chemical potential's deviation from its mean."""

    max_steps: int = Field(default=60, ge=1)
    """Steps of the first minimiser; the second has four times as many."""


def _numbers_as_meant(value: Any) -> Any:
    """`1e-8` is a number to everyone except YAML 1.1, which reads it as text for want of a point."""
    if isinstance(value, dict):
        return {key: _numbers_as_meant(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_numbers_as_meant(item) for item in value]
    if isinstance(value, str) and re.fullmatch(r"[-+]?\d+[eE][-+]?\d+", value):
        return float(value)
    return value


class AseSettings(Section):
    """Any ASE calculator: a DFT code installed beside Ingot, or a classical potential for a quick trial."""

    calculator: str
    """Import path of the class, such as `ase.calculators.emt.EMT`."""

    arguments: Annotated[dict[str, Any], BeforeValidator(_numbers_as_meant)] = Field(default_factory=dict)
    """Its keyword arguments."""

    energy_kind: Literal["free", "zero", "total", "unknown"] = "unknown"
    """What its energies are, if known; kinds are never mixed within one data set."""

    version: str = ""
    """Version of the engine behind the calculator, to be part of the labels' address."""


class PotentialSettings(Section):
    """A trained potential as the teacher."""

    path: str
    """The potential's directory."""


class LabelSettings(Section):
    """How structures get energies and forces."""

    method: Literal["pyscf", "pyscf-molecule", "orbital-free", "ase", "potential"] = "pyscf"
    """Which of the methods below is used."""

    pyscf: PyscfSettings = PyscfSettings()
    """Settings of the method `pyscf`."""

    pyscf_molecule: MoleculeSettings = MoleculeSettings()
    """Settings of the method `pyscf-molecule`."""

    orbital_free: OrbitalFreeSettings | None = None
    """Settings of the method `orbital-free`."""

    ase: AseSettings | None = None
    """Settings of the method `ase`."""

    potential: PotentialSettings | None = None
    """Settings of the method `potential`."""

    batches: int = Field(default=2, ge=1)
    """Jobs that the labels of one set are dealt to; more of them use more cores or nodes."""

    time_limit_minutes: float | None = Field(default=None, gt=0)
    """A structure that takes longer is given up: a failed label that is not kept."""

    maximum_failed_fraction: float = Field(default=0.2, ge=0, le=1)
    """A batch in which more labels fail stops the run; fewer failures are rows of the report."""

    @model_validator(mode="after")
    def _chosen_method_is_set(self) -> "LabelSettings":
        key = self.method.replace("-", "_")
        if getattr(self, key) is None:
            raise ValueError(f"method {self.method!r} needs its settings under the key {key!r}")
        return self
