"""What is looked up for a sample: copies that stay, kinds that are told in advance, comparisons that no object sees."""

import copy
import itertools
import pathlib

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.cases import cases
from support.compare import assert_same

from penstock.lowering import lookups
from penstock.lowering.identity import compared
from penstock.lowering.kept import keep
from penstock.lowering.lookups import Steps, Unproved

ATOMS = st.one_of(st.none(), st.booleans(), st.integers(-3, 300), st.floats(-2, 2), st.text("ab/", max_size=3))
LEAVES = st.one_of(
    ATOMS,
    st.just(pathlib.PurePosixPath("a/b")),
    st.builds(lambda k: np.arange(k), st.integers(0, 3)),
    st.builds(lambda k: torch.arange(k), st.integers(0, 3)),
    st.sets(st.integers(0, 9), max_size=3),
)
NESTED = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text("abc", max_size=2), inner, max_size=3),
    ),
    max_leaves=12,
)


def changing(value):
    """Yield the parts of a value that can be changed."""
    if isinstance(value, (list, tuple)):
        yield from itertools.chain.from_iterable(map(changing, value))
    if isinstance(value, dict):
        yield from itertools.chain.from_iterable(map(changing, value.values()))
    if isinstance(value, (list, dict, set, np.ndarray, torch.Tensor)):
        yield value


@cases(200)
@given(NESTED)
def test_a_copy_is_the_same_and_shares_nothing_that_changes(value):
    before = copy.deepcopy(value)
    kept = keep(value)
    assert_same(kept, before)
    shared = {id(part) for part in changing(value)} & {id(part) for part in changing(kept)}
    assert not shared


@pytest.mark.parametrize(
    "value",
    [
        [object()],
        [(1, object())],
        {"a": lambda: 0},
        {(1, (2,)): [np.array([[1], {}], object)]},
        [torch.ones(2, requires_grad=True)],
        type("Listed", (list,), {})(),
        [bytearray(b"a")],
    ],
    ids=[
        "an object",
        "one in a pair",
        "a function",
        "an array in a key",
        "gradients",
        "a list of its own",
        "bytes that change",
    ],
)
def test_what_may_be_anything_is_not_kept(value):
    with pytest.raises(Unproved):
        keep(value)


COLUMNS = st.lists(
    st.tuples(ATOMS, ATOMS, st.lists(ATOMS, max_size=2), st.one_of(ATOMS, st.just(np.int64(3)))), min_size=1
)


@cases(200)
@given(rows=COLUMNS, place=st.integers(0, 3), then=st.sampled_from(["", "int", "str", "len", "item", "add", "join"]))
def test_kinds_that_are_told_in_advance_are_those_that_come(rows, place, then):
    steps = Steps.of_index()
    parts = steps.add(lookups.unpacked(4), steps.add(lookups.item, steps.constant(rows), 0))
    value = steps.add(lookups.entry(place), parts)
    if then == "item":
        value = steps.add(lookups.item, value, steps.constant(0))
    elif then == "add":
        value = steps.add(lookups.OPERATORS["__add__"], value, value)
    elif then:
        function = {"int": int, "str": str, "len": len, "join": lookups.os.path.join}[then]
        value = steps.add(lookups.called(function, {}), value)
    try:
        kept = steps.kept(keep, [0])
    except Unproved:
        kept = None
    unproved = False
    for index in range(len(rows)):
        values = steps.begin(index)
        try:
            steps.take(values, 0, None)
        except Unproved:
            unproved = True
        except Exception as error:
            if kept is not None:
                with pytest.raises(type(error)):
                    kept.take(kept.begin(index), 0, None)
        else:
            if kept is not None:
                assert type(values[value]) in kept.columns[value].kinds
                others = kept.begin(index)
                kept.take(others, 0, None)
                assert_same(others[value], values[value])
    assert kept is None or not unproved


class Self:
    transform = None


def attribute(self, i):
    return self.transform is not None


def name_of_attribute(self, i):
    transform = self.transform
    return 1 if transform is None else 2


def of_a_global(self, i):
    return Self is None or Self is not pathlib


def parameter(self, i, label=None):
    return label is None


def parameter_that_is_assigned(self, i, label=None):
    label = self.table[i]
    return label is None


def looked_up(self, i):
    label = self.table.get(i)
    if label is None:
        return 0
    return 1


def at_once(self, i):
    return self.table.get(i) is None


def one_of_two(self, i):
    return (self.transform if i else self.table[i]) is None


def or_the_other(self, i):
    return (self.table[i] or self.transform) is None


def by_pattern(self, i):
    match self.table[i]:
        case [_, label]:
            return label
    return None


def by_none(self, i):
    match self.table[i]:
        case None:
            return 1
    return 2


def in_a_loop(self, i):
    return [each for each in self.table[i] if each is not None]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        *((attribute, (set(), {"self"})), (name_of_attribute, (set(), {"self"}))),
        *((of_a_global, (set(), set())), (parameter, ({"label"}, set()))),
        *((function, None) for function in (parameter_that_is_assigned, looked_up, at_once, one_of_two, or_the_other)),
        *((function, None) for function in (by_pattern, by_none)),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_code_compares_by_identity(function, expected):
    assert compared(function.__code__) == expected


def test_what_code_within_compares_by_identity():
    codes = [each for each in in_a_loop.__code__.co_consts if hasattr(each, "co_code")]
    found = [compared(in_a_loop.__code__), *(compared(code, within=True) for code in codes)]
    assert None in found
