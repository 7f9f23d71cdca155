"""The record of a label, and its JSON."""

import json

import numpy as np
import pytest

from ingot.labels import Label, LabelError, failed_label


def _label(**changes) -> Label:
    rng = np.random.default_rng(0)
    values = {
        "structure_id": "0123456789abcdef", "method": "fedcba9876543210", "converged": True, "energy": -56.1 / 3,
        "energy_kind": "free", "energy_zero": -18.69999999999999, "energy_total": -18.6, "entropy_term": 1 / 3,
        "forces": rng.normal(size=(4, 3)), "stress": rng.normal(size=6) * 1e-9,
    }  # fmt: skip
    return Label(**{**values, **changes})


@pytest.mark.parametrize("label", [_label(), _label(stress=None, energy_zero=None), failed_label("a", "b", "no")])
def test_json_round_trip_is_exact(label):
    again = Label.from_dict(json.loads(json.dumps(label.to_dict(), allow_nan=False)))
    for name, value in vars(label).items():
        other = getattr(again, name)
        if isinstance(value, np.ndarray):
            assert np.array_equal(value, other)
            assert other.dtype == np.float64
        else:
            assert value == other


@pytest.mark.parametrize(
    "changes",
    [{"energy": None}, {"reason": "x"}, {"converged": False}, {"converged": False, "reason": "x"}],
)
def test_a_record_that_says_both_or_neither_is_refused(changes):
    with pytest.raises(LabelError, match="label needs"):
        _label(**changes)


def test_what_is_not_a_label_is_refused():
    values = _label().to_dict()
    with pytest.raises(LabelError, match="expected the keys"):
        Label.from_dict({k: v for k, v in values.items() if k != "forces"})
    with pytest.raises(LabelError, match="forces has the shape"):
        Label.from_dict({**values, "forces": [[1.0, 2.0]]})
    with pytest.raises(LabelError, match="not a label"):
        Label.from_dict([1])
