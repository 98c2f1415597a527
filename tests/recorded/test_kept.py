"""What a data set keeps of what it gave away is real when it is used again; what goes with its batch is not made."""

import functools
import random

import pytest
import torch
from PIL import Image
from support.compare import assert_same
from support.sides import folder
from torch.utils.data import Dataset, IterableDataset
from torchvision import transforms as T
from torchvision.transforms import functional as F

import penstock
from penstock import _native
from penstock.recording import guard
from penstock.recording.images import is_recorded
from penstock.recording.rendering import Rendering
from penstock.recording.tensors import RecordedTensor

NATIVE = ("plain", "gray", "rotated", "mirrored", "progressive", "subsampled")

_FILES = len(NATIVE)


def opened(index):
    return Image.open(folder() / f"{NATIVE[index % len(NATIVE)]}.jpg").convert("RGB")


def small(index):
    return opened(index).resize((20, 16))


def real(value):
    """Fail if anything records that was kept from an earlier batch."""
    for part in value if isinstance(value, (tuple, list)) else [value]:
        assert not is_recorded(part)
        assert not isinstance(part, RecordedTensor)
    return value


class Cached(Dataset):
    """A data set that keeps what a function makes of a file, and gives away what another one makes of that."""

    def __init__(self, make, give, count=_FILES):
        self.make, self.give, self.count, self.kept = make, give, count, {}

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        file = index % len(NATIVE)
        if file in self.kept:
            # Of several samples of a file some may be in one batch.
            kept = self.kept[file]
            return self.give(real(kept) if self.count == _FILES else kept, index)
        self.kept[file] = self.make(file)
        return self.give(self.kept[file], index)


def flipped(image, index):
    return F.to_tensor(F.hflip(image) if torch.rand(1) < 0.5 else image), index


def patch(image, index):
    return F.to_tensor(T.RandomCrop(8)(image)), index


def crops(image):
    return [image.crop((0, 0, 12, 12)), image.crop((3, 2, 15, 14))]


KINDS = {
    "images": (small, flipped),
    "whole images": (opened, patch),
    "files": (
        lambda file: Image.open(folder() / f"{NATIVE[file]}.jpg"),
        lambda image, index: flipped(image.convert("RGB").resize((20, 16)), index),
    ),
    "tensors": (lambda file: F.to_tensor(small(file)), lambda tensor, index: (tensor, index)),
    "tuples": (lambda file: (F.pil_to_tensor(small(file)), file), lambda pair, index: (*pair, index)),
    "views": (
        lambda file: [opened(file).crop((0, 0, 12, 12)), opened(file).crop((3, 2, 15, 14))],
        lambda views, index: (torch.stack([F.to_tensor(view) for view in views]), index),
    ),
    "crops of one image": (
        lambda file: crops(opened(file)),
        lambda views, index: ([F.to_tensor(view) for view in views], index),
    ),
    "touched": (small, lambda image, index: (F.to_tensor(T.functional.adjust_contrast(image, 0.5)), index)),
}


def walk(cls, make, epochs=3, **options):
    torch.manual_seed(3)
    random.seed(3)
    loader = cls(make(), **options)
    return [list(loader) for _ in range(epochs)], torch.get_rng_state(), loader


def both(make, epochs=3, **options):
    """Return penstock's loader when it has made the same as torch's."""
    theirs, state, _ = walk(torch.utils.data.DataLoader, make, epochs, **options)
    ours, ours_state, loader = walk(penstock.DataLoader, make, epochs, **options)
    assert_same((ours, ours_state), (theirs, state))
    return loader


@pytest.mark.parametrize("options", [{}, {"num_workers": 1, "persistent_workers": True}, {"num_workers": 2}], ids=str)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_kept_is_real_when_it_is_used_again(kind, options):
    loader = both(lambda: Cached(*KINDS[kind]), batch_size=3, shuffle=True, **options)
    stats = penstock.stats(loader)
    assert stats.touched == stats.images > 0
    assert stats.by_library == 0


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "files"])
def test_what_is_kept_is_decoded_once_for_its_batch_and_for_later(kind, monkeypatch):
    files, render, begin = [], _native.render_image, Rendering.begin

    def rendering(source, *others):
        files.extend(["here"] * isinstance(source, bytes))
        return render(source, *others)

    def beginning(self):
        files.extend({place for wanted in self._wanted for place in wanted.places if isinstance(place, str)})
        return begin(self)

    monkeypatch.setattr(guard, "compare", lambda source, looked: None)
    monkeypatch.setattr(_native, "render_image", rendering)
    monkeypatch.setattr(Rendering, "begin", beginning)
    both(lambda: Cached(*KINDS[kind]), batch_size=3)
    # One of the kinds opens each file twice.
    assert len(files) == (2 * _FILES if kind == "views" else _FILES)


@pytest.mark.parametrize("kind", ["images", "whole images", "tensors", "tuples"])
@pytest.mark.parametrize("workers", [0, 1])
def test_what_is_kept_of_a_batch_of_mostly_plain_tensors_is_real_when_it_is_used_again(kind, workers):
    known = [0, 1, 2, 3]
    loader = both(
        lambda: Cached(*KINDS[kind]),
        epochs=1,
        batch_sampler=[known, [*known, *known, 4], [4, *known], [*known, 4, *known]],
        num_workers=workers,
    )
    assert (penstock.stats(loader).images, penstock.stats(loader).by_library) == (5, 0)


@pytest.mark.parametrize("workers", [0, 1])
def test_several_patches_of_a_kept_image(workers):
    loader = both(lambda: Cached(opened, patch, 18), epochs=2, batch_size=4, shuffle=True, num_workers=workers)
    assert penstock.stats(loader).by_library == 0


@pytest.mark.parametrize(
    "options",
    [
        {"batch_size": None},
        {"batch_size": 4, "in_order": False, "num_workers": 1},
        {"batch_size": 4, "multiprocessing_context": "forkserver"},
    ],
    ids=str,
)
def test_other_ways_to_keep(options):
    options = {"num_workers": 2, "persistent_workers": True, **options}
    loader = both(lambda: Cached(small, _flip_by_index), epochs=2, **options)
    assert penstock.stats(loader).by_library == 0


def _flip_by_index(image, index):
    return F.to_tensor(F.hflip(image) if index % 2 else image), index


class ByBatch(Cached):
    def __getitems__(self, indices):
        return [self[index] for index in indices]


class Looked(Cached):
    """One whose function keeps its results."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.make = functools.lru_cache(4)(self.make)

    def __getitem__(self, index):
        return self.give(self.make(index % 5), index)


@pytest.mark.parametrize("kind", [ByBatch, Looked])
@pytest.mark.parametrize("workers", [0, 1])
def test_other_places_to_keep(kind, workers):
    both(lambda: kind(small, flipped), batch_size=5, num_workers=workers)


class Lists:
    """A collate function that keeps the samples of all batches; those of the last but one are real."""

    def __init__(self):
        self.kept = []

    def __call__(self, samples):
        for older in self.kept[:-1]:
            real(older)
        self.kept.append(samples)
        return torch.stack(samples)


class Plain(Dataset):
    """One that keeps nothing."""

    def __init__(self, make=lambda index: F.to_tensor(small(index)), count=12):
        self.make, self.count = make, count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return self.make(index)


def test_samples_that_a_collate_function_keeps():
    torch.manual_seed(0)
    theirs = [list(torch.utils.data.DataLoader(Plain(), 3, collate_fn=torch.stack)) for _ in range(2)]
    loader = penstock.DataLoader(Plain(), 3, collate_fn=Lists(), num_workers=1, persistent_workers=True)
    assert_same([list(loader) for _ in range(2)], theirs)


@pytest.mark.parametrize("batch_size", [3, None])
@pytest.mark.parametrize("workers", [1, 2])
def test_what_goes_with_its_batch_is_not_made_in_the_worker(batch_size, workers):
    loader = both(Plain, batch_size=batch_size, num_workers=workers)
    stats = penstock.stats(loader)
    assert (stats.handed_over, stats.touched, stats.by_library) == (36, 0, 0)


class Shuffled(IterableDataset):
    """A buffer, out of which samples come in another order."""

    def __iter__(self):
        buffer = []
        for index in range(14):
            image = small(index)
            buffer.append((F.to_tensor(image), index))
            if len(buffer) > 5:
                yield buffer.pop(index % 5)
        yield from buffer


@pytest.mark.parametrize("batch_size", [3, None])
def test_a_shuffle_buffer_is_left_until_it_is_used(batch_size):
    loader = both(Shuffled, epochs=2, batch_size=batch_size, num_workers=1)
    stats = penstock.stats(loader)
    assert stats.handed_over == stats.images == 28


class Failing(Plain):
    def __getitem__(self, index):
        tensor = super().__getitem__(index)
        if index == 4:
            raise KeyError(index)
        return tensor, (lambda: index) if index == 8 else index


def test_a_batch_that_cannot_be_pickled_is_an_error_and_the_next_ones_come():
    iterator = iter(penstock.DataLoader(Failing(), 3, num_workers=1, collate_fn=list))
    assert len(next(iterator)) == 3
    with pytest.raises(KeyError, match="4"):
        next(iterator)
    with pytest.raises(Exception, match="pickle"):
        next(iterator)
    assert [index for _, index in next(iterator)] == [9, 10, 11]


def test_spawned_workers():
    loader = both(lambda: Cached(small, _flip_by_index), epochs=2, batch_size=3, num_workers=1,
                  multiprocessing_context="spawn", persistent_workers=True)  # fmt: skip
    # The worker writes the files, too, and images of arrays for that.
    assert penstock.stats(loader).by_pillow["kept after its batch"] == len(NATIVE)
