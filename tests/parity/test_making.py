"""Something of ours fails while an iterator is made: torch's goes on, with nobody's code run twice, and the log says why."""

import pytest
import torch
import torchvision.transforms as v1
from support.both_loaders import write_images
from support.images import dataset_of
from support.record import Walk, assert_parity, failures
from torch.utils.data import DataLoader, Sampler
from torchvision.datasets import ImageFolder

import penstock
import penstock.iterator
import penstock.loader
import penstock.making
import penstock.memory
import penstock.recording.iterators
import penstock.recording.rendering
from penstock import _native
from penstock.counters import Counters
from penstock.generators import Streams
from penstock.iterator import NativeDataLoaderIter
from penstock.lowering import worker_init
from penstock.prepared import Prepared

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*use of fork.. may lead to deadlocks:DeprecationWarning"),
    # torch's iterators whose workers failed are ended by the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

FLIPS = [v1.RandomHorizontalFlip(), v1.RandomVerticalFlip()]
# From torch's generator and from Python's.
DRAWING = v1.Compose([v1.RandomCrop(6, padding=2), v1.RandomChoice(FLIPS), v1.ToTensor()])
# What cannot be read in advance.
OPAQUE = v1.Compose([v1.RandomResizedCrop(8), v1.Lambda(lambda image: image.copy()), v1.ToTensor()])


class Watched(Sampler):
    """Draws from the loader's generator when it is asked for an iterator, and writes down what it is asked for.

    Args:
        generator: What it draws from.
        count: Of samples.
        log: What it writes to.
        fails: The index in whose place it raises.
    """

    def __init__(self, generator, count, log, fails=None):
        self.generator, self.count, self.log, self.fails = generator, count, log, fails

    def __len__(self):
        return self.count

    def __iter__(self):
        self.log.append("iter")
        order = torch.randperm(self.count, generator=self.generator).tolist()
        return map(self.give, order)

    def give(self, index):
        self.log.append(index)
        if index == self.fails:
            raise KeyError("a sampler's")
        return index


def seed(worker_id):
    torch.manual_seed(worker_id + torch.initial_seed() % 1000)


def assert_torchs(walk, dataset=None, fails=None, **options):
    """Fail unless both loaders give the same, and their samplers were asked for the same."""
    logs = []

    def make(cls):
        logs.append([])
        generator = torch.Generator().manual_seed(4)
        data = dataset_of("CIFAR10", 19, 6, 6, transform=DRAWING) if dataset is None else dataset()
        sampler = Watched(generator, len(data), logs[-1], fails)
        if options.get("num_workers"):
            options["multiprocessing_context"] = "fork"
        return cls(data, 3, sampler=sampler, generator=generator, **options)

    found = assert_parity(make, penstock.DataLoader, DataLoader, walk)
    assert logs[0] == logs[1]
    assert "iter" in logs[0]
    return found


def break_(monkeypatch, owner, name, calls=0):
    """Have a function of ours fail, but for the first so many calls."""
    function = getattr(owner, name)
    made = []

    def failing(*arguments, **keywords):
        made.append(None)
        if len(made) > calls:
            raise RuntimeError("a bug of ours")
        return function(*arguments, **keywords)

    is_class_method = isinstance(vars(owner).get(name), classmethod)
    monkeypatch.setattr(owner, name, staticmethod(failing) if is_class_method else failing)


def told(caplog):
    return [
        record.getMessage() for record in caplog.records if record.name == "penstock" and record.levelname != "DEBUG"
    ]


# What an iterator is made of, in the order in which it is used.
PARTS = {
    "lower": (penstock.loader, "lower"),
    "counters": (penstock.loader, "counters_of"),
    "the iterator's counters": (penstock.iterator, "counters_of"),
    "stream": (_native, "JobQueue"),
    "what worker_init_fn leaves": (worker_init, "left_behind", 2),  # it is tried before
    "streams": (Streams, "of"),
    "counters, begin": (Counters, "begin"),
    "gathering": (penstock.iterator, "Gathering"),
    "prepared": (penstock.iterator, "Prepared"),
    "prepare": (Prepared, "prepare"),
    "submit": (Prepared, "submit"),
}


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("part", PARTS)
def test_lowered_over_workers(part, persistent, monkeypatch, caplog):
    break_(monkeypatch, *PARTS[part])
    options = {"num_workers": 2, "persistent_workers": persistent, "worker_init_fn": seed}
    assert_torchs(Walk((2, None)), **options)
    lines = told(caplog)
    assert len(lines) == 1
    assert "RuntimeError: a bug of ours" in lines[0]


@pytest.mark.parametrize("part", ["lower", "counters", "the iterator's counters", "stream"])
def test_lowered_without_workers(part, monkeypatch, caplog):
    break_(monkeypatch, *PARTS[part])
    assert_torchs(Walk((2, None)))
    assert len(told(caplog)) == 1


def other_transform(loader):
    loader.dataset.transform = v1.Compose([v1.RandomCrop(4), v1.ToTensor()])


def test_an_edit_that_cannot_be_looked_into(monkeypatch):
    break_(monkeypatch, penstock.iterator, "lower")
    assert_torchs(Walk((None, None), edit=other_transform))


def test_a_part_that_fails_later(monkeypatch):
    """Some batches are on their way then, with their numbers drawn."""
    break_(monkeypatch, *PARTS["gathering"], calls=3)
    assert_torchs(Walk((2, None)), num_workers=2)


def test_the_counters_fail_for_good(monkeypatch, caplog):
    break_(monkeypatch, penstock.loader, "counters_of")
    break_(monkeypatch, penstock.making, "counters_of")
    assert_torchs(Walk((None,)), num_workers=1)
    assert "a bug of ours" in told(caplog)[0]


# Parts that a persistent iterator uses when it begins another epoch, and how often before.
AGAIN = {
    "finish": (NativeDataLoaderIter, "_finish_pending", 0),
    "positions": (Streams, "torch_state", 2),
    "counters": (Counters, "begin", 1),
    "stream": (_native, "JobQueue", 2),
    "gathering": (penstock.iterator, "Gathering", 7),
    "memory": (penstock.memory, "empty", 9),  # some of the new epoch's numbers are drawn by then
}


@pytest.mark.parametrize("part", AGAIN)
def test_a_persistent_iterator_begins_another_epoch(part, monkeypatch, caplog):
    """torch's workers go on from where the logical ones had come to."""
    break_(monkeypatch, *AGAIN[part])
    assert_torchs(Walk((None, None, 2, None)), num_workers=2, persistent_workers=True, worker_init_fn=seed)
    assert len(told(caplog)) == 1


@pytest.mark.parametrize("part", ["positions", "counters", "stream"])
def test_a_persistent_iterator_that_was_left(part, monkeypatch):
    break_(monkeypatch, *AGAIN[part])
    assert_torchs(Walk((1, None, None)), num_workers=2, persistent_workers=True)


@pytest.mark.parametrize("broken", [False, True])
@pytest.mark.parametrize("persistent", [False, True])
def test_what_a_sampler_raises_is_raised(persistent, broken, monkeypatch):
    if broken:
        break_(monkeypatch, *PARTS["gathering"])
    found = assert_torchs(Walk((None, None)), fails=5, num_workers=2, persistent_workers=persistent)
    assert failures(found) or any(event[0] == "iter" and len(event) == 2 for event in found["events"])


RECORDING = {
    "counters": (penstock.recording.iterators, "counters_of"),
    "start": (penstock.recording.iterators, "Start"),
    "renderer": (penstock.recording.iterators, "Renderer"),
}


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("part", RECORDING)
def test_recorded(part, workers, monkeypatch, caplog, tmp_path):
    write_images(tmp_path)
    break_(monkeypatch, *RECORDING[part])
    assert_torchs(Walk((2, None)), lambda: ImageFolder(tmp_path, OPAQUE), num_workers=workers)
    failed = [line for line in told(caplog) if "RuntimeError: a bug of ours" in line]
    assert len(failed) == (1 if workers or part == "counters" else 0)


def test_stale_batches_of_an_abandoned_epoch_need_not_be_made(monkeypatch, tmp_path):
    write_images(tmp_path)
    begin, resets = penstock.recording.rendering.Rendering.begin, []

    def reset(self, loader, first_iter=False):
        resets.append(True)
        try:
            original(self, loader, first_iter)
        finally:
            resets.pop()

    def failing(self, *arguments, **keywords):
        if resets and self._tickets:  # not in those that say that an epoch begins
            raise RuntimeError("a bug of ours")
        return begin(self, *arguments, **keywords)

    original = penstock.recording.iterators.RecordingIter._reset
    monkeypatch.setattr(penstock.recording.iterators.RecordingIter, "_reset", reset)
    monkeypatch.setattr(penstock.recording.rendering.Rendering, "begin", failing)
    folder = lambda: ImageFolder(tmp_path, OPAQUE)  # noqa: E731
    assert_torchs(Walk((1, None)), folder, num_workers=2, persistent_workers=True)
