"""Which `target_transform` may run in the caller's thread: those that can neither draw nor remember."""

import functools
import operator
import random
import sys

import numpy as np
import pytest
import torch
from support.cases import name

from penstock.lowering.targets import is_pure

NAMES = ["cat", "dog"]
TABLE = {0: 1, 1: 0}
COUNTS = []
TENSOR = torch.zeros(2)
OFFSET = 3


class Memory:
    calls = 0

    def __call__(self, target):
        Memory.calls += 1
        return target + Memory.calls


def plain(target):
    return int(target) + OFFSET


def by_table(target):
    return TABLE[target]


def with_default(target, offset=5):
    return target - offset


def one_hot(target):
    return torch.tensor([float(target == k) for k in (0, 1)])


def closure(offset):
    return lambda target: target * offset


def draws(target):
    return target + int(torch.randint(0, 3, ()))


def draws_python(target):
    return target + random.randrange(3)


def draws_numpy(target):
    return target + np.random.randint(3)  # noqa: NPY002 - the global generator is what matters


def remembers(target):
    COUNTS.append(target)
    return len(COUNTS)


def writes_global(target):
    global OFFSET
    OFFSET = OFFSET + 1
    return target


def writes_table(target):
    TABLE[target] = 0
    return target


def writes_attribute(target):
    writes_attribute.last = target
    return target


def reads_a_tensor(target):
    return TENSOR[target]


def calls_by_name(target):
    return getattr(random, "rand" + "om")()


def calls_eval(target):
    return eval("__import__('random').random()")  # noqa: S307 - that it is noticed is the test


def imports(target):
    import time

    return time.time()


def prints(target):
    print(target)
    return target


def counting_closure():
    calls = 0

    def count(target):
        nonlocal calls
        calls += 1
        return target + calls

    return count


def generator(target):
    yield target


async def coroutine(target):
    return target


def within(target):
    def inner():
        return random.random()

    return inner()


PURE = [
    *(int, float, str, bool, abs, operator.neg, operator.index, torch.tensor, len),
    *([4, 5].__getitem__, {1: 2}.get, {1: 2}.__getitem__, (1, 2).index, NAMES.__getitem__),
    *(operator.itemgetter(0), functools.partial(int), functools.partial(max, 3)),
    *(plain, by_table, with_default, closure(3), lambda y: y + 1, lambda y: NAMES[y], lambda y: torch.tensor(y)),
    lambda y: float(y) / 10,
]
IMPURE = [
    *(draws, draws_python, draws_numpy, remembers, writes_global, writes_table, writes_attribute, reads_a_tensor),
    *(calls_by_name, calls_eval, imports, prints, counting_closure(), generator, coroutine, within, Memory(), Memory),
    *(COUNTS.append, {}.setdefault, {}.pop, iter([1]).__next__, random.random, torch.rand, print, next),
    *(
        functools.partial(draws),
        functools.partial(max, TENSOR),
        closure(TENSOR),
        closure(Memory()),
        [TENSOR].__getitem__,
    ),
    *(torch.nn.Linear(1, 1), torch.nn.Identity(), np.random.default_rng(0).integers, functools.lru_cache(int)),
]


@pytest.mark.parametrize("function", PURE, ids=name)
def test_pure(function):
    assert is_pure(function)


def test_a_comprehension_is_a_function_within_up_to_python_3_11():
    assert is_pure(one_hot) == (sys.version_info >= (3, 12))


@pytest.mark.parametrize("function", IMPURE, ids=name)
def test_impure(function):
    assert not is_pure(function)
