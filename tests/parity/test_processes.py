"""torch's real worker processes, which most tests replace by a stand-in because each of them costs a fork."""

import dataclasses

import pytest
import torch
from hypothesis import given
from support.cases import cases
from support.images import dataset_of
from support.loaders import datasets, loader_cases
from support.recipes import call
from support.record import Walk, assert_parity, batches
from support.workers import ReferenceLoader

import penstock

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.. may lead to deadlocks:DeprecationWarning")


def forked(case):
    """The case with workers, by fork: a spawned one takes seconds to import torch."""
    options = {"num_workers": 2, **dict(case.options), "multiprocessing_context": "fork"}
    return dataclasses.replace(case, options=tuple(options.items()))


@cases(20)
@given(loader_cases(datasets()))
def test_the_stand_in_equals_processes(case):
    case = forked(case)
    assert_parity(case.loader, ReferenceLoader, torch.utils.data.DataLoader, case.walk, case.seed)


@cases(30)
@given(loader_cases(datasets()))
def test_penstock_equals_processes(case):
    case = forked(case)
    assert_parity(case.loader, penstock.DataLoader, torch.utils.data.DataLoader, case.walk, case.seed)


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("workers", [1, 2, 3])
@pytest.mark.parametrize("walk", [Walk((None, None, None)), Walk((2, None, 1, None), draws=True, keeps=True)])
def test_the_usual_script(workers, persistent, walk):
    parts = [call("v1.RandomCrop", 6, padding=2), call("v1.RandomHorizontalFlip"), call("v1.ToTensor")]
    transform = call("v1.Compose", [*parts, call("v1.Normalize", (0.49, 0.48, 0.45), (0.25, 0.24, 0.26))])

    def make(cls):
        dataset = dataset_of("CIFAR10", 23, 6, 6, transform=transform.make())
        return cls(dataset, 4, shuffle=True, num_workers=workers, persistent_workers=persistent)

    assert penstock.explain(make(ReferenceLoader)).native if workers < 3 else True
    assert batches(assert_parity(make, penstock.DataLoader, torch.utils.data.DataLoader, walk, seed=workers))
