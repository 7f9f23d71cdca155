"""Rows sorted by packed integers, beside NumPy's sort by many keys."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.neighbors.sorting import lexicographic_order, lexicographically_sorted


@given(
    st.lists(st.tuples(*[st.integers(-(2**b), 2**b) for b in (17, 1, 17, 4, 4)]), max_size=40),
    st.sampled_from([1, 2**10]),
)
def test_the_order_is_that_of_the_columns_one_after_the_other(rows, spread):
    """With a spread of 2^10 the largest rows no longer fit into one integer."""
    columns = tuple(np.array(rows, np.int64).reshape(-1, 5).T * np.array([[1], [1], [1], [spread], [spread]]))
    expected = np.lexsort(columns[::-1])
    assert lexicographic_order(*columns).tolist() == expected.tolist()
    for ours, column in zip(lexicographically_sorted(*columns), columns, strict=True):
        assert ours.dtype == np.int32
        assert ours.tolist() == column[expected].tolist()


@pytest.mark.parametrize("above", [2**31 - 1, 2**30])
def test_columns_that_fill_the_integer_and_those_that_do_not_fit(above):
    columns = np.array([[above, 0], [0, above], [above, above], [0, 0]]).T
    wide = (*columns, np.array([1, 0, 1, 2]))
    for given_columns in (columns, wide):
        order = np.lexsort(tuple(given_columns)[::-1])
        assert lexicographic_order(*given_columns).tolist() == order.tolist()
        found = lexicographically_sorted(*given_columns)
        assert [c.tolist() for c in found] == [c[order].tolist() for c in given_columns]
