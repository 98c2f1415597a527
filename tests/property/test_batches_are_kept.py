"""A batch belongs to whoever holds it: nothing that the loader does later changes it."""

import gc
import hashlib
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from support.images import Images, dataset_of
from torchvision import transforms as v1

from penstock import DataLoader, _native, explain

CIFAR = v1.Compose([v1.RandomCrop(32, padding=4), v1.RandomHorizontalFlip(), v1.ToTensor()])


def digest(batch):
    return [hashlib.sha256(part.numpy().tobytes()).hexdigest() for part in batch]


def own(count):
    pixels = np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
    return Images(list(pixels), list(range(count)), CIFAR)


@pytest.mark.parametrize("make", [lambda: dataset_of("CIFAR10", 300, 32, 32, transform=CIFAR), lambda: own(300)])
@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_batches_of_three_epochs_never_change(make, workers):
    loader = DataLoader(make(), batch_size=16, shuffle=True, num_workers=workers)
    assert explain(loader).native
    held, digests = [], []
    for _ in range(3):
        for batch in loader:
            held.append(batch)
            digests.append(digest(batch))
    assert [digest(batch) for batch in held] == digests

    del loader, batch
    gc.collect()
    # Memory that was given back by mistake is taken and written to again by now.
    for images, _ in DataLoader(make(), batch_size=16, num_workers=2):
        images.fill_(7)
    assert [digest(batch) for batch in held] == digests


def test_two_iterators_of_one_loader_do_not_meet():
    loader = DataLoader(dataset_of("CIFAR10", 200, 32, 32, transform=CIFAR), batch_size=8, shuffle=True, num_workers=2)

    def epochs(interleaved):
        torch.manual_seed(4)
        first, second = iter(loader), iter(loader)
        if interleaved:
            pairs = list(zip(first, second, strict=True))
            return [digest(one) for one, _ in pairs], [digest(other) for _, other in pairs]
        return [digest(one) for one in first], [digest(other) for other in second]

    assert epochs(interleaved=True) == epochs(interleaved=False)


@pytest.mark.parametrize(
    "keep",
    [
        lambda images: images[3:5],
        lambda images: images.view(-1)[1:],
        lambda images: images.numpy(),
        lambda images: images.permute(0, 2, 3, 1).unbind()[0],
        lambda images: memoryview(images.numpy()),
        lambda images: images.untyped_storage(),
    ],
)
def test_memory_returns_with_the_last_thing_on_it(keep):
    loader = DataLoader(dataset_of("CIFAR10", 64, 32, 32, transform=CIFAR), batch_size=64)
    gc.collect()
    before, _ = _native.memory_usage()
    images, _ = next(iter(loader))
    kept = keep(images)
    nbytes = images.nbytes
    del images
    gc.collect()
    assert _native.memory_usage()[0] >= before + nbytes
    del kept
    gc.collect()
    assert _native.memory_usage()[0] == before


def test_a_pooled_batch_cannot_be_resized_in_place():
    images, _ = next(iter(DataLoader(dataset_of("CIFAR10", 4, 32, 32, transform=CIFAR), batch_size=4)))
    view, before = images[:], images.clone()
    with pytest.raises(RuntimeError, match="not resizable"):
        images.resize_(8, 3, 32, 32)  # torch sets the tensor's new sizes all the same
    assert torch.equal(view, before)


def test_idle_memory_is_bounded_and_can_be_given_back():
    gc.collect()
    buffers = [_native.Buffer(64 << 20) for _ in range(12)]
    live, _ = _native.memory_usage()
    assert live >= 12 * (64 << 20)
    del buffers
    _, idle = _native.memory_usage()
    assert idle <= 512 << 20
    _native.trim_memory()
    assert _native.memory_usage()[1] == 0


def test_idle_memory_has_the_bound_that_was_asked_for():
    script = """
from penstock import _native
held = [_native.Buffer(1 << 20) for _ in range(8)]
assert _native.memory_usage() == (8 << 20, 0)
del held
assert _native.memory_usage() == (0, 3 << 20)
again = [_native.Buffer(1 << 20) for _ in range(2)]
assert _native.memory_usage() == (2 << 20, 1 << 20)
"""
    environment = {**os.environ, "PENSTOCK_POOL_BYTES": str((3 << 20) + 5)}
    subprocess.run([sys.executable, "-c", script], env=environment, check=True, timeout=120)
