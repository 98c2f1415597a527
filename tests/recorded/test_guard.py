"""A loader goes over to the library where that takes less processor time for the same steps of the same images."""

import copy

import numpy as np
import pytest
from PIL import Image, ImageFilter
from support.compare import assert_same
from support.sides import folder
from torch.utils.data import DataLoader as TorchLoader
from torch.utils.data import Dataset
from torchvision.transforms import functional as F

import penstock
from penstock.recording import guard
from penstock.recording.guard import Guard, Watch, compare
from penstock.recording.hooks import recording
from penstock.recording.recorder import Recorder

FILES = ("plain", "gray", "progressive", "subsampled")


class Touching(Dataset):
    """One that touches all of its images but one in `every`."""

    def __init__(self, every=0, count=80):
        self.every, self.count = every, count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        image = Image.open(folder() / f"{FILES[index % len(FILES)]}.jpg").convert("RGB").resize((20, 16))
        if not self.every or index % self.every:
            image = image.filter(ImageFilter.MedianFilter())
        return F.to_tensor(image)


@pytest.fixture
def seconds(monkeypatch):
    """What every comparison is to find, in place of a clock's."""
    found = [1e-3, 2e-3]
    monkeypatch.setattr(guard, "compare", lambda source, looked: tuple(found) if source.log else None)
    monkeypatch.setattr(guard, "_ONE_IN", 1)
    return found


@pytest.mark.parametrize("options", [{}, {"num_workers": 2}, {"num_workers": 1, "persistent_workers": True}], ids=str)
@pytest.mark.parametrize("every", [0, 5])
def test_a_loader_that_is_slower_goes_over_to_the_library(options, every, seconds):
    seconds[:] = 2e-3, 1e-3
    loader, theirs = penstock.DataLoader(Touching(every), 8, **options), TorchLoader(Touching(every), 8)
    for _ in range(2):
        assert_same([*loader], [*theirs])
    stats = penstock.stats(loader)
    # What handing the batch over took is added.
    assert 2e-3 <= stats.our_seconds < 4e-3
    assert stats.library_seconds == 1e-3
    assert stats.decision.startswith("went over to the library after ")
    # Persistent workers record no more, but are the same ones, with what they have in memory.
    assert stats.way == ("recorded" if "persistent_workers" in options else "torch")
    assert 16 <= int(stats.decision.split()[-2]) <= 80
    assert stats.images < 80
    assert "went over to the library" in str(stats)
    assert_same([*loader], [*theirs])
    assert penstock.stats(loader).images == stats.images


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_that_is_quicker_records(workers, seconds):
    loader = penstock.DataLoader(Touching(5), 8, num_workers=workers)
    for _ in range(2):
        assert_same([*loader], [*TorchLoader(Touching(5), 8)])
    stats = penstock.stats(loader)
    assert (stats.way, stats.decision, stats.images) == ("recorded", "records", 160)
    assert 1e-3 <= stats.our_seconds < 2e-3
    assert stats.library_seconds == 2e-3
    assert f"{stats.our_seconds * 1e3:.2f} ms, by the library 2.00 ms" in str(stats)


def test_nothing_is_compared_where_nothing_is_touched(seconds):
    class Untouched(Touching):
        def __getitem__(self, index):
            return F.to_tensor(Image.open(folder() / "plain.jpg").convert("RGB").resize((20, 16)))

    loader = penstock.DataLoader(Untouched(), 8, num_workers=1)
    assert len([*loader]) == 10
    stats = penstock.stats(loader)
    assert (stats.our_seconds, stats.library_seconds, stats.decision) == (None, None, "records")


def test_it_takes_some_pairs_and_their_sum_decides():
    found = Guard()
    for number in range(15):
        found.add(4, [(2.0, 1.0)], 4)
        assert found.gave_up is None, number
    found.add(4, [(1.0, 20.0)], 4)
    assert (found.gave_up, found.medians, found.decision) == (None, (2.0, 1.0), "records")
    found.add(4, [(9.0, 1.0)], 4)
    assert found.gave_up == 68
    found.add(4, [(1.0, 100.0)], 4)
    assert found.gave_up == 68
    assert copy.deepcopy(found) == found


def test_one_pair_that_was_disturbed_does_not_outweigh_a_few():
    found = Guard()
    for _ in range(63):
        found.add(1, [(1.0, 2.0)], 1)
    found.add(1, [(30.0, 2.0)], 1)
    assert found.gave_up is None
    few = Guard()
    few.add(16, [(30.0, 2.0), *[(1.0, 2.0)] * 15], 16)
    assert few.gave_up is None
    # Many of them are not disturbed: there, half of the images take ten times as long.
    few.add(48, [(1.0, 2.0), (20.0, 2.0)] * 24, 48)
    assert few.gave_up == 64


def test_what_handing_over_takes_is_ours():
    assert guard.with_handling([(1.0, 2.0), (3.0, 4.0)], 1.0, 4) == [(1.25, 2.0), (3.25, 4.0)]
    assert guard.with_handling([], 1.0, 0) == []


def test_a_loader_remembers_that_files_have_several_views():
    found = Guard()
    found.saw(3, 3)
    assert not found.has_views
    found.saw(1, 0)
    assert found.has_views
    found.saw(500, 0)
    assert not found.has_views
    assert found.made <= 64
    assert copy.deepcopy(found) == found


class Both(Dataset):
    """Two views of each image, one of which is touched, or both."""

    def __len__(self):
        return 24

    def __getitem__(self, index):
        image = Image.open(folder() / f"{FILES[index % len(FILES)]}.jpg").convert("RGB")
        first, second = image.crop((0, 0, 20, 20)), image.crop((5, 5, 25, 25))
        if index % 6:
            first = first.filter(ImageFilter.MedianFilter())
        return F.to_tensor(first), F.to_tensor(second.filter(ImageFilter.MedianFilter()))


@pytest.mark.parametrize("workers", [1, 2])
def test_few_views_beside_touched_ones_are_made_where_they_were_decoded(workers):
    loader = penstock.DataLoader(Both(), 12, num_workers=workers)
    for _ in range(2):
        assert_same([*loader], [*TorchLoader(Both(), 12)])
    stats = penstock.stats(loader)
    assert (stats.decoded, stats.touched, stats.by_library) == (0, 48, 0)


CLOSE, CLEAR = (0.005, 0.005), (0.002, 0.008)


@pytest.mark.parametrize(
    ("pairs", "found", "soon"),
    [([], CLOSE, 8), ([], CLEAR, 3), ([CLOSE] * 16, CLOSE, 0), ([CLEAR] * 3, CLOSE, 0)],
    ids=["nothing, close", "nothing, clear", "enough", "clear"],
)
def test_what_is_watched_takes_a_small_share_of_the_time(monkeypatch, pairs, found, soon):
    monkeypatch.setattr(guard, "_ONE_IN", 1)
    clock = [0.0]
    monkeypatch.setattr(guard.time, "thread_time", lambda: clock[0])
    known = Guard(touched=True)
    known.pairs.extend(pairs)
    watch = Watch(known)

    def comparing(source, looked):
        clock[0] += sum(found)
        return found

    monkeypatch.setattr(guard, "compare", comparing)
    compared = 0
    for number in range(1000):
        if number == 10:
            assert compared == soon
        source = type("Source", (), {"log": None, "is_given": False})()
        watch.opened(source)
        if source.log is not None:
            source.log.append(None)
        known.pairs.extend(pairs := watch.pairs())
        compared += len(pairs)
        clock[0] += 0.01
    assert soon < compared <= 0.02 * clock[0] / 0.01 + 1


def test_a_batch_is_not_watched_as_a_whole_before_anything_is_known(monkeypatch):
    monkeypatch.setattr(guard, "_ONE_IN", 1)
    watch = Watch(Guard(touched=True))
    sources = [type("Source", (), {"log": None, "is_given": False})() for _ in range(32)]
    for source in sources:
        watch.opened(source)
    assert sum(source.log is not None for source in sources) == 3


def test_both_sides_do_the_same_steps():
    recorder = Recorder(guard=Guard(touched=True))
    with recording(recorder):
        recorder._watch.opened = lambda source: setattr(source, "log", [])
        image = Image.open(folder() / "plain.jpg")
        source = image._trace.source
        view = image.convert("RGB").crop((3, 3, 23, 23)).resize((8, 8))
        np.array(view)
        F.to_tensor(view).mean()
        F.normalize(F.to_tensor(view.transpose(Image.Transpose.FLIP_LEFT_RIGHT)), [0.5], [0.5])
    assert [len(trace.steps) for trace, _, _ in source.log] == [2, 2]
    assert [chain is None for _, chain, _ in source.log] == [True, False]
    ours, theirs = compare(source, looked=False)
    assert ours > source.outcome.spent > 0
    assert theirs > 0
    more, _ = compare(source, looked=True)
    assert more >= source.outcome.looked > 0


def test_a_file_that_is_gone_is_not_compared(tmp_path):
    recorder = Recorder(guard=Guard(touched=True))
    with recording(recorder):
        image = Image.open(folder() / "plain.jpg").convert("RGB")
        source = image._trace.source
        source.log = [(image._trace, None, None)]
        source.file, source.content, source.path = None, None, str(tmp_path / "gone.jpg")
    assert compare(source, looked=False) is None
