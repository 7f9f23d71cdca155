"""What a structure was to a potential: something it learned from, was watched on, or never saw."""

import re
from collections.abc import Callable, Mapping

_ITERATION = re.compile(r"iteration-(\d+)")


def split_seen_by(potential: str, origin: str, splits: Mapping[str, set[str]]) -> Callable[[str], str]:
    """The split of a structure of the set ``origin``, from the point of view of one potential.

    A potential named ``iteration-N`` chose the set ``iteration-N`` and was trained before it:
    that set and later ones are ``unseen``. Structures outside all splits belong to
    the set's own name: ``test`` for the fixed test set, ``control`` for ``control-0``.
    """
    chooser, chosen = _ITERATION.fullmatch(potential), _ITERATION.fullmatch(origin)
    unseen = chooser is not None and chosen is not None and int(chosen[1]) >= int(chooser[1])
    own = "test" if origin.startswith("test-") else re.sub(r"-\d+$", "", origin)

    def split(structure_id: str) -> str:
        if unseen:
            return "unseen"
        return next((name for name, ids in splits.items() if structure_id in ids), own)

    return split
