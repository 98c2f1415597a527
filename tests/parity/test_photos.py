"""Datasets of files: torch's batches, whatever the files are, and torch's exceptions where they are broken."""

import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
import torchvision.transforms as v1
from PIL import Image, ImageFile
from support.compare import assert_same
from support.files import FILES, damaged, encode, photo, write_folder
from support.record import Failure, Walk, assert_parity, batches, failures, more_workers_than_cores
from support.workers import ReferenceLoader
from torch.utils.data import ConcatDataset, Subset
from torchvision import datasets as tv
from torchvision.io import decode_image, read_image
from torchvision.transforms import v2

import penstock
from penstock.lowering.readers import Located

# From torch's generator and from Python's.
FLIP = v1.RandomOrder([v1.RandomHorizontalFlip(), v1.RandomChoice([v1.RandomVerticalFlip(), v2.Identity()], p=[2, 1])])
CROP = v1.Compose([FLIP, v1.RandomCrop(24), v1.ToTensor(), v1.Normalize([0.5] * 3, [0.2] * 3)])
BYTES = v2.Compose([v2.RandomCrop((20, 25), pad_if_needed=True), v2.RandomVerticalFlip(), v2.PILToTensor()])
RESIZED = v1.Compose([v1.RandomResizedCrop(20), v1.RandomHorizontalFlip(), v1.ToTensor()])
CENTER = v2.Compose([v2.Resize(26), v2.CenterCrop(22), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])
# Of every image only its margin is seen.
MARGIN = v1.Compose([v1.Pad((300, 0, 0, 0)), v1.CenterCrop(20), v1.ToTensor()])
TRANSFORMS = {"v1": CROP, "v2": BYTES, "resized crop": RESIZED, "resized, center": CENTER, "margin": MARGIN}
WORKERS = {
    "0 workers": {},
    "2 workers": {"num_workers": 2},
    "3 persistent workers": {"num_workers": 3, "persistent_workers": True, "prefetch_factor": 1},
}
WALKS = {"once": Walk((None,), draws=True), "again": Walk((2, None, None))}
all_workers = pytest.mark.parametrize("workers", WORKERS.values(), ids=WORKERS)
all_walks = pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS)


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A folder of files that Pillow opens, most of them JPEG."""
    root = tmp_path_factory.mktemp("good")
    write_folder(root)
    return root


@pytest.fixture
def folder(tmp_path):
    """A folder of plain JPEGs, to be spoilt."""
    for label in ("cats", "dogs"):
        (tmp_path / label).mkdir()
        for k in range(9):
            (tmp_path / label / f"{k}.jpg").write_bytes(encode(photo(30 + k, 40 + k, seed=k)))
    return tmp_path


def assert_native(make, walk=WALKS["once"]):
    with more_workers_than_cores():
        report = penstock.explain(make(penstock.DataLoader))
    assert report.native, str(report)
    return assert_parity(make, penstock.DataLoader, ReferenceLoader, walk, seed=3)


@all_walks
@all_workers
@pytest.mark.parametrize("transform", TRANSFORMS.values(), ids=TRANSFORMS)
def test_every_kind_of_file(transform, workers, walk, good):
    dataset = tv.ImageFolder(good, transform)
    assert len(dataset) == 2 * len(FILES)
    found = assert_native(lambda cls: cls(dataset, 7, shuffle=True, **workers), walk)
    assert not failures(found)
    assert batches(found)


def missing(path):
    path.unlink()


def spoilt(kind):
    return lambda path: path.write_bytes(damaged(path.read_bytes(), kind))


def larger(path):
    path.write_bytes(encode(photo(90, 110)))


def huge(path):
    """Announces more pixels than Pillow opens."""
    data = bytearray(path.read_bytes())
    frame = data.index(b"\xff\xc0")
    data[frame + 5 : frame + 9] = b"\xff\x00\xff\x00"
    path.write_bytes(data)


def small(path):
    path.write_bytes(encode(photo(20, 20)))


def small_and_truncated(path):
    path.write_bytes(damaged(encode(photo(20, 20)), "truncated"))


def folder_instead(path):
    path.unlink()
    path.mkdir()


SPOILT = {
    "missing": missing,
    "a folder": folder_instead,
    "larger": larger,
    "too large": huge,
    "too small": small,
    "too small and truncated": small_and_truncated,
    **{kind: spoilt(kind) for kind in ("truncated", "noisy", "behind", "no end", "cut header", "empty", "text")},
}
READABLE = {"larger", "noisy", "behind"}


@all_walks
@all_workers
@pytest.mark.parametrize("kind", SPOILT)
def test_broken_files(kind, workers, walk, folder):
    dataset = tv.ImageFolder(folder, CROP)
    for name in ("cats/4.jpg", "dogs/2.jpg", "dogs/3.jpg"):
        SPOILT[kind](folder / name)
    found = assert_native(lambda cls: cls(dataset, 4, shuffle=True, **workers), walk)
    assert bool(failures(found)) == (kind not in READABLE)


@all_workers
@pytest.mark.parametrize("transform", [RESIZED, CENTER, MARGIN], ids=["resized crop", "resized, center", "margin"])
@pytest.mark.parametrize("kind", SPOILT)
def test_damage_outside_of_what_is_seen(kind, transform, workers, folder):
    dataset = tv.ImageFolder(folder, transform)
    for name in ("cats/4.jpg", "dogs/2.jpg", "dogs/3.jpg"):
        SPOILT[kind](folder / name)
    found = assert_native(lambda cls: cls(dataset, 4, shuffle=True, **workers))
    assert bool(failures(found)) == (kind not in {*READABLE, "too small"})


@all_workers
def test_several_kinds_of_broken_files(workers, folder):
    """The first one in a batch counts, however late it shows."""
    dataset = tv.ImageFolder(folder, CROP)
    for k, spoil in enumerate(SPOILT.values()):
        spoil(folder / ("cats" if k % 2 else "dogs") / f"{k // 2}.jpg")
    for seed in range(4):
        generator = torch.Generator()

        def make(cls, generator=generator, seed=seed):
            return cls(dataset, 5, shuffle=True, generator=generator.manual_seed(seed), **workers)

        assert failures(assert_native(make, Walk((2, None))))


@all_workers
def test_other_failures_beside_broken_files(workers, folder):
    """A target, a transform or the collation fails, and before it a file that looks good."""
    spoilt("truncated")(folder / "cats/1.jpg")
    spoilt("truncated")(folder / "dogs/5.jpg")
    samples = [(str(folder / label / f"{k}.jpg"), k) for label in ("cats", "dogs") for k in range(9)]
    table = {k: k for k in range(9) if k != 6}
    for transform, target_transform in (
        (CROP, table.__getitem__),
        (v1.ToTensor(), None),
        (v1.Compose([v1.RandomHorizontalFlip(), v1.RandomCrop(34), v1.ToTensor()]), None),
    ):
        dataset = tv.ImageFolder(folder, transform, target_transform)
        dataset.samples = samples
        found = assert_native(lambda cls, dataset=dataset: cls(dataset, 3, shuffle=True, **workers), Walk((None, None)))
        assert len(failures(found)) > 2


@pytest.mark.parametrize("workers", [0, 2])
def test_a_file_that_vanishes_in_mid_epoch(workers, folder):
    def edit(loader):
        shutil.move(folder / "dogs/8.jpg", folder / "elsewhere")

    def make(cls):
        if (folder / "elsewhere").exists():
            shutil.move(folder / "elsewhere", folder / "dogs/8.jpg")
        return cls(tv.ImageFolder(folder, CROP), 3, num_workers=workers, prefetch_factor=1 if workers else None)

    found = assert_native(make, Walk((None,), edit=edit))
    assert [failure.kind for failure in failures(found)] == [FileNotFoundError]
    assert "8.jpg" in failures(found)[0].last


@pytest.mark.parametrize("workers", [0, 2])
def test_a_file_that_is_replaced_in_mid_epoch(workers, folder):
    sound = (folder / "dogs/8.jpg").read_bytes()

    def make(cls):
        (folder / "dogs/8.jpg").write_bytes(sound)
        return cls(tv.ImageFolder(folder, RESIZED), 3, num_workers=workers, prefetch_factor=1 if workers else None)

    last = []
    for edit in (None, lambda loader: larger(folder / "dogs/8.jpg")):
        found = assert_native(make, Walk((None, None), edit=edit))
        assert not failures(found)
        last.append(batches(found)[5][0])
    assert not torch.equal(*last)


def test_truncated_files_are_wanted_in_mid_epoch(folder, monkeypatch):
    """Without workers torch sees such a switch at once."""
    for name in ("cats/1.jpg", "dogs/6.jpg"):
        spoilt("truncated")(folder / name)

    def make(cls):
        monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", False)
        return cls(tv.ImageFolder(folder, CROP), 3)

    def edit(loader):
        monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)

    found = assert_native(make, Walk((None,), edit=edit))
    assert len(failures(found)) == 1
    assert len(batches(found)) == 5


UNREADABLE = """
import os, sys, warnings
from pathlib import Path

import torch
import torchvision.transforms as v1
from support.record import Failure, Walk, assert_parity, batches, failures
from support.workers import ReferenceLoader
from torchvision import datasets as tv
from torchvision.io import decode_image, read_image

import penstock

root, workers = Path(sys.argv[1]), int(sys.argv[2])
dataset = tv.ImageFolder(str(root), v1.Compose([v1.RandomCrop(24), v1.ToTensor()]))


def make(cls):
    return cls(dataset, 3, num_workers=workers, shuffle=True)


assert_parity(make, penstock.DataLoader, ReferenceLoader)  # everything is imported now
(root / "dogs/3.jpg").chmod(0)
(root / "cats").chmod(0)
if os.geteuid() == 0:  # who may read everything
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
dataset.samples = dataset.samples[7:]  # two in the folder
assert penstock.explain(make(penstock.DataLoader)).native
found = assert_parity(make, penstock.DataLoader, ReferenceLoader, Walk((None, None)))
assert len(failures(found)) >= 2 and len(batches(found)) >= 2
for failure in failures(found):
    assert failure.kind is PermissionError, failure
    assert "Permission denied" in failure.last, failure
"""


@pytest.mark.skipif(sys.platform == "win32", reason="permissions are other ones")
@pytest.mark.parametrize("workers", [0, 2])
def test_files_and_folders_without_permission_to_read(workers):
    with tempfile.TemporaryDirectory() as name:  # in a folder that all may enter
        root = Path(name)
        root.chmod(0o755)
        for label in ("cats", "dogs"):
            (root / label).mkdir()
            for k in range(9):
                (root / label / f"{k}.jpg").write_bytes(encode(photo(30 + k, 40 + k, seed=k)))
        search = os.pathsep.join(filter(None, (str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH"))))
        environment = os.environ | {"PYTHONPATH": search}
        command = [sys.executable, "-W", "ignore", "-c", UNREADABLE, name, str(workers)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
        (root / "cats").chmod(0o755)
    assert done.returncode == 0, done.stderr


def test_ctrl_c_while_damage_is_looked_for(folder, monkeypatch):
    """No batch is lost, and the error that is raised later is that of the first bad file, not of one behind it."""
    spoilt("truncated")(folder / "cats/4.jpg")
    dataset = tv.ImageFolder(folder, CROP)
    missing(folder / "cats/6.jpg")
    opened = Located.open
    interrupts = []

    def interrupted(located, place):
        if place == 0 and not interrupts:
            interrupts.append(place)
            raise KeyboardInterrupt
        return opened(located, place)

    def outcomes(cls):
        torch.manual_seed(5)
        iterator, found = iter(cls(dataset, 4, num_workers=1, prefetch_factor=1)), []
        while True:
            try:
                found.append(next(iterator))
            except StopIteration:
                return found
            except KeyboardInterrupt:
                continue
            except Exception as error:
                found.append(Failure.of(error))

    expected = outcomes(ReferenceLoader)
    monkeypatch.setattr(Located, "open", interrupted)
    found = outcomes(penstock.DataLoader)
    assert interrupts == [0]
    assert_same(found, expected)
    assert [type(outcome) for outcome in found] == [list, Failure, list, list, list]
    assert "truncated" in found[1].last


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("kind", ["missing", "truncated"])
def test_the_note_names_the_file(kind, workers, folder):
    dataset = tv.ImageFolder(folder, CROP)
    SPOILT[kind](folder / "cats/4.jpg")
    loader = iter(penstock.DataLoader(dataset, 3, num_workers=workers))
    next(loader)
    with pytest.raises(OSError) as raised:
        next(loader)
    assert raised.value.__notes__ == [f"penstock: sample 4, position 1 of its batch, file '{folder}/cats/4.jpg'"]
    assert len(list(loader)) == 4


class Photos(penstock.ImageDataset):
    """Own data: paths of several kinds, bytes and arrays."""

    def __init__(self, root, kind, transform=CROP):
        self.paths = sorted(Path(root).glob("*/*"))
        self.kind, self.transform = kind, transform

    def __len__(self):
        return len(self.paths)

    def locate(self, index):
        path = self.paths[index]
        kinds = {
            "str": str,
            "path": Path,
            "bytes": Path.read_bytes,
            "array": lambda path: np.asarray(Image.open(path).convert("RGB")),
        }
        kind = self.kind if self.kind in kinds else list(kinds)[index % 4]
        return kinds[kind](path), index


@all_walks
@all_workers
@pytest.mark.parametrize("kind", ["str", "path", "bytes", "mixed"])
def test_own_data(kind, workers, walk, good):
    found = assert_native(lambda cls: cls(Photos(good, kind), 6, shuffle=True, **workers), walk)
    assert not failures(found)


@all_workers
@pytest.mark.parametrize("kind", ["str", "path", "bytes", "mixed"])
def test_own_data_that_is_broken(kind, workers, folder):
    for k, spoil in enumerate(("truncated", "text", "noisy", "empty", "cut header")):
        SPOILT[spoil](folder / ("cats" if k % 2 else "dogs") / f"{k // 2 + 1}.jpg")
    found = assert_native(lambda cls: cls(Photos(folder, kind), 4, shuffle=True, **workers), Walk((2, None)))
    assert failures(found) or kind == "mixed"


@all_workers
def test_parts_of_several_datasets(workers, good, folder):
    spoilt("truncated")(folder / "cats/3.jpg")
    arrays = Photos(folder, "array", BYTES)
    arrays.paths = [path for path in arrays.paths if path.name != "3.jpg"]
    parts = [
        Subset(tv.ImageFolder(good, BYTES), range(5, 30, 2)),
        tv.ImageFolder(folder, BYTES),
        arrays,
        Photos(good, "mixed", BYTES),
    ]
    found = assert_native(lambda cls: cls(ConcatDataset(parts), 8, shuffle=True, **workers), Walk((3, None, None)))
    assert failures(found)


def test_other_datasets_of_files(good):
    """They differ from ImageFolder in the lists that they keep."""
    paths = sorted(good.glob("*/*"))
    for cls, lists in {
        tv.Food101: {"_image_files": paths, "_labels": list(range(len(paths)))},
        tv.SUN397: {"_image_files": paths, "_labels": [3] * len(paths)},
        tv.Flowers102: {"_image_files": paths, "_labels": [3] * len(paths)},
        tv.DTD: {"_image_files": paths, "_labels": [3] * len(paths)},
        tv.FGVCAircraft: {"_image_files": [str(path) for path in paths], "_labels": [0] * len(paths)},
        tv.Imagenette: {"_samples": [(str(path), 1) for path in paths]},
        tv.StanfordCars: {"_samples": [(str(path), 1) for path in paths]},
    }.items():
        dataset = cls.__new__(cls)
        tv.VisionDataset.__init__(dataset, "", transform=CROP)
        vars(dataset).update(lists, loader=tv.folder.default_loader)
        for workers in (0, 2):
            assert_native(lambda loader, d=dataset, w=workers: loader(d, 9, shuffle=True, num_workers=w))


def left_to_torch(dataset, reason):
    report = penstock.explain(penstock.DataLoader(dataset, 5))
    assert not report.native
    assert reason in str(report)
    for workers in (0, 2):

        def make(cls, workers=workers):
            return cls(dataset, 5, num_workers=workers)

        assert_parity(make, penstock.DataLoader, torch.utils.data.DataLoader)


def test_folders_left_to_torch(good, folder, tmp_path_factory, monkeypatch):
    left_to_torch(
        tv.ImageFolder(good, CROP, loader=lambda path: tv.folder.pil_loader(path)), "is not torchvision's own"
    )
    bitmaps = tmp_path_factory.mktemp("bitmaps")
    for k in range(6):
        (bitmaps / "a").mkdir(exist_ok=True)
        (bitmaps / "a" / f"{k}.bmp").write_bytes(encode(photo(30, 30, seed=k), "BMP"))
    left_to_torch(tv.ImageFolder(bitmaps, CROP), "most of its files")
    left_to_torch(Photos(bitmaps.parent / bitmaps.name, "str"), "most of its files")
    dataset = tv.ImageFolder(folder, CROP)
    dataset.samples = np.array(dataset.samples)
    left_to_torch(dataset, "neither a list nor a tuple")
    with monkeypatch.context() as patch:
        patch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
        spoilt("truncated")(folder / "cats/3.jpg")
        left_to_torch(tv.ImageFolder(folder, CROP), "LOAD_TRUNCATED_IMAGES")
    with monkeypatch.context() as patch:
        patch.setattr(torchvision, "_image_backend", "accimage")
        report = penstock.explain(penstock.DataLoader(tv.ImageFolder(good, CROP), 5))
        assert "backend is accimage" in str(report)
    with monkeypatch.context() as patch:
        patch.setattr(tv.folder, "pil_loader", lambda path: Image.new("RGB", (50, 50)))
        left_to_torch(tv.ImageFolder(good, CROP), "was replaced")


@pytest.mark.filterwarnings("ignore:.*torchcodec.*:DeprecationWarning")
@pytest.mark.parametrize("loader", [functools.partial(decode_image, mode="RGB"), decode_image, read_image])
def test_torchvisions_decoder_is_not_lowered_but_has_a_lowered_equal(loader, folder):
    steps = [
        v2.RandomResizedCrop(24, interpolation="bicubic"),
        v2.RandomHorizontalFlip(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize((0.5, 0.4, 0.3), (0.2, 0.3, 0.4)),
    ]
    dataset = tv.ImageFolder(folder, v2.Compose(steps), loader=loader)
    left_to_torch(dataset, "depends on the file")
    assert penstock.explain(penstock.DataLoader(dataset, 5)).way == "recorded"

    def native(cls):
        return cls(tv.ImageFolder(folder, v2.Compose([v2.ToImage(), *steps])), 5, shuffle=True, num_workers=2)

    assert_native(native)
    torch.manual_seed(1)
    theirs = list(torch.utils.data.DataLoader(dataset, 5, shuffle=True, num_workers=2))
    torch.manual_seed(1)
    assert_same(list(native(penstock.DataLoader)), theirs)


@pytest.mark.filterwarnings("ignore:.*torchcodec.*:DeprecationWarning")
@pytest.mark.parametrize(("name", "dtype", "ndim"), [("16.png", torch.uint16, 3), ("two.gif", torch.uint8, 4)])
def test_why_it_is_not_lowered(name, dtype, ndim, tmp_path):
    if name == "16.png":
        Image.fromarray(np.full((9, 9), 700, np.uint16)).save(tmp_path / name)
    else:
        red, blue = (Image.new("RGB", (9, 9), color) for color in ("red", "blue"))
        red.save(tmp_path / name, save_all=True, append_images=[blue])
    opened = decode_image(str(tmp_path / name), mode="RGB")
    assert (opened.dtype, opened.ndim) == (dtype, ndim)


def test_late_edits_without_workers(good, folder):
    """torch sees them at once."""
    other = tv.ImageFolder(folder, CROP)

    def edits():
        yield lambda dataset: setattr(dataset, "samples", other.samples)
        yield lambda dataset: dataset.samples.reverse()
        yield lambda dataset: setattr(dataset, "loader", lambda path: Image.new("RGB", (30, 30), 77))
        yield lambda dataset: setattr(dataset, "transform", BYTES)

    for edit in edits():
        walk = Walk((None, None), edit=lambda loader, edit=edit: edit(loader.dataset))
        assert_native(lambda cls: cls(tv.ImageFolder(good, CROP), 6, sampler=range(18)), walk)


def test_a_pixel_limit_of_the_users(good, monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 3000)
    dataset = tv.ImageFolder(good, CROP)
    found = assert_native(lambda cls: cls(dataset, 6))
    assert any(issubclass(warned[0], Image.DecompressionBombWarning) for warned in found["warnings"])
    assert any(failure.kind is Image.DecompressionBombError for failure in failures(found))
