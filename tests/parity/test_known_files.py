"""Files that the process has seen before: only what is needed of them is looked at, and nothing is different for it."""

import json
import os
import subprocess
import sys

import pytest
import torchvision.transforms as v1
from support.files import damaged, encode, photo
from support.record import assert_parity, failures
from support.workers import ReferenceLoader
from torchvision import datasets as tv

import penstock

CORNER = v1.Compose([v1.RandomCrop(16), v1.ToTensor()])
RESIZED = v1.Compose([v1.RandomResizedCrop(24, scale=(0.05, 0.5)), v1.RandomHorizontalFlip(), v1.PILToTensor()])
FILES = 12


@pytest.fixture
def folder(tmp_path):
    """Files that no other test has seen; every sampling, restart markers, several entries of the index in a row."""
    (tmp_path / "a").mkdir()
    for k in range(FILES):
        options = [{}, {"subsampling": k % 3}, {"restart_marker_blocks": 3}, {"quality": 97}][k % 4]
        salt = int.from_bytes(os.urandom(4), "little")
        (tmp_path / "a" / f"{k:02}.jpg").write_bytes(encode(photo(90 + 7 * k, 310 + k, seed=salt), **options))
    return tmp_path


def loader_of(folder, transform, **options):
    return penstock.DataLoader(tv.ImageFolder(folder, transform), 5, shuffle=True, **options)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("transform", [CORNER, RESIZED], ids=["crop", "resized crop"])
def test_later_epochs_equal_torchs(transform, workers, folder):
    loader = loader_of(folder, transform, num_workers=workers)
    list(loader)
    first = penstock.stats(loader)
    assert (first.decoded, first.known) == (FILES, 0)
    for seed in range(3):
        assert_parity(
            lambda cls: cls(tv.ImageFolder(folder, transform), 5, shuffle=True, num_workers=workers),
            penstock.DataLoader,
            ReferenceLoader,
            seed=seed,
        )
    list(loader)
    later = penstock.stats(loader)
    assert (later.decoded, later.known) == (2 * FILES, FILES)
    assert later.index_files >= FILES


def same_place(path, content):
    """Overwrite a file so that its size, its times and its place on disk stay."""
    before = path.stat()
    data = path.read_bytes()
    with path.open("r+b") as file:
        file.write(content(data))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    assert path.stat().st_ino == before.st_ino
    assert path.stat().st_mtime_ns == before.st_mtime_ns


DAMAGE = {
    "end overwritten": lambda data: data[:-40] + bytes(40),
    "a wrong byte": lambda data: data[:-60] + bytes([data[-60] ^ 0x55]) + data[-59:],
    "noise": lambda data: damaged(data, "noisy"),
    "a marker": lambda data: data[:-300] + b"\xff\xd9" + data[-298:],
    "another image": lambda data: encode(photo(90, 310, seed=len(data))).ljust(len(data), b"\0")[: len(data)],
}


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_after_the_first_sight_is_found(kind, workers, folder):
    """Even where size and times do not tell, and wherever it is."""
    list(loader_of(folder, CORNER))
    for name in ("03.jpg", "08.jpg"):
        same_place(folder / "a" / name, DAMAGE[kind])
    found = assert_parity(
        lambda cls: cls(tv.ImageFolder(folder, CORNER), 5, shuffle=True, num_workers=workers),
        penstock.DataLoader,
        ReferenceLoader,
    )
    if kind == "end overwritten":
        assert failures(found)


def in_a_process(folder, **environment):
    """What the counters say after two epochs in a process of its own."""
    code = """
import json, sys, torch, penstock
import torchvision.transforms as v1
from torchvision import datasets as tv

torch.manual_seed(0)
transform = v1.Compose([v1.RandomCrop(16), v1.ToTensor()])
loader = penstock.DataLoader(tv.ImageFolder(sys.argv[1], transform), 5, shuffle=True)
total = [sum(float(images.double().sum()) for images, _ in loader) for _ in range(2)]
stats = penstock.stats(loader)
print(json.dumps([total, stats.decoded, stats.known, stats.index_files, stats.index_bytes]))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return json.loads(done.stdout)


def test_the_memory_is_bounded_and_can_be_switched_off(folder):
    total, decoded, known, files, size = in_a_process(folder)
    assert (decoded, known, files) == (2 * FILES, FILES, FILES)
    assert size > 0
    # Sixteen parts, each with room for one file at most.
    bound = 16 * (size // files)
    smaller = in_a_process(folder, PENSTOCK_INDEX_BYTES=str(bound))
    assert smaller[:2] == [total, decoded]
    assert 0 < smaller[4] <= bound
    assert smaller[2] <= smaller[3] < FILES
    assert in_a_process(folder, PENSTOCK_VERIFY="1") == [total, decoded, 0, 0, 0]
