"""An ASE calculator that takes its time, so that a run can be killed in the middle of its labels."""

import time
from typing import Any

from ase.calculators.emt import EMT


class SlowEMT(EMT):  # type: ignore[misc]
    """EMT, half a second later."""

    def calculate(self, *arguments: Any, **keywords: Any) -> None:
        time.sleep(0.5)
        super().calculate(*arguments, **keywords)
