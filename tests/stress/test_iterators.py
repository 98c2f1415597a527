"""Iterators that are many, deep, abandoned, interleaved, shared by no one, or without their loader."""

import gc
import itertools
import random
import sys
import threading
import warnings
import weakref

import numpy as np
import pytest
import torch
from stress_support import TorchLoader, cifar, epoch, equal, huge, loader, threads_of_ours

linux = pytest.mark.skipif(sys.platform != "linux", reason="threads are counted by Linux's means")


def test_iterators_are_dropped_at_random_points_under_load():
    """Nothing that is still being made for an iterator that is gone may reach another one's batch."""
    dice = random.Random(0)
    expected = {workers: epoch(loader(cls=TorchLoader, num_workers=workers), seed=1) for workers in (0, 2)}
    busy = iter(loader(huge(4096), batch_size=16, prefetch_factor=4))
    for _ in range(60):
        next(busy)
        workers = dice.choice((0, 2))
        torch.manual_seed(1)
        iterator = iter(loader(num_workers=workers, prefetch_factor=dice.choice((1, 2, 9)) if workers else None))
        batches = list(itertools.islice(iterator, dice.randrange(16)))
        del iterator
        assert equal(batches, expected[workers][: len(batches)])


@pytest.mark.filterwarnings("ignore:This DataLoader will create 3 worker")
def test_iterators_in_many_threads():
    expected = {}
    for workers in (1, 2, 3):
        made = loader(cls=TorchLoader, num_workers=workers, generator=torch.Generator().manual_seed(5))
        expected[workers] = epoch(made)
    failures, start = [], threading.Barrier(8)

    def iterate(number):
        workers = 1 + number % 3
        start.wait()
        try:
            for _ in range(6):
                made = loader(num_workers=workers, generator=torch.Generator().manual_seed(5))
                assert equal(epoch(made), expected[workers])
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=iterate, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
        assert not thread.is_alive(), "hung"
    assert not failures


def test_iterators_of_one_loader_side_by_side():
    made = loader(shuffle=False, dataset=cifar(64))
    torch.manual_seed(1)
    ours = [batch for row in zip(made, made, made, strict=True) for batch in row]
    torch.manual_seed(1)
    theirs = loader(shuffle=False, dataset=cifar(64), cls=TorchLoader)
    assert equal(ours, [batch for row in zip(theirs, theirs, theirs, strict=True) for batch in row])


@pytest.mark.parametrize(
    "options", [{"prefetch_factor": 64}, {"prefetch_factor": 1000, "num_workers": 1, "batch_size": 1}]
)
def test_deep_prefetch(options):
    ours, theirs = (loader(cls=cls, **options) for cls in (type(loader()), TorchLoader))
    torch.manual_seed(1)
    iterator = iter(ours)
    assert len(iterator._pending) == len(ours)
    assert equal(list(iterator), epoch(theirs, seed=1))


@pytest.mark.parametrize("workers", [0, 2])
def test_the_loader_and_what_its_data_set_had_may_go_first(workers):
    """torch's workers have a copy of the data set; without workers it is read late."""
    results = []
    for cls in (type(loader()), TorchLoader):
        data = cifar()
        made = loader(data, cls=cls, num_workers=workers)
        torch.manual_seed(1)
        iterator, gone = iter(made), weakref.ref(made)
        data.data, data.targets = np.zeros_like(data.data), [7] * len(data.targets)
        del made, data
        gc.collect()
        assert gone() is None or cls is not TorchLoader or workers == 0
        results.append(list(iterator))
    assert equal(*results)
    assert (results[0][0][1].unique().tolist() == [7]) == (workers == 0)


def test_an_iterator_dies_with_its_last_reference():
    """No cycle keeps it, and with it its batches, until the collector comes."""
    gc.disable()
    try:
        for options in ({}, {"num_workers": 0}, {"persistent_workers": True}):
            made = loader(**options)
            iterator = iter(made)
            batch = next(iterator)
            gone = weakref.ref(iterator)
            del iterator, made
            assert gone() is None, options
            assert batch[0].shape == (16, 3, 32, 32)
    finally:
        gc.enable()


def test_an_iterator_dies_after_an_error():
    gc.disable()
    try:
        for workers in (0, 2):
            data = cifar(32)
            data.targets[3] = None  # torch makes no tensor of it
            iterator = iter(loader(data, num_workers=workers, shuffle=False))
            with pytest.raises(RuntimeError, match="NoneType"):
                next(iterator)
            gone = weakref.ref(iterator)
            del iterator
            assert gone() is None, workers
    finally:
        gc.enable()


def test_a_generator_that_wraps_a_loader_is_thrown_into():
    def endless(made):
        while True:
            try:
                yield from made
            except ZeroDivisionError:
                yield "again"

    made = loader()
    expected = epoch(made, seed=1)
    torch.manual_seed(1)
    wrapped = endless(made)
    assert equal([next(wrapped), next(wrapped)], expected[:2])
    assert wrapped.throw(ZeroDivisionError) == "again"
    torch.manual_seed(1)
    assert equal(list(itertools.islice(wrapped, 16)), expected)
    wrapped.close()
    with pytest.raises(StopIteration):
        next(wrapped)


def test_a_persistent_iterator_is_begun_anew_in_mid_epoch_under_load():
    ours, theirs = (loader(cls=cls, persistent_workers=True) for cls in (type(loader()), TorchLoader))
    busy = iter(loader(huge(4096), batch_size=16, prefetch_factor=4))
    results = []
    for made in (ours, theirs):
        torch.manual_seed(1)
        batches = []
        for count in (3, 0, 16, 7, 16):
            next(busy)
            batches += itertools.islice(made, count)
        results.append(batches)
    assert equal(*results)
    del theirs


def test_exhausted_iterators_stay_so():
    for options in ({}, {"num_workers": 0}, {"persistent_workers": True}):
        iterator = iter(loader(cifar(16), **options))
        assert len(list(iterator)) == 1
        for _ in range(3):
            with pytest.raises(StopIteration):
                next(iterator)


@linux
@pytest.mark.filterwarnings("ignore:This DataLoader will create 4 worker")
def test_many_abandoned_iterators_start_no_more_threads():
    epoch(loader(num_workers=4))
    before = len(threads_of_ours())
    for _ in range(1000):
        next(iter(loader(cifar(64), num_workers=4)))
    assert len(threads_of_ours()) == before >= 4


def test_other_python_threads_run_while_a_batch_is_made_and_waited_for():
    progress, stop = [0], threading.Event()

    def count():
        while not stop.is_set():
            progress[0] += 1

    counter = threading.Thread(target=count)
    counter.start()
    try:
        for workers in (0, 2):
            iterator = iter(loader(huge(1024), batch_size=256, num_workers=workers))
            seen = [progress[0] for _ in iterator]
            assert seen[0] < seen[-1]
    finally:
        stop.set()
        counter.join()


def test_warnings_of_other_threads_are_left_alone():
    """Filters of warnings are the process's: to change them for a moment would make errors of others' warnings."""
    stop, failures = threading.Event(), []

    def iterate():
        while not stop.is_set():
            epoch(loader(cifar(8)))

    threads = [threading.Thread(target=iterate) for _ in range(3)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        before = list(warnings.filters)
        for thread in threads:
            thread.start()
        try:
            for _ in range(20_000):
                warnings.warn("the user's", stacklevel=1)
        except UserWarning as warning:
            failures.append(warning)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        assert not failures
        assert warnings.filters == before
