"""The verdict follows what was done to the loop: each intervention has a sentence of its own, and advice that helps.

What a test slows down sleeps for several times as long as all else takes, so that a busy machine changes no sentence.
"""

import dataclasses
import time
from pathlib import Path

import pytest
import torch
from PIL import Image
from support.files import encode, photo
from torch.utils.data import Dataset, get_worker_info
from torchvision import transforms as v1
from torchvision.datasets import ImageFolder

import penstock
from penstock import verdict
from penstock.lowering import gather
from penstock.lowering.readers import FileReader

DRAWING = v1.Compose([v1.RandomCrop(24), v1.ToTensor()])


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("images")
    (path / "a").mkdir()
    for k in range(32):
        (path / "a" / f"{k:02}.jpg").write_bytes(encode(photo(40, 50, seed=k)))
    return path


@pytest.fixture(autouse=True)
def _cores(monkeypatch):
    monkeypatch.setattr("penstock.counters.cores", lambda: 2)


class Slow(Dataset):
    """Somebody's own data set, some workers of which have much to do for each sample."""

    def __init__(self, root, seconds=0.0, worker=None):
        self.paths, self.seconds, self.worker = sorted(Path(root).rglob("*.jpg")), seconds, worker

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        info = get_worker_info()
        if self.worker is None or (info is not None and info.id == self.worker):
            time.sleep(self.seconds)
        with Image.open(self.paths[index]) as image:
            return DRAWING(image.convert("RGB"))


def after(loader, seconds=0.0, epochs=1):
    """Return what is told of a loop that takes so long for each batch."""
    for _ in range(epochs):
        for _ in loader:
            time.sleep(seconds)
    return penstock.stats(loader)


@pytest.mark.parametrize("kind", [ImageFolder, Slow])
def test_a_slow_loop(root, kind):
    dataset = ImageFolder(root, DRAWING) if kind is ImageFolder else Slow(root)
    loader = penstock.DataLoader(dataset, 4, num_workers=2, persistent_workers=True)
    after(loader)  # the workers have started
    begun = penstock.stats(loader)
    told = after(loader, 0.4, epochs=2)
    assert told.asked - begun.asked == 16
    assert told.ready - begun.ready >= 10
    seconds = {stage: each - begun.seconds[stage] for stage, each in told.seconds.items()}
    since = dataclasses.replace(told, seconds=seconds)
    assert since.verdict.startswith("not loader-bound: ")
    assert since.verdict.endswith("what the loop does with them takes the time")


def test_slow_files(root, monkeypatch):
    loader = penstock.DataLoader(ImageFolder(root, DRAWING), 4, num_workers=1, prefetch_factor=1)
    finish = gather.Gathering.finish

    def waits(self):
        time.sleep(0.2)
        return finish(self)

    monkeypatch.setattr(gather.Gathering, "ready", lambda _: False)
    monkeypatch.setattr(gather.Gathering, "finish", waits)
    told = after(loader)
    assert "for files to be read" in told.verdict
    assert told.verdict.endswith("a faster disk, or the files nearer by, would help, more workers would not")
    assert told.waited["files"] > 1.5


def test_slow_python_of_all_workers(root):
    told = after(penstock.DataLoader(Slow(root, 0.05), 4, num_workers=1, prefetch_factor=1))
    assert told.way == "recorded"
    assert "for the Python of 1 worker; num_workers=2 would help, as there are 2 cores" in told.verdict
    more = after(penstock.DataLoader(Slow(root, 0.05), 4, num_workers=2))
    assert "for the Python of 2 workers; more workers would help if that waits" in more.verdict
    assert more.seconds["waiting"] < told.seconds["waiting"], "the advice was good"


def test_slow_python_of_one_worker(root):
    told = after(penstock.DataLoader(Slow(root, 0.25, worker=1), 4, num_workers=2))
    assert "of which worker 1 of 2 took" in told.verdict
    assert told.worker_seconds[1] > 3 * told.worker_seconds[0]


def test_no_workers(root):
    recorded = after(penstock.DataLoader(Slow(root, 0.02), 4))
    assert "the data set's code runs where the batch is asked for: num_workers=2 would help" in recorded.verdict
    large = v1.Compose([v1.Resize(500), v1.ToTensor()])
    lowered = after(penstock.DataLoader(ImageFolder(root, large), 8), epochs=2)
    assert lowered.verdict.endswith("nothing is made before it is asked for: num_workers=2 would help")
    assert lowered.ready == 0


def test_few_threads(root, monkeypatch):
    large = v1.Compose([v1.Resize(700), v1.ToTensor()])
    folder = ImageFolder(root, large)
    one = after(penstock.DataLoader(folder, 8, num_workers=1), epochs=2)
    assert one.threads == 1
    assert "num_workers=2 would help, as there are 2 cores" in one.verdict
    two = after(penstock.DataLoader(folder, 8, num_workers=2), epochs=2)
    assert two.threads == 2
    assert two.verdict.endswith("more cores would help, more workers would not")
    assert "of 2 threads busy" in two.verdict
    assert 0.0 < two.busy_share <= 1.0


@pytest.mark.parametrize("read", [False, True])
def test_files_that_pillow_opens(tmp_path, monkeypatch, read):
    """Whether they are opened in `next()`, or already in `iter()`, by which time the files have been read."""
    opens = FileReader.open
    monkeypatch.setattr(gather.Gathering, "ready", lambda _: read)

    def slowly(self, where):
        time.sleep(0.2)
        return opens(self, where)

    monkeypatch.setattr(FileReader, "open", slowly)
    (tmp_path / "a").mkdir()
    for k in range(12):
        options = {"mode": "CMYK"} if k % 3 == 1 else {}
        (tmp_path / "a" / f"{k:02}.jpg").write_bytes(encode(photo(90, 90, seed=k), **options))
    told = after(penstock.DataLoader(ImageFolder(tmp_path, DRAWING), 6, num_workers=2))
    assert told.way == "lowered"
    assert "for 4 images that Pillow opened (unsupported number of components)" in told.verdict


def test_what_was_waited_for_is_all_of_the_waiting(root):
    for dataset in (ImageFolder(root, DRAWING), Slow(root)):
        for workers in (0, 2):
            told = after(penstock.DataLoader(dataset, 4, num_workers=workers))
            assert set(told.waited) == {"files", "threads", "library", "workers", "python"}
            assert sum(told.waited.values()) == pytest.approx(told.seconds["waiting"], rel=0.2)
            assert told.verdict in str(told)


@pytest.mark.parametrize(
    ("cpu", "workers", "cores", "advice"),
    [
        (1.9, 2, 2, "more cores would help, more workers would not"),
        (1.0, 0, 8, "num_workers=8 would make batches side by side"),
        (3.9, 4, 16, "more workers would help"),
        (0.5, 4, 16, "it waits for files or for one of the workers, and more workers may help"),
    ],
)
def test_torchs_loader(cpu, workers, cores, advice):
    told = verdict.sentence_of_torchs(cpu, 1.0, workers, cores)
    assert told.startswith(f"loader-bound: {cpu:.1f} of {cores} cores busy")
    assert told.endswith(advice)
    assert verdict.sentence_of_torchs(None, 1.0, workers, cores) == "loader-bound"


def test_threads_have_names(root):
    loader = penstock.DataLoader(ImageFolder(root, DRAWING), 4, num_workers=2)
    list(loader)
    names = {path.read_text().strip() for path in Path("/proc/self/task").glob("*/comm")}
    assert {"penstock-0", "penstock-1"} <= names
    assert torch.utils.data.get_worker_info() is None
