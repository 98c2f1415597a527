"""What workers learn of files: each file is looked through once, whichever process opens it later."""

import os

import numpy as np
import pytest
import torch
from PIL import Image
from support.files import encode, photo
from support.sides import age
from torchvision import transforms as T

import penstock
from penstock import _native

FILES = 20
TRANSFORM = T.Compose([T.RandomResizedCrop(24, scale=(0.1, 0.6)), T.RandomHorizontalFlip()])
# For each, the files' format, the number of epochs, and the loader's options; starting a worker anew takes seconds.
WAYS = {
    "forked": ("JPEG", 3, {"num_workers": 2}),
    "forked, PNG": ("PNG", 2, {"num_workers": 2}),
    "forked, persistent": ("JPEG", 3, {"num_workers": 2, "persistent_workers": True}),
    "spawned": ("JPEG", 2, {"num_workers": 1, "multiprocessing_context": "spawn"}),
}


@pytest.fixture(autouse=True)
def _recording(monkeypatch):
    monkeypatch.setenv("PENSTOCK_RECORD", "1")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A folder of files for each way, that no other test has seen, and nobody has changed just now."""
    root = tmp_path_factory.mktemp("files")
    for way, (kind, _, _) in WAYS.items():
        (root / way).mkdir()
        for number in range(FILES):
            salt = int.from_bytes(os.urandom(4), "little")
            (root / way / f"{number:02}").write_bytes(encode(photo(90 + number, 310, seed=salt), kind))
    age(root / way)
    return root


class Touched(torch.utils.data.Dataset):
    """Samples that tell how many files their process has looked through by then."""

    def __init__(self, folder):
        self.paths = sorted(map(str, folder.iterdir()))

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        value = np.array(TRANSFORM(Image.open(self.paths[index])))
        return value, os.getpid(), torch.tensor(_native.first_sights())


def run(loader, epochs, inherited=0):
    """All values, and how many files were looked through, and stepped through for their parts, in each epoch.

    Args:
        loader: Of samples as above.
        epochs: How many.
        inherited: What processes count that have not looked at anything.
    """
    torch.manual_seed(5)
    values, found, before = [], [], {}
    for _ in range(epochs):
        now = dict(before)
        for value, processes, counts in loader:
            values.append(value)
            now.update(zip(processes.tolist(), counts, strict=True))
        seen = [count - before.get(process, inherited) for process, count in now.items()]
        found.append(tuple(sum(seen).tolist()))
        before = now
    return values, found


@pytest.mark.parametrize("way", WAYS)
def test_files_are_looked_through_in_the_first_epoch_only(way, root):
    kind, epochs, options = WAYS[way]
    dataset = Touched(root / way)
    inherited = torch.tensor((0, 0) if way == "spawned" else _native.first_sights())
    ours, found = run(penstock.DataLoader(dataset, 4, shuffle=True, **options), epochs, inherited)
    options = {**options, "multiprocessing_context": "fork"}
    theirs, _ = run(torch.utils.data.DataLoader(dataset, 4, shuffle=True, **options), epochs)
    assert all(map(torch.equal, ours, theirs))
    # Only of JPEGs it is learned where their parts are.
    assert found == [(FILES, FILES if kind == "JPEG" else 0)] + [(0, 0)] * (epochs - 1)
