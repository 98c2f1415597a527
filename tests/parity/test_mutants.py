"""Files that were tampered with: where penstock gives pixels they are Pillow's, and what Pillow raises is raised."""

import contextlib
import os
import random
import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import torchvision.transforms as v1
from support import mutation, versus_pillow
from support.cases import budget
from support.record import Walk, assert_parity, batches, failures, more_workers_than_cores
from support.workers import ReferenceLoader
from torchvision import datasets as tv

import penstock

RESIZED = v1.Compose([v1.RandomResizedCrop(12), v1.RandomHorizontalFlip(), v1.ToTensor()])


def test_mutants_decode_as_pillow_decodes_them(request, tmp_path):
    """`scripts/mutants.py` compares as many more as one likes."""
    count = request.config.getoption("--cases") or (5_000 if request.config.getoption("--slow") else budget(5_000))
    seed = 0 if request.config.getoption("--cases") is None else random.randrange(2**30)
    found = versus_pillow.run(count, seed, tmp_path / "different")
    assert found["different"] == 0, (tmp_path / "different" / "differences.txt").read_text()
    assert found["equal"] > count // 10
    assert found["given up"] > count // 10
    assert found["given up, Pillow raises"] > count // 10
    assert found["by a loader alone"] > count // 20


def _mutants(rng):
    while True:
        yield mutation.mutant(rng)


def _is_silent(file):
    """Whether Pillow warns of nothing; where it does, a worker's warning is not seen."""
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with contextlib.suppress(Exception):
            mutation.pillow(file)
    return not warned


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Mutants among sound files, most of which are native."""
    root = tmp_path_factory.mktemp("mutants")
    rng = random.Random(7)
    for k in range(160):
        (root / "ab"[k % 2]).mkdir(exist_ok=True)
        file = rng.choice(mutation.originals()) if k % 4 else next(filter(_is_silent, _mutants(rng)))
        (root / "ab"[k % 2] / f"{k}.jpg").write_bytes(file)
    return root


@pytest.mark.parametrize("workers", [0, 2])
def test_a_loader_of_mutants(workers, folder):
    """Twice: what is known of a file after its first epoch changes nothing."""
    dataset = tv.ImageFolder(folder, RESIZED)

    def make(cls):
        return cls(dataset, 2, shuffle=True, num_workers=workers, persistent_workers=workers > 0)

    with more_workers_than_cores():
        assert penstock.explain(make(penstock.DataLoader)).native
    found = assert_parity(make, penstock.DataLoader, ReferenceLoader, Walk((None, None)), seed=5)
    assert len(failures(found)) > 20
    assert len(batches(found)) > 80


DAMAGED_IN_PLACE = """
import os, sys
from pathlib import Path

import torch
import torchvision.transforms as v1
from support.files import encode, photo
from support.record import Walk, assert_parity, failures
from support.workers import ReferenceLoader
from torchvision import datasets as tv

import penstock

workers, root = int(sys.argv[1]), Path(sys.argv[2])
torch.set_num_threads(1)
files = [root / "a" / f"{k}.jpg" for k in range(9)]
sound = [encode(photo(90, 70, seed=k), progressive=k == 4, restart_marker_rows=k % 2) for k in range(9)]


def restore():
    for path, content in zip(files, sound):
        path.write_bytes(content)
        os.utime(path, ns=(10**18, 10**18))


def damage(loader):
    for k in (1, 4, 6):
        edited = bytearray(sound[k])
        edited[len(edited) * 4 // 5 :] = bytes(len(edited) - len(edited) * 4 // 5)
        files[k].write_bytes(edited)
        os.utime(files[k], ns=(10**18, 10**18))


class Twice:
    '''A loader whose files are spoilt between its epochs.'''

    def __init__(self, loader):
        self.loader, self.epochs = loader, 0
        self.generator, self.sampler = loader.generator, loader.sampler

    def __iter__(self):
        if self.epochs:
            damage(self.loader)
        self.epochs += 1
        return iter(self.loader)


def make(cls):
    restore()
    options = {"num_workers": workers, "persistent_workers": True, "prefetch_factor": 1} if workers else {}
    return Twice(cls(dataset, 2, **options))


restore()
# Seen is the middle, damaged the lower end.
dataset = tv.ImageFolder(str(root), v1.Compose([v1.CenterCrop(16), v1.ToTensor()]))
assert penstock.explain(penstock.DataLoader(dataset, 2)).native
found = assert_parity(make, penstock.DataLoader, ReferenceLoader, Walk((None, None)))
assert len(failures(found)) == 3, failures(found)
"""


@pytest.mark.parametrize("workers", [0, 2])
def test_damage_in_place_is_found_if_everything_is_verified(workers, tmp_path):
    """Size and time of the files are what they were; without the switch, damage below a crop may pass."""
    (tmp_path / "a").mkdir()
    tests = Path(__file__).parent.parent
    search = os.pathsep.join(filter(None, (str(tests), os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"PENSTOCK_VERIFY": "1", "PYTHONPATH": search, "OMP_WAIT_POLICY": "passive"}
    command = [sys.executable, "-W", "ignore", "-c", DAMAGED_IN_PLACE, str(workers), str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
