"""Memory does not grow, however iterators end."""

import gc
import itertools
import sys

import psutil
import pytest
from stress_support import Own, Photographs, cifar, loader

from penstock import _native, stats

EPOCHS = 200
# Of growth over those epochs: far less than one batch each, which is 3 MiB.
ALLOWED = 24 << 20


def _resident():
    gc.collect()
    return psutil.Process().memory_info().rss


@pytest.mark.skipif(sys.platform != "linux", reason="what counts as resident differs")
@pytest.mark.parametrize(
    "options", [{"num_workers": 2}, {"num_workers": 0}, {"num_workers": 2, "persistent_workers": True}]
)
def test_memory_does_not_grow(options):
    made = loader(cifar(1024), batch_size=256, **options)

    def epochs(count):
        for number in range(count):
            batches = itertools.islice(made, 2 if number % 3 == 0 else None)  # every third one is abandoned
            for images, _ in batches:
                assert images.shape[1:] == (3, 32, 32)

    epochs(20)
    before = _resident()
    epochs(EPOCHS)
    assert _resident() - before < ALLOWED


@pytest.mark.skipif(sys.platform != "linux", reason="what counts as resident differs")
@pytest.mark.parametrize(
    "options", [{"num_workers": 2}, {"num_workers": 0}, {"num_workers": 2, "persistent_workers": True}]
)
def test_memory_does_not_grow_where_images_record(options, tmp_path):
    made = loader(Photographs(tmp_path, 64), batch_size=16, **options)

    def epochs(count):
        for number in range(count):
            leaves = number % 3 == 0 and "persistent_workers" not in options
            for images, _ in itertools.islice(made, 2 if leaves else None):
                assert images.shape == (16, 3, 64, 64)

    epochs(10)
    before, files = _resident(), psutil.Process().num_fds()
    epochs(60)
    # A batch has 768 KiB, and one that was left would stay.
    assert _resident() - before < ALLOWED
    gc.collect()
    assert psutil.Process().num_fds() <= files
    assert stats(made).native_share == 1.0


@pytest.mark.parametrize("workers", [0, 2])
def test_memory_does_not_grow_with_errors(workers):
    gc.collect()
    made = loader(Own(64, {9: KeyError("x")}), batch_size=32, num_workers=workers)
    live = []
    for _ in range(100):
        iterator, errors = iter(made), 0
        for _ in range(2):
            try:
                next(iterator)
            except KeyError:
                errors += 1
        assert errors == 1
        del iterator
        live.append(_native.memory_usage()[0])
    assert live[-1] == live[0]


def test_all_memory_comes_back():
    gc.collect()
    before, _ = _native.memory_usage()
    made = loader(cifar(512), batch_size=64)
    held = list(made)
    images = held[3][0]
    assert _native.memory_usage()[0] - before >= 8 * images.nbytes
    view = images[5:, :, ::2].permute(1, 2, 3, 0)
    del held, images
    assert _native.memory_usage()[0] > before
    del view, made
    assert _native.memory_usage()[0] == before
    _native.trim_memory()
    assert _native.memory_usage()[1] == 0
