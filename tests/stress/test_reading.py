"""Files on their way: forks and abandoned iterators while they are being read."""

import gc
import os

import pytest
import torch
import torchvision.transforms as v1
from support.compare import assert_same
from support.files import encode, photo
from torch.utils.data import DataLoader
from torchvision import datasets as tv

import penstock
from penstock.lowering.transforms import lower_transform

CROP = v1.Compose([v1.RandomCrop(24), v1.RandomHorizontalFlip(), v1.ToTensor()])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("files")
    (root / "a").mkdir()
    for k in range(60):
        (root / "a" / f"{k:02}.jpg").write_bytes(encode(photo(40, 50, seed=k)))
    return root


def batches(cls, folder, **options):
    torch.manual_seed(1)
    return list(cls(tv.ImageFolder(folder, CROP), 8, shuffle=True, **options))


@pytest.mark.parametrize("workers", [0, 2])
def test_forked_children_have_readers_of_their_own(workers, folder):
    expected = batches(DataLoader, folder, num_workers=workers)
    inherited = iter(penstock.DataLoader(tv.ImageFolder(folder, CROP), 8, num_workers=2))
    assert_same(batches(penstock.DataLoader, folder, num_workers=workers), expected)
    child = os.fork()
    if child == 0:
        status = 1
        try:
            assert_same(batches(penstock.DataLoader, folder, num_workers=workers), expected)
            with pytest.raises(RuntimeError, match="belongs to the parent process"):
                next(inherited)
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0
    assert len(list(inherited)) == 8


def test_abandoned_iterators_stop_reading(folder):
    gc.collect()
    before = penstock._native.memory_usage()[0]
    for taken in range(12):
        iterator = iter(penstock.DataLoader(tv.ImageFolder(folder, CROP), 4, num_workers=2, prefetch_factor=6))
        for _ in range(taken):
            next(iterator)
        del iterator
    assert penstock._native.memory_usage()[0] == before


def test_pipes_are_not_opened(folder, tmp_path):
    """Whoever opens one waits for somebody to write; Pillow may, threads must not."""
    os.mkfifo(tmp_path / "pipe.jpg")
    plan = lower_transform(CROP, "RGB").plan
    files = penstock._native.Files([str(tmp_path / "pipe.jpg"), str(folder / "a/00.jpg"), None], plan, 2**63)
    assert files.wait() == ["unreadable", None, "not in a file"]
    assert files.ready()
