"""Which way a loader takes, and what is told of it."""

import random
import shutil
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from support.compare import assert_same
from torch.utils.data import DataLoader as TorchLoader
from torch.utils.data import Dataset, IterableDataset, TensorDataset
from torchvision import transforms

import penstock
from penstock.compat import pillow
from penstock.recording import guard

TRANSFORM = transforms.Compose(
    [
        transforms.RandomResizedCrop(24),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize((0.4, 0.5, 0.6), (0.2, 0.3, 0.4)),
    ]
)


class Opened(Dataset):
    """A user's data set: a path, Pillow, a transform, and dice of its own."""

    def __init__(self, paths, transform=TRANSFORM):
        self.paths, self.transform = paths, transform

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        image = Image.open(self.paths[index]).convert("RGB")
        if random.random() < 0.3:
            image = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
        return self.transform(image), index


class Arrays(Opened):
    """One that looks at all pixels."""

    def __getitem__(self, index):
        pixels = np.asarray(Image.open(self.paths[index]).convert("RGB"))
        return torch.from_numpy(pixels[:8, :8].copy()), index


class Smoothing(Opened):
    """One that touches some of its images."""

    def __getitem__(self, index):
        image = Image.open(self.paths[index]).convert("RGB")
        if index % 4 == 0:
            image = image.filter(ImageFilter.MedianFilter())
        return self.transform(image), index


class Streamed(IterableDataset):
    """One without indices."""

    def __init__(self, paths):
        self.paths = paths

    def __iter__(self):
        return (TRANSFORM(Image.open(path).convert("RGB")) for path in self.paths)


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    made = []
    for k in range(72):
        pixels = rng.integers(0, 256, (int(rng.integers(30, 60)), int(rng.integers(30, 60)), 3), np.uint8)
        image = Image.fromarray(pixels).resize((64, 48), Image.Resampling.BICUBIC)
        made.append(str(folder / f"{k}.jpg"))
        (image.convert("L") if k % 5 == 0 else image).save(made[-1], quality=90, progressive=k % 3 == 0)
    time.sleep(2.1)  # until then their bytes travel, since they might be temporary files
    return made


def both(dataset, epochs=1, **options):
    """Return what penstock's loader and torch's make of a data set, generators included, and penstock's loader."""
    found, loaders = [], []
    for cls in (penstock.DataLoader, TorchLoader):
        torch.manual_seed(5)
        random.seed(5)
        loader = cls(dataset, **options)
        batches = [list(loader) for _ in range(epochs)]
        found.append([*batches, torch.get_rng_state(), random.getstate()])
        loaders.append(loader)
    return *found, loaders[0]


@pytest.mark.parametrize("options", [{}, {"num_workers": 2}, {"num_workers": 2, "persistent_workers": True}], ids=str)
def test_a_data_set_of_the_users_is_recorded(paths, options):
    ours, theirs, loader = both(Opened(paths), 2, batch_size=7, shuffle=True, **options)
    assert_same(ours, theirs)
    assert penstock.explain(loader).way == "recorded"
    assert not penstock.explain(loader).native
    stats = penstock.stats(loader)
    assert (stats.way, stats.native_share) == ("recorded", 1.0)
    assert (stats.samples, stats.images, stats.batches) == (144, 144, 22)
    assert "recorded" not in str(stats.by_pillow)


class Temporary(Opened):
    """One that writes its images to files, opens these, and removes them at once."""

    def __getitem__(self, index):
        with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
            file.write(Path(self.paths[index]).read_bytes())
            file.flush()
            image = Image.open(file.name).convert("RGB")
        return self.transform(image), index


@pytest.mark.parametrize("workers", [0, 2])
def test_files_that_are_gone_by_then(paths, workers):
    ours, theirs, loader = both(Temporary(paths), batch_size=7, num_workers=workers)
    assert_same(ours, theirs)
    assert penstock.stats(loader).native_share == 1.0


class Removing(Opened):
    """One that removes its files as soon as they were opened, or puts others in their places, though they were old."""

    def __getitem__(self, index):
        image = Image.open(self.paths[index]).convert("RGB")
        if index % 2:
            Path(self.paths[index]).unlink()
        else:
            shutil.copy(self.paths[(index + 2) % 12], f"{self.paths[index]}.new")
            Path(f"{self.paths[index]}.new").rename(self.paths[index])
        return (self.transform(image), image) if self.transform is TRANSFORM else (np.array(image), index)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("transform", [TRANSFORM, None])
def test_nothing_that_happens_to_an_opened_files_path_matters(paths, tmp_path, workers, transform):
    found = []
    for cls in (penstock.DataLoader, TorchLoader):
        folder = tmp_path / cls.__module__
        folder.mkdir()
        copies = [str(shutil.copy(path, folder)) for path in paths[:12]]
        time.sleep(2.1)
        torch.manual_seed(0)
        loader = cls(Removing(copies, transform), batch_size=1, num_workers=workers, collate_fn=list)
        found.append([[part if torch.is_tensor(part) else np.array(part) for part in sample] for (sample,) in loader])
    assert_same(*found)


def test_a_file_that_is_gone_in_between_fails_its_batch_alone(paths, tmp_path, monkeypatch):
    # As if it were removed between the worker's last look and the caller's first.
    monkeypatch.setattr(
        "penstock.recording.sources.Source.place",
        lambda source: source.path + "x" * ("3" in Path(source.path).stem[:1]),
    )
    copies = [str(shutil.copy(path, tmp_path)) for path in paths[:12]]
    time.sleep(2.1)
    iterator = iter(penstock.DataLoader(Opened(copies), batch_size=2, num_workers=2))
    found = []
    for _ in range(6):
        try:
            found.append(next(iterator)[1].tolist())
        except FileNotFoundError as error:
            found.append((str(error).splitlines()[0], copies[3] in str(error).splitlines()[-1]))
    failed = "Caught FileNotFoundError in DataLoader worker process 1.", True
    assert found == [[0, 1], failed, [4, 5], [6, 7], [8, 9], [10, 11]]


@pytest.mark.parametrize("workers", [0, 2])
def test_what_the_code_touches_is_counted_and_told_once(paths, workers, caplog, monkeypatch):
    # Whether it goes over to the library, for which these images are small enough, is another matter.
    monkeypatch.setattr(guard, "compare", lambda source, looked: None)
    ours, theirs, loader = both(Arrays(paths), 2, batch_size=8, num_workers=workers)
    assert_same(ours, theirs)
    stats = penstock.stats(loader)
    assert stats.native_share == 0
    assert sum(stats.by_pillow.values()) == stats.images == 144
    lines = [record.getMessage() for record in caplog.records if record.name == "penstock"]
    assert len(lines) == 1
    assert "its __getitem__ is code that penstock does not know" in lines[0]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("stacked", [False, True])
def test_a_image_that_is_touched_leaves_the_others_of_its_batch_alone(paths, workers, stacked):
    def collate(samples):
        images, indices = zip(*samples, strict=True)
        return torch.stack(images), list(indices)

    options = {"collate_fn": collate} if stacked else {}
    ours, theirs, loader = both(Smoothing(paths), 2, batch_size=7, shuffle=True, num_workers=workers, **options)
    assert_same(ours, theirs)
    stats = penstock.stats(loader)
    assert stats.native_share == 0.75
    assert stats.by_pillow == {"Image.filter": 36}


@pytest.mark.parametrize("workers", [0, 2])
def test_streams_of_samples(paths, workers):
    ours, theirs, loader = both(Streamed(paths), batch_size=8, num_workers=workers)
    assert_same(ours, theirs)
    assert penstock.stats(loader).native_share == 1.0


@pytest.mark.parametrize("workers", [0, 2])
def test_samples_that_are_not_batched(paths, workers):
    ours, theirs, loader = both(Opened(paths[:20]), batch_size=None, num_workers=workers)
    assert_same(ours, theirs)
    assert penstock.stats(loader).native_share == 1.0


@pytest.mark.parametrize("workers", [0, 2])
def test_the_switch(paths, workers, monkeypatch):
    monkeypatch.setenv("PENSTOCK_RECORD", "0")
    ours, theirs, loader = both(Opened(paths), batch_size=7, num_workers=workers)
    assert_same(ours, theirs)
    assert penstock.explain(loader).way == penstock.stats(loader).way == "torch"
    monkeypatch.setenv("PENSTOCK_RECORD", "1")
    loader = penstock.DataLoader(TensorDataset(torch.arange(5)), num_workers=workers)
    assert penstock.explain(loader).way == "recorded"
    assert [batch.item() for (batch,) in loader] == list(range(5))


def test_a_loader_of_which_nothing_records_is_torchs_from_the_next_epoch_on():
    class Numbers(Dataset):
        def __len__(self):
            return 100

        def __getitem__(self, index):
            return index

    loader = penstock.DataLoader(Numbers(), 10, num_workers=1)
    for way in ("recorded", "torch"):
        assert torch.cat(list(loader)).tolist() == list(range(100))
        assert penstock.stats(loader).way == way


def test_data_in_memory_is_left_to_torch_at_once():
    for dataset in (TensorDataset(torch.arange(4)), torch.arange(4), [1, 2], range(3), {0: 1}):
        assert penstock.explain(penstock.DataLoader(dataset)).way == "torch"
    assert penstock.explain(penstock.DataLoader(["a.jpg"], collate_fn=lambda names: names)).way == "recorded"


def test_a_pillow_that_keeps_its_pixels_elsewhere_does_not_record(paths, monkeypatch):
    loader = penstock.DataLoader(Opened(paths), 7)
    assert penstock.explain(loader).way == "recorded"
    monkeypatch.setattr(pillow.NAMES, "missing", {"PIL.Image.Image._im"})
    report = penstock.explain(loader)
    assert report.way == "torch"
    assert "Pillow 11 and newer record" in str(report)


def test_another_default_dtype_is_left_to_torch(paths):
    torch.set_default_dtype(torch.float64)
    try:
        ours, theirs, loader = both(Opened(paths), batch_size=7)
        assert penstock.explain(loader).way == "torch"
    finally:
        torch.set_default_dtype(torch.float32)
    assert_same(ours, theirs)


@pytest.mark.cuda
@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("kind", [Opened, Arrays])
def test_batches_are_pinned(paths, kind, workers):
    ours, theirs, loader = both(kind(paths), 2, batch_size=8, num_workers=workers, pin_memory=True)
    assert_same(ours, theirs)
    assert penstock.explain(loader).way == "recorded"
    assert all(tensor.is_pinned() for batches in ours[:2] for batch in batches for tensor in batch)
