"""Folders of PNG and PPM files, alone and among others: torch's batches, torch's exceptions where a file is broken."""

import struct
import zlib

import numpy as np
import pytest
import torchvision.transforms as v1
from PIL import PngImagePlugin
from support.files import damaged, encode, photo
from support.pngs import KINDS, chunk, chunks, of_chunks, write_png
from support.record import Walk, assert_parity, batches, failures
from support.workers import ReferenceLoader
from torchvision import datasets as tv
from torchvision.transforms import v2

import penstock

CROP = v1.Compose([v1.RandomHorizontalFlip(), v1.RandomCrop(24), v1.ToTensor(), v1.Normalize([0.5] * 3, [0.2] * 3)])
RESIZED = v2.Compose([v2.RandomResizedCrop(20), v2.RandomVerticalFlip(), v2.PILToTensor()])
MARGIN = v1.Compose([v1.Pad((300, 0, 0, 0)), v1.CenterCrop(20), v1.ToTensor()])
TRANSFORMS = {"crop": CROP, "resized crop": RESIZED, "margin": MARGIN}
WORKERS = {"0 workers": {}, "2 workers": {"num_workers": 2}}
all_workers = pytest.mark.parametrize("workers", WORKERS.values(), ids=WORKERS)
all_transforms = pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
WALK = Walk((None, 2, None), draws=True)


def write_files(root, files):
    for label in ("cats", "dogs"):
        (root / label).mkdir(parents=True)
        for k, (name, data) in enumerate(files.items()):
            (root / label / f"{k:02} {name}").write_bytes(data)
    return root


def kinds():
    """A file of each kind of PNG."""
    for k, (color, depth) in enumerate(KINDS):
        size = (30 + 2 * k, 60 - k)
        yield f"{color} {depth}.png", write_png(size, color, depth)
        yield f"{color} {depth}.PNG", write_png(size, color, depth, interlaced=True, seed=k)


def others():
    """Other formats, and PNG files that are left to Pillow."""
    yield "plain.jpg", encode(photo(40, 50))
    yield "a png.jpg", write_png((33, 44))
    yield "a jpeg.png", encode(photo(40, 50))
    yield "gray.jpg", encode(photo(50, 40), mode="L")
    yield "plain.ppm", encode(photo(40, 41), "PPM")
    yield "gray.pgm", encode(photo(40, 41), "PPM", mode="L")
    yield "comment.ppm", encode(photo(40, 41), "PPM").replace(b"P6\n", b"P6\n# made up\n")
    yield "plain.bmp", encode(photo(40, 41), "BMP")
    yield "plain.webp", encode(photo(40, 41), "WEBP")
    yield "clear.png", write_png((40, 41), 3, between=chunk(b"tRNS", b"\xff\0\xff"))
    yield "animated.png", write_png((40, 41), before=chunk(b"acTL", struct.pack(">II", 1, 0)))
    yield "text.png", write_png((40, 41), before=chunk(b"tEXt", b"transparency\0no"))
    yield "behind.png", write_png((40, 41)) + b"behind"


@pytest.fixture(scope="module")
def pngs(tmp_path_factory):
    return write_files(tmp_path_factory.mktemp("pngs"), dict(kinds()))


@pytest.fixture(scope="module")
def mixed(tmp_path_factory):
    return write_files(tmp_path_factory.mktemp("mixed"), {**dict(others()), **dict(list(kinds())[::2])})


def assert_native(dataset, size=7, **options):
    def make(cls):
        return cls(dataset, size, shuffle=True, **options)

    report = penstock.explain(make(penstock.DataLoader))
    assert report.native, str(report)
    return assert_parity(make, penstock.DataLoader, ReferenceLoader, WALK, seed=5)


@all_workers
@all_transforms
def test_every_kind_of_png(transform, workers, pngs):
    found = assert_native(tv.ImageFolder(pngs, transform), **workers)
    assert batches(found)
    assert not failures(found)


@all_workers
@all_transforms
def test_among_others(transform, workers, mixed):
    found = assert_native(tv.ImageFolder(mixed, transform), **workers)
    assert batches(found)
    assert not failures(found)


def test_transparency_that_pillow_warns_of(tmp_path):
    """With workers it is they who are warned, on their own stderr."""
    files = {f"{k}.png": write_png((30, 30), seed=k) for k in range(5)}
    write_files(tmp_path, {**files, "seen through.png": write_png((40, 41), 3, between=chunk(b"tRNS", b"\x80\x90"))})
    found = assert_native(tv.ImageFolder(tmp_path, CROP))
    assert any("Transparency expressed in bytes" in message for _, message in found["warnings"])


def cut(data):
    return data[: len(data) * 2 // 3]


def no_end(data):
    """Pillow is content with it."""
    return of_chunks([part for part in chunks(data) if part[0] != b"IEND"])


def one_bit(data):
    middle = data.index(b"IDAT") + len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 16]) + data[middle + 1 :]


def wrong_sum(data):
    return data[:30] + b"none" + data[34:]


def shorter(data):
    """Without the last lines."""
    lines = zlib.decompress(dict(chunks(data))[b"IDAT"])
    return of_chunks([(k, zlib.compress(lines[: len(lines) // 2]) if k == b"IDAT" else v) for k, v in chunks(data)])


def other_sum(data):
    """Damage that shows behind the last pixel."""
    end = data.index(b"IEND") - 8
    return data[: end - 1] + bytes([data[end - 1] ^ 1]) + data[end:]


def long_text(data):
    text = b"Comment\0\0" + zlib.compress(bytes(PngImagePlugin.MAX_TEXT_CHUNK + 1))
    return data[:33] + chunk(b"zTXt", text) + data[33:]


def huge(data):
    return of_chunks([(k, struct.pack(">II", 65000, 65000) + v[8:] if k == b"IHDR" else v) for k, v in chunks(data)])


SPOILT = {
    "cut": cut,
    "no end": no_end,
    "one bit": one_bit,
    "wrong sum": wrong_sum,
    "shorter": shorter,
    "other sum": other_sum,
    "long text": long_text,
    "huge": huge,
    "empty": lambda data: b"",
    "too small": lambda data: write_png((20, 20)),
    "a cut ppm": lambda data: encode(photo(50, 60), "PPM")[:-1],
    "a cut jpeg": lambda data: damaged(encode(photo(50, 60)), "truncated"),
}
READABLE = {"no end"}


@all_workers
@all_transforms
@pytest.mark.parametrize("kind", SPOILT)
def test_broken_files(kind, transform, workers, tmp_path):
    files = {f"{k}.png": write_png((30 + k, 40 + k), seed=k) for k in range(9)}
    files |= {f"{k}.jpg": encode(photo(30 + k, 40 + k)) for k in range(3)}
    write_files(tmp_path, files)
    for name in ("cats/04 4.png", "dogs/02 2.png", "dogs/03 3.png"):
        path = tmp_path / name
        path.write_bytes(SPOILT[kind](path.read_bytes()))
    found = assert_native(tv.ImageFolder(tmp_path, transform), 4, **workers)
    readable = {*READABLE, "too small"} if transform is not CROP else READABLE
    assert bool(failures(found)) == (kind not in readable)


class Stored(penstock.ImageDataset):
    """Files' bytes."""

    def __init__(self, files, transform):
        self.files, self.transform = files, transform

    def __len__(self):
        return len(self.files)

    def locate(self, index):
        return self.files[index], index


@all_workers
def test_bytes(workers, pngs, mixed):
    files = [path.read_bytes() for root in (pngs, mixed) for path in sorted(root.glob("*/*"))]
    assert not failures(assert_native(Stored(files, RESIZED), **workers))


def test_what_is_left_to_torch(pngs, monkeypatch):
    def left(reason, dataset):
        def make(cls):
            return cls(dataset, 5)

        assert reason in str(penstock.explain(make(penstock.DataLoader)))
        assert_parity(make, penstock.DataLoader, ReferenceLoader)

    dataset = tv.ImageFolder(pngs, CROP)
    with monkeypatch.context() as patch:
        patch.setattr(PngImagePlugin, "MAX_TEXT_CHUNK", 1000)
        left("limits of text", dataset)
    with monkeypatch.context() as patch:
        patch.setitem(PngImagePlugin.Image.OPEN, "PNG", (lambda *_: None, None))
        report = penstock.explain(penstock.DataLoader(dataset, 5))
        assert "way of opening files was changed" in str(report)
    warned = [write_png((30, 30), 3, between=chunk(b"tRNS", b"\x80"), seed=k) for k in range(5)]
    left("most of its files", Stored([*warned, encode(photo(30, 30))], CROP))


def test_a_folder_that_changes(tmp_path):
    """A file is replaced by one of another size and format in mid-epoch."""
    write_files(tmp_path, {f"{k}.png": write_png((40, 40), seed=k) for k in range(6)})
    before = {path: path.read_bytes() for path in tmp_path.glob("*/*")}

    def edit(loader):
        for k, path in enumerate(sorted(before)):
            path.write_bytes(encode(photo(50 + k, 45)) if k % 2 else write_png((45, 50 + k), 0, 16))

    def make(cls):
        for path, data in before.items():
            path.write_bytes(data)
        return cls(tv.ImageFolder(tmp_path, CROP), 3)

    assert penstock.explain(make(penstock.DataLoader)).native
    found = assert_parity(make, penstock.DataLoader, ReferenceLoader, Walk((None, None), edit=edit))
    assert not failures(found)
    first, *_, last = batches(found)
    assert not np.array_equal(first[0], last[0])
