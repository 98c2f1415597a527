"""Transforms that draw from Python's generator: its states before, between and after batches are those of torch's loader."""

import random

import numpy as np
import pytest
import torch
import torchvision.transforms as v1
from hypothesis import given
from hypothesis import strategies as st
from support.cases import cases
from support.files import photo
from support.images import dataset_of
from support.record import Walk, assert_parity
from support.workers import ReferenceLoader
from torchvision.transforms import v2

import penstock

FLIPS = (v1.RandomHorizontalFlip(), v2.RandomVerticalFlip(), v1.RandomPosterize(3), v1.RandomSolarize(90))
WEIGHTS = st.one_of(st.integers(0, 9), st.floats(0, 9), st.sampled_from([1e-300, 1e15, -1, 0.0]))


@st.composite
def drawing(draw, depth=2):
    """A choice or an order of transforms, some of which are such again."""
    part = st.one_of(st.sampled_from(FLIPS), drawing(depth - 1)) if depth else st.sampled_from(FLIPS)
    parts = draw(st.lists(part, min_size=1, max_size=5))
    match draw(st.sampled_from(["order", "choice", "apply", "weighted"])):
        case "order":
            return v1.RandomOrder(parts)
        case "apply":
            return v1.RandomApply(parts)
        case "choice":
            return v1.RandomChoice(parts)
    weights = draw(st.lists(WEIGHTS, min_size=len(parts), max_size=len(parts)))
    return v1.RandomChoice(parts, p=draw(st.sampled_from([list, tuple]))(weights))


@cases(90)
@given(drawing(), st.sampled_from([0, 0, 1, 3]), st.booleans(), st.integers(0, 1 << 40))
def test_any_of_them(transform, workers, persistent, seed):
    data = dataset_of("CIFAR10", 13, 6, 6, transform=v1.Compose([v1.RandomCrop(5), transform, v1.PILToTensor()]))

    def make(cls):
        return cls(data, 3, shuffle=True, num_workers=workers, persistent_workers=persistent and workers > 0)

    assert_parity(make, penstock.DataLoader, ReferenceLoader, Walk((2, None, None), draws=True), seed)


@pytest.mark.parametrize(
    "transform", [v1.RandomOrder(FLIPS), v1.RandomChoice(FLIPS), v1.RandomChoice(FLIPS, p=[1, 2, 3, 0])]
)
def test_arrays(transform):
    arrays = np.stack([photo(9, 8, seed=k) for k in range(40)])
    pipeline = v1.Compose([transform, v1.ToTensor()])
    states = []
    for run in (
        penstock.compile(pipeline),
        lambda images: np.stack([pipeline(v1.functional.to_pil_image(x)) for x in images]),
    ):
        random.seed(4)
        random.gauss(0, 1)  # leaves a second number, which must stay there
        torch.manual_seed(4)
        states.append((run(arrays).tobytes(), torch.get_rng_state().tolist(), random.getstate()))
    assert states[0] == states[1]


@pytest.mark.parametrize("name", ["choices", "shuffle"])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_function_of_the_users_own_is_called(name, workers, monkeypatch):
    function = getattr(random, name)
    data = dataset_of(
        "CIFAR10", 13, 6, 6, transform=v1.Compose([v1.RandomOrder(FLIPS), v1.RandomChoice(FLIPS), v1.PILToTensor()])
    )

    def replaced(*arguments, **options):
        random.random()
        return function(*arguments, **options)

    def make(cls):
        return cls(data, 3, shuffle=True, num_workers=workers)

    assert penstock.explain(make(penstock.DataLoader)).native
    assert_parity(make, penstock.DataLoader, ReferenceLoader, Walk((2, None)))
    monkeypatch.setattr(random, name, replaced)
    assert not penstock.explain(make(penstock.DataLoader)).native
    assert_parity(make, penstock.DataLoader, torch.utils.data.DataLoader, Walk((2, None)))


@pytest.mark.parametrize(
    "p", [[1, 2], [0, 0, 0, 0], [1, 2, 3, float("inf")], [1, 2, 3, float("nan")], ["a"] * 4, [-1, 0, 0, 0]]
)
@pytest.mark.parametrize("workers", [0, 2])
def test_weights_that_python_refuses(p, workers):
    data = dataset_of("CIFAR10", 13, 6, 6, transform=v1.Compose([v1.RandomChoice(FLIPS, p=p), v1.PILToTensor()]))

    def make(cls):
        return cls(data, 3, num_workers=workers)

    assert_parity(make, penstock.DataLoader, torch.utils.data.DataLoader, Walk((None,)))
