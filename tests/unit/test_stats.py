"""`penstock.stats`: what is counted, and what it says."""

import gc
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision.transforms as v1
from support.files import damaged, encode, photo
from torchvision import datasets as tv

import penstock
from penstock.counters import _counters

CROP = v1.Compose([v1.RandomCrop(24), v1.ToTensor()])


class Arrays(penstock.ImageDataset):
    def __init__(self, count=10):
        self.images = np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
        self.transform = CROP

    def __len__(self):
        return len(self.images)

    def locate(self, index):
        return self.images[index], index


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "a").mkdir()
    for k in range(10):
        data = encode(photo(40, 50, seed=k))
        if k == 4:
            data = encode(photo(40, 50, seed=k), mode="CMYK")
        if k in (6, 7):
            data = damaged(data, "noisy")
        (tmp_path / "a" / f"{k}.jpg").write_bytes(data)
    return tv.ImageFolder(tmp_path, CROP)


@pytest.mark.parametrize("workers", [0, 2])
def test_images_of_pillow_are_counted_by_reason(workers, folder):
    loader = penstock.DataLoader(folder, 4, num_workers=workers)
    known = []
    for epoch in (1, 2):
        assert len(list(loader)) == 3
        stats = penstock.stats(loader)
        assert stats.way == "lowered"
        assert (stats.batches, stats.samples) == (3 * epoch, 10 * epoch)
        assert sum(stats.by_pillow.values()) == 3 * epoch
        assert stats.by_pillow["unsupported number of components"] == epoch
        assert stats.native_share == pytest.approx(0.7)
        assert stats.decoded == 7 * epoch
        known.append(stats.known)
    assert known[1] - known[0] == 7
    assert stats.index_files >= 7
    assert stats.index_bytes > 0
    for stage in ("read", "decode", "render", "pillow", "waiting", "outside"):
        assert stats.seconds[stage] > 0, stage
    text = str(stats)
    assert "70.0%" in text
    assert "unsupported number of components" in text
    assert stats.verdict in text


@pytest.mark.parametrize("workers", [0, 2])
def test_images_in_memory(workers):
    loader = penstock.DataLoader(Arrays(), 4, num_workers=workers)
    assert penstock.stats(loader).way is None
    assert penstock.stats(loader).samples == 0
    list(loader)
    stats = penstock.stats(loader)
    assert (stats.samples, stats.native_share, stats.decoded, stats.by_pillow) == (10, 1.0, 0, {})
    assert stats.seconds["render"] > 0
    assert stats.seconds["decode"] == stats.seconds["read"] == stats.seconds["pillow"] == 0
    iterator = iter(loader)
    next(iterator)
    assert penstock.stats(loader).samples == 14


def test_time_between_batches_is_the_users():
    loader = penstock.DataLoader(Arrays(), 5)
    for _ in loader:
        time.sleep(0.2)
    stats = penstock.stats(loader)
    # The last call finds the end of the epoch, so the last sleep counts, too.
    assert stats.seconds["outside"] >= 0.4
    assert stats.waiting_share == pytest.approx(
        stats.seconds["waiting"] / (stats.seconds["waiting"] + stats.seconds["outside"])
    )
    time.sleep(0.2)
    before = penstock.stats(loader).seconds["outside"]
    next(iter(loader))
    assert penstock.stats(loader).seconds["outside"] == before, "time between epochs is not time between batches"


def test_a_failed_batch_is_not_counted(folder):
    Path(folder.samples[0][0]).write_bytes(b"no image")
    loader = penstock.DataLoader(folder, 4)
    iterator = iter(loader)
    with pytest.raises(OSError, match="cannot identify"):
        next(iterator)
    assert penstock.stats(loader).samples == 0
    next(iterator)
    assert penstock.stats(loader).samples == 4


def test_torchs_own_way_says_so():
    loader = penstock.DataLoader(torch.arange(6), 2)
    list(loader)
    stats = penstock.stats(loader)
    assert (stats.way, stats.samples, stats.native_share) == ("torch", 0, 0.0)
    assert "torch's own loader" in str(stats)
    assert penstock.stats(torch.utils.data.DataLoader(torch.arange(6))).way is None


def test_counters_go_with_their_loader():
    loader = penstock.DataLoader(Arrays(), 5)
    list(loader)
    assert id(loader) in _counters
    known = id(loader)
    del loader
    gc.collect()
    assert known not in _counters


def test_only_loaders_have_stats():
    with pytest.raises(TypeError, match="takes a DataLoader, got list"):
        penstock.stats([1, 2])
