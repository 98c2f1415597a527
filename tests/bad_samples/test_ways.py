"""A loader with `on_error` gives the same batches on each way: those that its meaning, told sample by sample, gives."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.bad_samples import (
    WAYS,
    Files,
    Refused,
    Refusing,
    assert_ways,
    remove_missing,
    write_files,
)
from support.cases import cases
from support.files import encode, photo
from torch.utils.data import ConcatDataset, Subset
from torchvision import transforms as v1
from torchvision.datasets import ImageFolder

from penstock.tolerance import policy

DRAWING = v1.Compose([v1.RandomCrop(24, padding=2), v1.RandomHorizontalFlip(), v1.ToTensor()])
COUNT = 24
BAD = {2: "truncated", 3: "text", 9: "missing", 12: "bomb", 13: "empty", 23: "cut header"}


@pytest.fixture(autouse=True)
def _no_limit(monkeypatch):
    """Small data sets have a large share of bad samples at once."""
    monkeypatch.setattr(policy, "_ENOUGH", 10**6)


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return write_files(tmp_path_factory.mktemp("bad") / "images", COUNT, BAD)


def folder_of(paths, bad, transform=DRAWING, **options):
    """Return a data set that has seen files which are missing when it opens them."""
    for path in paths:
        Path(path).open("ab").close()
    found = ImageFolder(str(Path(paths[0]).parent.parent), transform, **options)
    remove_missing(paths, bad)
    return found


@pytest.fixture
def folder(paths):
    return folder_of(paths, BAD)


@pytest.mark.parametrize("workers", [0, 1, 2])
@pytest.mark.parametrize("on_error", ["replace", "skip"])
def test_folders(folder, paths, on_error, workers):
    bad = assert_ways(folder, on_error, batch_size=5, shuffle=True, num_workers=workers)
    assert {sample.index for sample in bad} == BAD.keys()
    assert all(sample.path == paths[sample.index] for sample in bad)
    kinds = {sample.reason.split(": ")[0] for sample in bad}
    assert kinds == {"OSError", "FileNotFoundError", "UnidentifiedImageError", "DecompressionBombError"}


@pytest.mark.parametrize("on_error", ["replace", "skip"])
def test_workers_that_stay(tmp_path, on_error):
    bad = {1: "truncated", 4: "text", 5: "truncated"}
    folder = folder_of(write_files(tmp_path / "images", 11, bad), bad)
    options = {"batch_size": 2, "shuffle": True, "num_workers": 2, "persistent_workers": True}
    assert_ways(folder, on_error, epochs=3, **options)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("on_error", ["replace", "skip"])
def test_a_data_set_of_ones_own(paths, on_error, workers):
    dataset = Files(paths, DRAWING)
    bad = assert_ways(dataset, on_error, ("recorded", "torch"), batch_size=4, shuffle=True, num_workers=workers)
    assert {sample.index for sample in bad} == BAD.keys()
    assert all(sample.path == paths[sample.index] for sample in bad)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("on_error", ["replace", "skip"])
def test_a_data_set_that_is_asked_for_batches(paths, on_error, workers):
    dataset = Files(paths, DRAWING, in_bulk=True)
    assert_ways(dataset, on_error, ("recorded", "torch"), batch_size=4, shuffle=True, num_workers=workers)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("on_error", ["replace", "skip"])
@pytest.mark.parametrize("kind", ["subset", "joined"])
def test_parts_and_joined_data_sets(paths, folder, on_error, workers, kind):
    order = [*range(23, 0, -2), 2, 2, 12]
    dataset = Subset(folder, order) if kind == "subset" else ConcatDataset([Subset(folder, order), folder])
    ways = ("lowered", "torch") if workers else WAYS
    bad = assert_ways(dataset, on_error, ways, epochs=1, batch_size=5, num_workers=workers)
    assert bad[0].index == 0, "the index is the loader's own data set's"
    assert bad[0].path == paths[23]


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_of_a_sampler(folder, workers):
    batches = [[0, 1, 2], [3], [9, 12, 13], [4, 5], [23], [-2, -1], [torch.tensor(7), np.int64(3)]]
    for on_error in ("replace", "skip"):
        assert_ways(folder, on_error, batch_sampler=batches, num_workers=workers)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("on_error", ["replace", "skip"])
def test_samples_that_are_not_batched(folder, on_error, workers):
    ways = ("recorded", "torch")
    assert_ways(folder, on_error, ways, epochs=1, batch_size=None, shuffle=True, num_workers=workers)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("on_error", ["replace", "skip"])
def test_errors_of_a_data_set_s_own(on_error, workers):
    dataset = Refusing(20, {0, 4, 5, 19})
    bad = assert_ways(
        dataset, on_error, ("recorded", "torch"), types=Refused, batch_size=3, shuffle=True, num_workers=workers
    )
    assert {(sample.path, sample.reason) for sample in bad} == {
        (None, f"Refused: number {k} is bad") for k in (0, 4, 5, 19)
    }


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("on_error", ["replace", "skip"])
def test_images_that_a_transform_refuses(tmp_path, on_error, workers):
    """Whether it does depends on numbers, which depend on files that show their damage late."""
    bad = {3: "truncated", 10: "truncated"}
    paths = write_files(tmp_path / "images", 16, bad)
    steps = v1.RandomRotation(3, expand=True), v1.RandomCrop(43), v1.ToTensor()
    folder = folder_of(paths, bad, v1.Compose(steps))
    options = {"batch_size": 4, "shuffle": True, "num_workers": workers}
    met = [assert_ways(folder, on_error, types=ValueError, seed=seed, **options) for seed in range(4)]
    assert any("ValueError" in sample.reason for bad in met for sample in bad)


@pytest.mark.parametrize("workers", [0, 2])
def test_targets_that_are_refused(folder, workers):
    folder.samples = [(path, k) for k, (path, _) in enumerate(folder.samples)]
    folder.target_transform = [*range(100, 118)].__getitem__
    for on_error in ("replace", "skip"):
        bad = assert_ways(folder, on_error, types=IndexError, batch_size=5, num_workers=workers)
        assert any("IndexError" in sample.reason for sample in bad)


class _Told:
    """A worker_init_fn that looks for its data set where torch says it is."""

    def __init__(self, kind):
        self.kind = kind

    def __call__(self, worker):
        assert type(torch.utils.data.get_worker_info().dataset) is self.kind


def test_workers_find_the_users_data_set(paths):
    dataset = Files(paths, DRAWING)
    for way in ("recorded", "torch"):
        assert_ways(dataset, "replace", (way,), epochs=1, num_workers=1, batch_size=4, worker_init_fn=_Told(Files))


def test_workers_that_are_started_anew(paths):
    dataset = Files(paths, DRAWING)
    options = {"batch_sampler": [[0, 2], [3], [4]], "num_workers": 1, "multiprocessing_context": "spawn"}
    assert_ways(dataset, "skip", ("recorded",), epochs=1, **options)


@cases(25)
@given(
    bad=st.dictionaries(st.integers(0, 13), st.sampled_from(["truncated", "text", "empty", "cut header"]), max_size=4),
    on_error=st.sampled_from(["replace", "skip"]),
    size=st.integers(1, 6),
    seed=st.integers(0, 99),
    workers=st.sampled_from([0, 1, 2]),
    drop_last=st.booleans(),
)
def test_generated(tmp_path_factory, bad, on_error, size, seed, workers, drop_last):
    paths = write_files(tmp_path_factory.mktemp("generated") / "images", 14, bad)
    folder = folder_of(paths, bad)
    # Processes are started by the other tests.
    ways = ("lowered",) if workers else WAYS
    options = {"batch_size": size, "shuffle": True, "num_workers": workers, "drop_last": drop_last}
    assert_ways(folder, on_error, ways, epochs=1, seed=seed, **options)


def broken(whole):
    """Versions of a file that were cut, or have a bit that is wrong; a few of them are none that fail."""
    rng = np.random.default_rng(len(whole))
    for length in range(0, len(whole), len(whole) // 12):
        yield whole[:length]
    for _ in range(24):
        place = int(rng.integers(2, len(whole)))
        yield whole[:place] + bytes([whole[place] ^ (1 << int(rng.integers(8)))]) + whole[place + 1 :]


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("on_error", ["replace", "skip"])
def test_a_file_that_is_bad_in_one_way_is_bad_in_all(tmp_path, on_error, workers):
    """What fails late, when pixels are made, fails as what is opened and loaded at once does."""
    (tmp_path / "a").mkdir()
    kinds = ({"quality": 60}, {"progressive": True}, {"kind": "PNG"})
    contents = [each for options in kinds for each in broken(encode(photo(40, 50), **options))]
    for k, content in enumerate(contents):
        # Files that load, between them: never ten bad ones in a row, and most files are natively decoded.
        for number, data in enumerate((content, encode(photo(40, 50, seed=k)), encode(photo(41, 51, seed=k)))):
            (tmp_path / "a" / f"{k:03}-{number}.jpg").write_bytes(data)
    folder = ImageFolder(tmp_path, DRAWING)
    bad = assert_ways(folder, on_error, epochs=1, batch_size=16, shuffle=True, num_workers=workers)
    assert 30 < len(bad) < len(contents)
