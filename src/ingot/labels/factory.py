"""From plain settings to a label method."""

from collections.abc import Mapping
from typing import Any

from ingot.errors import near_name
from ingot.labels.errors import LabelError
from ingot.labels.method import LabelMethod

METHODS = ("pyscf", "pyscf-molecule", "orbital-free", "ase", "potential")


def make_method(settings: Mapping[str, Any]) -> LabelMethod:
    """The method that ``settings["method"]`` names, with the settings in the entry of that name.

    Accepts what ``LabelSettings.model_dump()`` gives. Engines are imported only when chosen.

    >>> make_method({"method": "ase", "ase": {"calculator": "ase.calculators.emt.EMT"}}).name
    'ase'
    """
    name = settings.get("method")
    if name not in METHODS:
        raise LabelError(f"unknown label method {name!r}{near_name(str(name), METHODS)}; known: {', '.join(METHODS)}")
    key = str(name).replace("-", "_")
    values = settings.get(key)
    if values is None:
        if name not in ("pyscf", "pyscf-molecule"):
            raise LabelError(f"label method {name!r} needs its settings under the key {key!r}")
        values = {}
    try:
        if name == "pyscf":
            from ingot.labels.kohn_sham.method import KohnShamLabels

            return KohnShamLabels(**values)
        if name == "pyscf-molecule":
            from ingot.labels.molecule import MoleculeLabels

            return MoleculeLabels(**values)
        if name == "orbital-free":
            from ingot.labels.orbital_free.method import OrbitalFreeLabels

            return OrbitalFreeLabels(**values)
        if name == "ase":
            from ingot.labels.ase_calculator import AseCalculator

            return AseCalculator(**values)
        from ingot.labels.potential import PotentialLabels

        return PotentialLabels(**values)
    except TypeError as error:
        raise LabelError(f"label method {name!r}: {error}") from error
