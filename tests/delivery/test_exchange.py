"""Recorded images that are written as they are delivered: only where nothing else can lead to them."""

import dataclasses
from typing import Any, NamedTuple

import pytest
import torch
from support.compare import assert_same
from support.delivered import COUNT, SIZE, STEPS, Opened, delivered, made, torchs
from support.fake_cuda import tensors_of
from support.files import damaged, encode, photo
from torch.utils.data import default_collate
from torchvision.datasets import ImageFolder
from torchvision.transforms import v2

import penstock

IMAGE = 3 * SIZE * SIZE


def as_moved(epochs, dtype=None, memory_format=torch.preserve_format):
    """Return tensors as a device would have them after torch's `to`: without the gaps of views."""

    def moved(part):
        return part.clone().to(dtype=dtype, memory_format=memory_format) if part.ndim == 4 else part.clone()

    return [[[moved(part) for part in batch] for batch in epoch] for epoch in epochs]


class Pair(NamedTuple):
    images: Any
    numbers: Any


@dataclasses.dataclass
class Holder:
    """Holds images where nobody looks."""

    images: torch.Tensor

    def to(self, device, non_blocking=False):
        return self


class Noted(dict):
    """A mapping that may hold anything besides its items."""


def named(batch):
    return Pair(*default_collate(batch))


def twice(batch):
    images, numbers = default_collate(batch)
    return {"one": images, "two": [images], "numbers": numbers}


def views(batch):
    images, numbers = default_collate(batch)
    return images, images.unbind(), numbers


def held(batch):
    images, numbers = default_collate(batch)
    return [Holder(images), numbers]


def held_besides(batch):
    images, numbers = default_collate(batch)
    return [images, Holder(images), numbers]


def noted(batch):
    images, numbers = default_collate(batch)
    found = Noted(numbers=numbers)
    found.images = found["images"] = images
    return found


def unstacked(batch):
    return [image for image, _ in batch], [number for _, number in batch]


def nested_views(batch):
    return [torch.stack([torch.stack([image, image]) for image, _ in batch])]


def as_images(batch):
    images, numbers = default_collate(batch)
    return v2.functional.to_image(images), numbers


@pytest.mark.parametrize(
    ("collate", "bytes_a_image"),
    [
        (named, IMAGE),
        (twice, 2 * IMAGE),
        (views, 2 * 4 * IMAGE),
        (held_besides, 4 * IMAGE),
        (noted, 4 * IMAGE),
        (unstacked, 4 * IMAGE),
        (nested_views, 2 * 4 * IMAGE),
    ],
)
@pytest.mark.parametrize("form", [{}, {"dtype": torch.float16}], ids=str)
def test_bytes_travel_where_nothing_else_leads_to_them(gpu, paths, collate, bytes_a_image, form):
    options = {"num_workers": 2, "collate_fn": collate}
    read, loader = delivered(gpu, Opened(paths), transfer="uint8", **options, **form)
    assert_same(read, as_moved(torchs(Opened(paths), **options), **form))
    assert penstock.stats(loader).native_share == 1
    numbers = sum(part.nbytes for batch in read[0] for part in batch if part.ndim == 1)
    assert penstock.stats(loader).bus_bytes == COUNT * bytes_a_image + numbers


def test_an_object_with_a_to_of_its_own_is_given_values(gpu, paths):
    options = {"num_workers": 2, "collate_fn": held}
    torch.manual_seed(3)
    loader = penstock.DataLoader(
        Opened(paths), 4, shuffle=True, device="cuda", transfer="uint8", dtype=torch.half, **options
    )
    ours = [batch[0].images for batch in loader]
    torch.manual_seed(3)
    theirs = [batch[0].images for batch in torch.utils.data.DataLoader(Opened(paths), 4, shuffle=True, **options)]
    assert_same(ours, theirs)


def test_subclasses_of_tensors_keep_their_class_and_values(gpu, paths):
    options = {"num_workers": 2, "collate_fn": as_images}
    torch.manual_seed(3)
    loader = penstock.DataLoader(Opened(paths), 4, shuffle=True, device="cuda", transfer="uint8", **options)
    batches = list(loader)
    gpu.current.synchronize()
    assert_same([[tensors_of(batch) for batch in batches]], torchs(Opened(paths), **options))


def test_modes_may_change_while_bytes_are_under_way(gpu, paths):
    """What arrived in one mode is made anew for another, and stands for the same bytes."""
    torch.manual_seed(3)
    loader = penstock.DataLoader(
        Opened(paths), 4, shuffle=True, num_workers=2, device="cuda", transfer="uint8", prefetch_factor=4
    )
    read = []
    iterator = iter(loader)
    for number in range(len(loader)):
        with torch.inference_mode(number % 3 == 1):
            batch = next(iterator)
            assert all(part.is_inference() is (number % 3 == 1) for part in tensors_of(batch))
            read.append(gpu.read(batch))
    gpu.current.synchronize()
    right = torchs(Opened(paths), num_workers=2)[0]
    for mine, other in zip(read, right, strict=True):
        assert all(torch.equal(*pair) for pair in zip(mine, other, strict=True))


@pytest.mark.parametrize("workers", [0, 2])
def test_files_that_the_library_opens(gpu, tmp_path, workers):
    (tmp_path / "a").mkdir()
    for k in range(12):
        data = encode(photo(40, 50, seed=k), **({"mode": "CMYK"} if k == 4 else {}))
        (tmp_path / "a" / f"{k:02}.jpg").write_bytes(damaged(data, "noisy") if k in (6, 7) else data)
    data = ImageFolder(tmp_path, STEPS)
    read, loader = delivered(gpu, data, 2, num_workers=workers, transfer="uint8", memory_format=torch.channels_last)
    assert_same(read, as_moved(torchs(data, 2, num_workers=workers), memory_format=torch.channels_last))
    stats = penstock.stats(loader)
    assert sum(stats.by_pillow.values()) == 2 * 3
    assert stats.bus_bytes == 2 * 12 * (IMAGE + 8)


def test_a_loader_that_goes_over_to_the_library_sends_values(gpu, paths, monkeypatch):
    loader = penstock.DataLoader(made("recorded", paths), 4, num_workers=2, device="cuda", transfer="uint8")
    list(loader)
    before = penstock.stats(loader).bus_bytes
    assert before == COUNT * (IMAGE + 8)
    monkeypatch.setattr(penstock.counters.Counters, "is_torchs", True)
    list(loader)
    assert penstock.stats(loader).way == "torch"
    assert penstock.stats(loader).bus_bytes - before == COUNT * (4 * IMAGE + 8)
