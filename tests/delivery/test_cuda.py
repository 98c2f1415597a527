"""Delivery to a real device: each batch equals torch's, whatever the device is busy with, however soon it is let go."""

import gc

import pytest
import torch
from support.delivered import NORMALIZE, SIZE, delivered, made, torchs
from support.images import dataset_of
from torchvision import transforms as T

import penstock

pytestmark = pytest.mark.cuda

FORMS = [
    {},
    {"dtype": torch.float16},
    {"memory_format": torch.channels_last},
    {"dtype": torch.bfloat16, "memory_format": torch.channels_last},
]


class Reading:
    """Stands for the fake: a device that reads what it is given."""

    class current:
        @staticmethod
        def synchronize():
            torch.cuda.synchronize()

    @staticmethod
    def read(batch):
        from support.fake_cuda import tensors_of

        return [tensor.clone() for tensor in tensors_of(batch)]


def assert_equal(read, right, form):
    assert len(read) == len(right)
    for mine, other in zip(read, right, strict=True):
        for ours, theirs in zip(mine, other, strict=True):
            if theirs.ndim == 4:
                theirs = theirs.to(
                    "cuda",
                    dtype=form.get("dtype"),
                    memory_format=form.get("memory_format", torch.preserve_format),
                )
            theirs = theirs.cuda()
            assert ours.device == theirs.device
            assert (ours.dtype, ours.stride()) == (theirs.dtype, theirs.stride())
            assert torch.equal(ours, theirs)


@pytest.mark.parametrize("transfer", [None, "uint8"])
@pytest.mark.parametrize("form", FORMS, ids=str)
@pytest.mark.parametrize("workers", [0, 2])
def test_batches_are_torchs(dataset, workers, form, transfer):
    read, loader = delivered(Reading, dataset, 2, num_workers=workers, transfer=transfer, **form)
    for mine, other in zip(read, torchs(dataset, 2, num_workers=workers), strict=True):
        assert_equal(mine, other, form)
    assert penstock.stats(loader).delivered_bytes > 0


@pytest.mark.parametrize("transfer", [None, "uint8"])
@pytest.mark.parametrize("workers", [0, 2])
def test_a_busy_device_reads_late_what_is_let_go_of_early(workers, transfer):
    steps = T.Compose([T.RandomCrop(32, padding=4), T.ToTensor(), NORMALIZE])
    data = dataset_of("CIFAR10", 512, 32, 32, transform=steps)
    right = torchs(data, num_workers=workers)[0]
    delay = torch.empty(4096, 4096, device="cuda")
    for _ in range(8):
        torch.manual_seed(3)
        read = []
        for batch in penstock.DataLoader(
            data, 4, shuffle=True, num_workers=workers, device="cuda", transfer=transfer, persistent_workers=False
        ):
            torch.mm(delay, delay)  # what follows waits behind it, and the next batches are delivered meanwhile
            read.append(Reading.read(batch))
            del batch
        torch.cuda.synchronize()
        assert_equal(read, right, {})


@pytest.mark.parametrize("workers", [0, 2])
def test_on_a_stream_of_ones_own(workers):
    data = made("lowered")
    right = torchs(data, num_workers=workers)[0]
    for _ in range(20):
        torch.manual_seed(3)
        with torch.cuda.stream(torch.cuda.Stream()) as _:
            batches = penstock.DataLoader(data, 4, shuffle=True, num_workers=workers, device="cuda")
            read = [Reading.read(batch) for batch in batches]
            torch.cuda.current_stream().synchronize()
        assert_equal(read, right, {})


@pytest.mark.parametrize("workers", [0, 2])
def test_kept_batches_are_never_overwritten(workers):
    data = made("lowered")
    right = torchs(data, 3, num_workers=workers)
    torch.manual_seed(3)
    loader = penstock.DataLoader(data, 4, shuffle=True, num_workers=workers, device="cuda")
    kept = [list(loader) for _ in range(3)]
    torch.cuda.synchronize()
    for mine, other in zip(kept, right, strict=True):
        assert_equal(mine, other, {})


def test_iterators_are_dropped_in_mid_epoch():
    loader = penstock.DataLoader(made("lowered"), 4, num_workers=2, device="cuda")
    right = next(iter(loader))[1].tolist()
    for _ in range(40):
        iterator = iter(loader)
        targets = next(iterator)[1]
        del iterator
        gc.collect()
        assert targets.tolist() == right


def test_memory_does_not_grow():
    steps = T.Compose([T.RandomCrop(SIZE, padding=1), T.ToTensor()])
    loader = penstock.DataLoader(dataset_of("CIFAR10", 4096, 32, 32, transform=steps), 64, num_workers=2, device="cuda")

    def used():
        for _ in loader:
            pass
        torch.cuda.synchronize()
        return torch.cuda.memory_reserved(), torch.cuda.host_memory_stats()["allocated_bytes.current"]

    used()
    before = used()
    for _ in range(30):
        after = used()
    assert after[0] <= before[0]
    assert after[1] <= before[1] + (64 << 20)


def test_the_current_device_at_iter_is_meant():
    loader = penstock.DataLoader(made("torch"), 4, device="cuda")
    last = torch.cuda.device_count() - 1
    with torch.cuda.device(last):
        assert next(iter(loader))[0].device == torch.device("cuda", last)


def test_accelerate_and_timm_find_the_batch_there():
    accelerate, timm = (pytest.importorskip(name) for name in ("accelerate", "timm.data"))
    with penstock.installed(device="cuda"):
        loader = torch.utils.data.DataLoader(made("torch"), 4)
        batches = accelerate.Accelerator().prepare(loader)
        assert [batch[0].is_cuda for batch in batches] == [True] * 6
    data = penstock.DataLoader(made("torch"), 4, device="cuda")
    right = [batch[0] for batch in data]
    mean = (0.0, 0.0, 0.0)
    prefetching = timm.loader.PrefetchLoader(data, mean=mean, std=(1 / 255,) * 3, device=torch.device("cuda"))
    for (images, _), other in zip(prefetching, right, strict=True):
        assert torch.equal(images, other)
