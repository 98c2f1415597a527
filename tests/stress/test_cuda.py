"""Page-locked batches, and copies to the device that are still under way when the batch is let go of."""

import numpy as np
import pytest
import torch
from stress_support import Own, TorchLoader, cifar, epoch, equal, huge, loader

import penstock

pytestmark = pytest.mark.cuda

WORKERS = pytest.mark.parametrize("workers", [0, 2])


@WORKERS
@pytest.mark.parametrize("persistent", [False, True])
def test_batches_are_pinned_and_torchs(workers, persistent):
    options = {"num_workers": workers, "pin_memory": True, "persistent_workers": persistent and workers > 0}
    made = loader(**options)
    theirs = loader(cls=TorchLoader, **options)
    for seed in (1, 2):
        ours = epoch(made, seed)
        assert all(tensor.is_pinned() for batch in ours for tensor in batch)
        assert all(type(batch) is list and len(batch) == 2 for batch in ours)
        assert equal(ours, epoch(theirs, seed))
    del theirs


@WORKERS
def test_targets_of_any_form_are_pinned(workers):
    data = Own(64)
    data.inner.targets = [{"label": index, "box": torch.tensor([index, 1.5]), "name": "x"} for index in range(64)]
    for (images, targets), (_, their_targets) in zip(
        loader(data, num_workers=workers, pin_memory=True, shuffle=False, batch_size=8),
        loader(data, num_workers=workers, pin_memory=True, shuffle=False, batch_size=8, cls=TorchLoader),
        strict=True,
    ):
        assert images.is_pinned()
        assert targets["label"].is_pinned()
        assert targets["box"].is_pinned()
        assert torch.equal(targets["box"], their_targets["box"])
        assert targets["name"] == their_targets["name"]
        assert type(targets) is type(their_targets)


@WORKERS
def test_a_batch_is_let_go_of_while_it_is_copied(workers):
    """Its memory must not be handed to another batch before the copy has been made."""
    options = {"dataset": cifar(512), "batch_size": 64, "num_workers": workers}
    expected = [(images.cuda(), targets.cuda()) for images, targets in epoch(loader(**options), seed=1)]
    delay = torch.empty(4096, 4096, device="cuda")
    stream = torch.cuda.Stream()
    made = loader(pin_memory=True, **options)
    for _ in range(60):
        torch.manual_seed(1)
        copies = []
        with torch.cuda.stream(stream):
            for images, targets in made:
                torch.mm(delay, delay)  # the copy waits behind it, and the next batches are made meanwhile
                copies.append((images.to("cuda", non_blocking=True), targets.to("cuda", non_blocking=True)))
                del images, targets
        stream.synchronize()
        for copy, right in zip(copies, expected, strict=True):
            assert torch.equal(copy[0], right[0])
            assert torch.equal(copy[1], right[1])


@WORKERS
def test_pinned_iterators_are_dropped_in_mid_epoch(workers):
    made = loader(huge(256), batch_size=32, num_workers=workers, pin_memory=True, shuffle=False)
    right = next(iter(made))[0].cuda()
    for _ in range(40):
        iterator = iter(made)
        images = next(iterator)[0].to("cuda", non_blocking=True)
        del iterator
        assert torch.equal(images, right)


def test_pinned_memory_does_not_grow():
    made = loader(cifar(512), batch_size=64, pin_memory=True)
    epoch(made)
    before = torch.cuda.host_memory_stats()["allocated_bytes.current"]
    for _ in range(50):
        for images, _ in made:
            images.to("cuda", non_blocking=True)
    torch.cuda.synchronize()
    del images
    assert torch.cuda.host_memory_stats()["allocated_bytes.current"] <= before + (64 << 20)


@WORKERS
def test_a_loader_that_falls_back_pins_too(workers, caplog):
    data = cifar(64)
    data.transform = lambda image: torch.from_numpy(np.array(image, np.float32))
    made = penstock.DataLoader(data, batch_size=16, pin_memory=True, num_workers=workers)
    assert not penstock.explain(made).native
    batches = epoch(made)
    assert all(tensor.is_pinned() for batch in batches for tensor in batch)
    assert "torch's own loader makes these batches" in caplog.text
