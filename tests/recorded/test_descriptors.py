"""Processes that may have few files open: nothing fails that would not fail with torch's loader."""

import os
import subprocess
import sys

import pytest
from support.files import encode, photo
from support.sides import age

PROGRAM = """
import os
import resource
import sys

import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import datasets
from torchvision import transforms as T

import penstock

FOLDER, LIMIT, WHAT = sys.argv[1], int(sys.argv[2]), sys.argv[3]
TRANSFORM = T.Compose([T.Resize((20, 20)), T.ToTensor()])
PATHS = sorted(entry.path for entry in os.scandir(FOLDER + "/a"))


def limit_to(descriptors):
    resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))


def leave(descriptors):
    '''Take all descriptors but so many.'''
    taken = []
    try:
        while True:
            taken.append(os.open("/dev/null", os.O_RDONLY))
    except OSError:
        for descriptor in taken[len(taken) - descriptors:]:
            os.close(descriptor)


class Own(Dataset):
    '''Opens images, of which a batch holds more than there are descriptors.'''

    def __init__(self, lowers_at=None, unloaded=False):
        self.lowers_at, self.unloaded = lowers_at, unloaded

    def __len__(self):
        return len(PATHS)

    def __getitem__(self, index):
        if index == self.lowers_at:
            limit_to(48)
        if self.unloaded:
            with Image.open(PATHS[index]) as image:
                return len(image.info), *image.size
        return TRANSFORM(Image.open(PATHS[index]).convert("RGB")), index


def batches(kind, dataset, epochs=1, **options):
    torch.manual_seed(0)
    loader = kind(dataset, **options)
    return [[value.clone() for value in batch] for _ in range(epochs) for batch in loader], loader


def check(dataset, way="recorded", **options):
    ours, loader = batches(penstock.DataLoader, dataset, **options)
    theirs, _ = batches(DataLoader, dataset, **options)
    assert len(ours) == len(theirs) > 0
    for left, right in zip(ours, theirs, strict=True):
        assert all(map(torch.equal, left, right))
    assert penstock.stats(loader).way == way, penstock.stats(loader)
    return penstock.stats(loader)


def main():
    limit_to(LIMIT)
    if WHAT == "workers":
        for workers in (0, 1, 2):
            stats = check(Own(), batch_size=len(PATHS), num_workers=workers)
            assert not stats.by_pillow, stats.by_pillow
        check(Own(), batch_size=150, num_workers=2, epochs=2, persistent_workers=True)
        check(Own(unloaded=True), batch_size=150)
    elif WHAT == "spawn":
        check(Own(), batch_size=150, num_workers=2, multiprocessing_context="spawn")
    elif WHAT == "taken":
        limit_to(1024)
        check(Own(lowers_at=100), batch_size=150)
        limit_to(LIMIT)
        leave(2)
        check(Own(), batch_size=150)
        check(Own(unloaded=True), batch_size=150)
        check(datasets.ImageFolder(FOLDER, TRANSFORM), way="lowered", batch_size=60)


if __name__ == "__main__":
    main()
"""


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The program and a folder of files that nobody has changed just now."""
    root = tmp_path_factory.mktemp("files")
    (root / "a").mkdir()
    for number in range(300):
        (root / "a" / f"{number:03}.jpg").write_bytes(encode(photo(24 + number % 5, 30, seed=number)))
    (root / "program.py").write_text(PROGRAM)
    age(root / "a")
    return root / "program.py"


@pytest.mark.parametrize(
    ("limit", "what"),
    [(64, "workers"), (256, "workers"), (128, "spawn"), (128, "taken")],
)
def test_few_descriptors(limit, what, program):
    done = subprocess.run(
        [sys.executable, str(program), str(program.parent), str(limit), what],
        check=False,
        env={**os.environ, "PENSTOCK_RECORD": "1"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
