"""`_native.Integers`: lists of whole numbers, as Python has them and as int64."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from penstock import _native

INT64 = st.integers(-(2**63), 2**63 - 1)


@given(st.lists(INT64))
def test_reads_and_writes_ints(values):
    integers = _native.Integers.read(values)
    assert list(integers) == values
    assert len(integers) == len(values)
    out = np.empty(len(values), np.int64)
    integers.write(out)
    assert out.tolist() == values


@pytest.mark.parametrize("other", [True, 1.0, None, "1", np.int64(1), torch.tensor(1), 2**63, -(2**63) - 1])
def test_reads_nothing_else(other):
    assert _native.Integers.read([0, other]) is None


@given(st.lists(st.integers(-7, 7)), st.integers(0, 6), st.sampled_from([object, lambda: 2**40, lambda: True]))
def test_picks_as_a_list_does(indices, length, make):
    items = [make() for _ in range(length)]
    integers = _native.Integers.read(indices)
    if all(-length <= index < length for index in indices):
        assert integers.index(length)
        picked, expected = integers.pick(items), [items[index] for index in indices]
        assert list(picked) == expected
        assert isinstance(picked, list) == (_native.Integers.read(expected) is None)
    else:
        assert not integers.index(length)
        with pytest.raises(IndexError, match="list index out of range"):
            integers.pick(items)


def test_writes_to_memory_that_fits():
    integers = _native.Integers.read([1, 2])
    for out in (np.empty(3, np.int64), np.empty(1, np.int64)):
        with pytest.raises(ValueError, match="2 numbers for"):
            integers.write(out)
    with pytest.raises(BufferError):
        integers.write(np.empty(2, np.int32))
    readonly = np.zeros(2, np.int64)
    readonly.flags.writeable = False
    with pytest.raises(BufferError):
        integers.write(readonly)
    assert readonly.tolist() == [0, 0]
