"""An ASE calculator that gives up on every third structure or so, the same ones each time."""

from typing import Any

from ase.calculators.emt import EMT


class FussyEMT(EMT):  # type: ignore[misc]
    """EMT, but not for structures that it does not like."""

    def calculate(self, *arguments: Any, **keywords: Any) -> None:
        atoms = arguments[0] if arguments else keywords["atoms"]
        if int(1e6 * (abs(atoms.positions).sum() + abs(atoms.cell.array).sum())) % 3 == 0:
            raise RuntimeError("too fussy for this structure")
        super().calculate(*arguments, **keywords)
