"""The kinetic-energy functionals of the density alone that a label may be computed with."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class KineticFunctional:
    """One kinetic functional: DFTpy's name for it, its parameters, and whether DFTpy has its stress."""

    engine_name: str
    """Name in DFTpy."""
    source: str
    """Paper."""
    parameters: dict[str, float] = field(default_factory=dict)
    """What DFTpy is told beyond the name; written out where its defaults differ between energy and stress."""
    has_stress: bool = True
    """Whether DFTpy implements the derivative with respect to strain."""


FUNCTIONALS = {
    "tf-vw": KineticFunctional(
        "TFVW", "Thomas-Fermi with the full von Weizsaecker term", {"x": 1.0, "y": 1.0}
    ),
    "tf-vw/5": KineticFunctional(
        "TFVW", "Thomas-Fermi with a fifth of the von Weizsaecker term", {"x": 1.0, "y": 0.2}
    ),
    "lkt": KineticFunctional(
        "LKT", "Luo, Karasiev, Trickey, Phys. Rev. B 98, 041111 (2018)", has_stress=False
    ),
    "perrot": KineticFunctional(
        "FP", "Perrot, J. Phys.: Condens. Matter 6, 431 (1994)", {"alpha": 1.0, "beta": 1.0}
    ),
    # DFTpy's own defaults of the exponents are 1/2 for the energy but 1 for the stress.
    "sm": KineticFunctional(
        "SM", "Smargiassi, Madden, Phys. Rev. B 49, 5220 (1994)", {"alpha": 0.5, "beta": 0.5}
    ),
    "wt": KineticFunctional(
        "WT", "Wang, Teter, Phys. Rev. B 45, 13196 (1992)", {"alpha": 5 / 6, "beta": 5 / 6}
    ),
}  # fmt: skip
"""The first three are semilocal, the others have a kernel that depends on the mean density. DFTpy 2.2 has more: why
they are left out is in docs/decisions/0007-orbital-free.md."""
