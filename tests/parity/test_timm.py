"""timm's data set, transforms and `fast_collate`, lowered: batches and generators are those of torch's loader."""

import logging
import math
import os
import random
import subprocess
import sys

import hypothesis.strategies as st
import pytest
import torch
import torchvision.transforms as v1
from hypothesis import given
from PIL import Image
from support.both_loaders import age, walk, write_images
from support.cases import cases
from support.compare import assert_same
from support.files import damaged, encode, photo
from support.record import Walk, assert_parity, batches, failures, record
from support.workers import ReferenceLoader
from torch.utils.data import ConcatDataset, DataLoader, Subset
from torchvision.datasets import ImageFolder

import penstock

# Nothing here is on a hub, and nobody may ask one.
os.environ.update(HF_HUB_OFFLINE="1")

timm = pytest.importorskip("timm.data")
collation = pytest.importorskip("timm.data.loader")
transforms = pytest.importorskip("timm.data.transforms")

# It leaves the files that it opens to the garbage collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
both = pytest.mark.parametrize("workers", [0, 2])
COLLATES = (collation.fast_collate, torch.utils.data.default_collate)
CROP = v1.Compose(
    [transforms.RandomResizedCropAndInterpolation(24, interpolation="random"), transforms.MaybePILToTensor()]
)
# It warns of such bounds where it is made.
UPSIDE_DOWN = transforms.RandomResizedCropAndInterpolation(9)
UPSIDE_DOWN.scale, UPSIDE_DOWN.ratio = (1.0, 0.5), (2.0, 0.5)
ONCE = Walk()


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("timm") / "images"
    write_images(folder, 13)
    return folder


def dataset_of(root, transform=CROP, **options):
    return timm.ImageDataset(str(root), transform=transform, **options)


def compared(make, steps=ONCE, seed=0, theirs=ReferenceLoader):
    """Fail unless a loader of ours, which has to be native, gives what torch's gives; return what happened.

    What is left open is told wherever the garbage collector comes across it, so warnings are not compared.
    """
    report = penstock.explain(make(penstock.DataLoader))
    assert report.native, report
    expected, found = (record(lambda cls=cls: make(cls), steps, seed) for cls in (theirs, penstock.DataLoader))
    for part in ("events", "python", "numpy"):
        assert_same(found[part], expected[part], part)
    return found


# ---------------------------------------------------------------------------------------------------------------
# transforms


TRAINING = st.fixed_dictionaries(
    {},
    optional={
        "train_crop_mode": st.sampled_from(["rrc", "rkrc", "rkrr"]),
        "scale": st.tuples(st.floats(0.01, 0.9), st.floats(0.91, 1.5)),
        "ratio": st.tuples(st.floats(0.3, 0.99), st.floats(1.0, 3.0)),
        "hflip": st.sampled_from([0.0, 0.5]),
        "vflip": st.sampled_from([0.0, 0.5]),
        "color_jitter": st.sampled_from([None, 0.4, (0.1, 0.2, 0.3), (0.4, 0.4, 0.2, 0.1)]),
        "color_jitter_prob": st.sampled_from([None, 0.5]),
        "grayscale_prob": st.sampled_from([0.0, 0.5]),
        "interpolation": st.sampled_from(["random", "bilinear", "bicubic"]),
        "no_aug": st.booleans(),
    },
)
EVALUATION = st.fixed_dictionaries(
    {"crop_mode": st.sampled_from([None, "center", "squash", "border"])},
    optional={
        "crop_pct": st.sampled_from([0.5, 0.875, 1.0]),
        "interpolation": st.sampled_from(["bilinear", "bicubic"]),
    },
)


@given(
    options=st.one_of(TRAINING.map(lambda options: {**options, "is_training": True}), EVALUATION),
    size=st.tuples(st.integers(8, 60), st.integers(8, 60)),
    mean=st.sampled_from([(0.485, 0.456, 0.406), (0.1, 0.9, 0.5)]),
    use_prefetcher=st.booleans(),
    fast=st.booleans(),
    workers=st.integers(0, 2),
    batch=st.integers(1, 5),
    persistent=st.booleans(),
    seed=st.integers(0, 1 << 40),
)
@cases(30)
def test_generated_pipelines(root, options, size, mean, use_prefetcher, fast, workers, batch, persistent, seed):
    transform = timm.create_transform(
        (3, *size), use_prefetcher=use_prefetcher, mean=mean, std=(0.2, 0.3, 0.4), **options
    )
    dataset = dataset_of(root, transform)

    def make(cls):
        return cls(
            dataset,
            batch,
            shuffle=True,
            num_workers=workers,
            collate_fn=COLLATES[0 if fast and use_prefetcher else 1],
            persistent_workers=persistent and workers > 0,
        )

    compared(make, Walk((2, None, None), draws=True), seed)


class Images(penstock.ImageDataset):
    """Pixels in memory, of images that are high, wide, small, or of a pixel or two."""

    def __init__(self, transform):
        sizes = [(40, 3), (1, 1), (3, 90), (2, 1), (31, 42), (1, 900), (2, 2), (77, 61), (5, 5), (1, 3)]
        self.pixels = [photo(height, width, seed=k) for k, (height, width) in enumerate(sizes)]
        self.transform = transform

    def __len__(self):
        return len(self.pixels)

    def locate(self, index):
        return self.pixels[index], index


@both
@pytest.mark.parametrize(
    "transform",
    [
        transforms.RandomResizedCropAndInterpolation(9),
        transforms.RandomResizedCropAndInterpolation((20, 7), (0.001, 0.01), (0.1, 0.2), "random"),
        UPSIDE_DOWN,
        transforms.RandomResizedCropAndInterpolation(9, (3.0, 3.0)),
        transforms.RandomResizedCropAndInterpolation(1, (0.0, 0.1)),
        transforms.ResizeKeepRatio(20),
        transforms.ResizeKeepRatio(20, longest=1.0, interpolation="random"),
        transforms.ResizeKeepRatio((9, 30), 0.5, random_scale_prob=0.5, random_scale_range=(0.2, 3.0)),
        transforms.ResizeKeepRatio(30, 1, random_aspect_prob=0.9, random_aspect_range=(0.01, 100.0)),
        transforms.CenterCropOrPad((30, 9), fill=(3, 90, 200)),
        transforms.CenterCropOrPad(30, fill=(3, 90)),
        transforms.RandomCropOrPad((30, 9), fill=9),
        transforms.RandomCropOrPad((30, 50), padding_mode="symmetric"),
        transforms.RandomCropOrPad(30, fill=(3, 90)),
    ],
    ids=repr,
)
def test_images_of_odd_sizes(transform, workers):
    """Some make no image of one side, or of none, and some have no colour for a margin."""
    dataset = Images(v1.Compose([transform, transforms.MaybeToTensor()]))
    compared(lambda cls: cls(dataset, 1, num_workers=workers), Walk((None,) * 3))


def test_what_cannot_be_made_raises():
    dataset = Images(v1.Compose([transforms.ResizeKeepRatio(20, longest=1.0), transforms.MaybeToTensor()]))
    assert failures(compared(lambda cls: cls(dataset, 1)))


@pytest.mark.parametrize(
    "name", ["RandomResizedCropAndInterpolation", "ResizeKeepRatio", "CenterCropOrPad", "RandomCropOrPad"]
)
def test_a_class_that_does_something_else_is_not_lowered(name, monkeypatch, root):
    """It is asked, so another version of timm's need not be known."""
    kind = getattr(transforms, name)
    other = type(name, (kind,), {"__module__": kind.__module__})
    dataset = dataset_of(root, v1.Compose([other(24), transforms.MaybePILToTensor()]))
    assert penstock.explain(DataLoader(dataset)).native
    # In timm's own files, with other numbers in it.
    method = "get_params" if hasattr(kind, "get_params") else "forward"
    code = vars(kind)[method]
    code = getattr(code, "__func__", code)
    changed = type(code)(
        code.__code__.replace(
            co_consts=tuple(9.5 if constant == 10 else constant for constant in code.__code__.co_consts),
            co_names=tuple({"random": "math"}.get(each, each) for each in code.__code__.co_names),
        ),
        code.__globals__,
    )
    different = type(name, (kind,), {"__module__": kind.__module__, method: staticmethod(changed)})
    dataset = dataset_of(root, v1.Compose([different(24), transforms.MaybePILToTensor()]))
    assert not penstock.explain(DataLoader(dataset)).native


@pytest.mark.parametrize(
    ("owner", "name"),
    [
        *((random, name) for name in ("uniform", "randint", "choice", "random")),
        *((transforms, name) for name in ("F", "random", "math", "crop_or_pad")),
        (transforms.RandomResizedCropAndInterpolation, "get_params"),
        (transforms.MaybePILToTensor, "__call__"),
        (math, "exp"),
    ],
    ids=lambda value: getattr(value, "__name__", value),
)
@both
def test_what_was_replaced_is_called(owner, name, workers, monkeypatch, root):
    def make(cls):
        return cls(dataset_of(root), 4, num_workers=workers, collate_fn=collation.fast_collate)

    compared(make)
    found = getattr(owner, name)

    def replaced(*arguments, **options):
        return found(*arguments, **options)

    class Others:
        def __getattr__(self, attribute):
            return getattr(found, attribute)

    static = isinstance(vars(owner).get(name), staticmethod)
    other = replaced if callable(found) else Others()
    monkeypatch.setattr(owner, name, staticmethod(other) if static else other)
    assert not penstock.explain(make(penstock.DataLoader)).native
    assert_parity(make, penstock.DataLoader, DataLoader)


def test_one_after_the_other_is_edited(root):
    """Without workers, what is changed between two batches counts from the next one on."""
    edits = [
        lambda dataset: setattr(dataset.transform.transforms[0], "scale", (0.1, 0.2)),
        lambda dataset: setattr(dataset.transform.transforms[0], "interpolation", transforms.str_to_interp_mode("box")),
        lambda dataset: setattr(dataset, "target_transform", float),
        lambda dataset: dataset.reader.samples.reverse(),
        lambda dataset: setattr(dataset.reader, "samples", dataset.reader.samples[::-1]),
        lambda dataset: setattr(dataset, "input_img_mode", "L"),
        lambda dataset: setattr(dataset, "transform", lambda image: torch.tensor(image.size)),
    ]
    for edit in edits:

        def make(cls):
            crop = transforms.RandomResizedCropAndInterpolation(24, interpolation="random")
            return cls(dataset_of(root, v1.Compose([crop, transforms.MaybeToTensor()])), 3)

        compared(make, Walk((None, None), edit=lambda loader, edit=edit: edit(loader.dataset)), theirs=DataLoader)


# ---------------------------------------------------------------------------------------------------------------
# the data set


@pytest.fixture
def broken(tmp_path):
    """A folder of which many files cannot be opened, two of them one after the other, and the last one."""
    folder = tmp_path / "images"
    for k in range(20):
        path = folder / ("cats", "dogs", "eels")[k % 3] / f"{k:03}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(photo(40, 50 + (k % 4 == 0), seed=k)))
    paths = sorted(folder.rglob("*.jpg"))
    for k, kind in {2: "truncated", 3: "empty", 8: "text", 9: "truncated", 12: "noisy", 15: "behind"}.items():
        paths[k].write_bytes(damaged(paths[k].read_bytes(), kind))
    paths[5].write_bytes(encode(photo(33, 44), "BMP"))
    Image.fromarray(photo(40, 50)).convert("CMYK").save(paths[6])
    for path in paths:
        age(path)
    return folder, paths


@both
@pytest.mark.parametrize("collate", COLLATES, ids=lambda function: function.__name__)
def test_files_that_cannot_be_opened(broken, workers, collate, caplog):
    """The next one is taken, and the log says so; what is drawn for it goes by its size."""
    folder, paths = broken
    dataset = dataset_of(folder)
    # Files that go after they were listed.
    paths[0].unlink()
    paths[-1].unlink()
    told = []
    for cls in (ReferenceLoader, penstock.DataLoader):
        caplog.clear()
        with caplog.at_level(logging.WARNING, "timm"):
            found = record(
                lambda cls=cls: cls(dataset, 4, shuffle=True, num_workers=workers, collate_fn=collate), Walk((None, 2))
            )
        told.append((found["events"], sorted(entry.getMessage() for entry in caplog.records)))
    assert penstock.explain(penstock.DataLoader(dataset, 4, collate_fn=collate)).native
    assert_same(told[1][0], told[0][0])
    # With workers the second epoch is left before the batches that were begun are all made.
    assert {*told[1][1]} <= {*told[0][1]} if workers else told[1][1] == told[0][1]
    assert len(told[1][1]) > 5


@both
def test_other_samples_have_other_targets(broken, workers):
    folder, _ = broken
    dataset = dataset_of(folder, target_transform=lambda target: 10.5 * target)
    assert not failures(compared(lambda cls: cls(dataset, 3, num_workers=workers), Walk((None, None))))


@both
def test_a_target_transform_that_raises_for_the_sample_taken(broken, workers):
    folder, paths = broken
    classes = dict(dataset_of(folder).reader.samples)
    # Damaged in the middle, as the pixels show; the file behind is of the next class.
    last = max(path for path in paths if classes[str(path)] == 0)
    last.write_bytes(damaged(encode(photo(40, 50)), "truncated"))
    age(last)
    dataset = dataset_of(folder, target_transform=lambda target: 1 / (1 - target))
    found = compared(lambda cls: cls(dataset, 3, num_workers=workers), Walk((None, None)))
    assert failures(found)
    assert batches(found)


def test_a_damaged_file_before_a_sample_that_raises(tmp_path):
    """The file's place is taken by an image of another size, before the numbers of the one that raises are drawn."""
    folder = tmp_path / "images"
    paths = write_images(folder, 12)
    paths[0].write_bytes(damaged(paths[0].read_bytes(), "truncated"))
    Image.new("RGB", (1, 900)).save(paths[4])
    for path in paths:
        age(path)
    resize = transforms.ResizeKeepRatio(24, 1.0, random_scale_prob=0.7, random_aspect_prob=0.5)
    crop = transforms.CenterCropOrPad(24, padding_mode="edge")
    dataset = dataset_of(folder, v1.Compose([resize, crop, v1.RandomHorizontalFlip(), transforms.MaybeToTensor()]))
    for seed in range(3):
        assert failures(compared(lambda cls: cls(dataset, 6, num_workers=1), Walk((None, None)), seed))


def test_a_folder_that_vanishes(tmp_path):
    paths = write_images(tmp_path / "images", 12)
    dataset = dataset_of(tmp_path / "images")
    assert penstock.explain(penstock.DataLoader(dataset, 4)).native
    for path in paths:
        path.unlink()
    for workers in (0, 2):
        assert_parity(lambda cls, w=workers: cls(dataset, 4, num_workers=w), penstock.DataLoader, ReferenceLoader)


@both
@pytest.mark.parametrize("on_error", ["skip", "replace"])
def test_bad_samples_are_still_others_to_skip(broken, workers, on_error):
    """What the data set cannot replace itself: an index that is none."""
    folder, _ = broken
    dataset = dataset_of(folder)
    order = [3, 1, 99, 2, 7, 16, 12, 99, 4, 9, 8, 5]
    made = []
    for native in (True, False):
        torch.manual_seed(1)
        random.seed(1)
        # Of a class of its own it is recorded, and torch's own iterator asks it.
        data = dataset if native else type("Own", (timm.ImageDataset,), {"__getitem__": _getitem})(str(folder))
        data.transform = dataset.transform
        loader = penstock.DataLoader(
            data,
            3,
            sampler=order,
            num_workers=workers,
            on_error=on_error,
            on_error_types=IndexError,
            collate_fn=collation.fast_collate,
        )
        assert penstock.explain(loader).native is native
        made.append(list(loader))
    assert_same(made[0], made[1])


def _getitem(self, index):
    image, target = super(type(self), self).__getitem__(index)
    return image, target


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"load_bytes": True}, "more than an image"),
        ({"additional_features": ("x",)}, "more than an image"),
        ({"input_img_mode": "L"}, "of the mode 'L'"),
        ({"input_img_mode": None}, "of the mode None"),
    ],
    ids=str,
)
def test_samples_of_another_kind_are_left(root, options, reason):
    dataset = timm.ImageDataset(str(root), transform=CROP)
    vars(dataset).update(options)
    report = penstock.explain(penstock.DataLoader(dataset))
    assert not report.native
    assert any(reason in row.reason for row in report.rows)


def test_another_reader_is_left(root):
    class Reader(type(dataset_of(root).reader)):
        def __getitem__(self, index):
            return super().__getitem__(-index)

    dataset = timm.ImageDataset(str(root), reader=Reader(str(root)), transform=CROP)
    report = penstock.explain(penstock.DataLoader(dataset, num_workers=2))
    assert not report.native
    assert any("reader is a Reader" in row.reason for row in report.rows)
    assert_parity(lambda cls: cls(dataset, 4, num_workers=2), penstock.DataLoader, DataLoader)


# ---------------------------------------------------------------------------------------------------------------
# loaders


@pytest.mark.parametrize("kind", ["folder", "subset", "joined"])
def test_bytes_of_other_data_sets(root, kind):
    folder = ImageFolder(str(root), transform=CROP)
    datasets = {
        "folder": folder,
        "subset": Subset(folder, [3, 5, 2, 9, 0, 7, 7]),
        "joined": ConcatDataset([folder] * 2),
    }
    for workers in (0, 2):
        compared(
            lambda cls, w=workers: cls(
                datasets[kind], 4, shuffle=True, num_workers=w, collate_fn=collation.fast_collate
            ),
            Walk((None, 1, None)),
        )


@both
@pytest.mark.parametrize("target", [float, bool, lambda k: (k, 1), str, lambda k: None])
def test_targets_of_any_kind(root, workers, target):
    dataset = dataset_of(root, target_transform=target)
    compared(lambda cls: cls(dataset, 4, num_workers=workers, collate_fn=collation.fast_collate))


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([transforms.MaybePILToTensor()], "may differ in size"),
        ([v1.Resize(24), transforms.MaybePILToTensor()], "may differ in size"),
        ([v1.Resize((24, 24)), transforms.MaybeToTensor()], "casts images"),
    ],
    ids=str,
)
def test_bytes_that_are_left_to_timm(root, parts, reason):
    dataset = dataset_of(root, v1.Compose(parts))
    report = penstock.explain(penstock.DataLoader(dataset, collate_fn=collation.fast_collate))
    assert any(reason in row.reason for row in report.rows if row.part == "collation"), report


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"is_training": False, "use_prefetcher": False, "interpolation": "bicubic"},
        {"re_prob": 0.9, "re_mode": "pixel", "re_count": 2, "persistent_workers": True},
        {"img_dtype": torch.float16, "num_workers": 0},
        {"use_prefetcher": False, "train_crop_mode": "rkrr", "worker_seeding": "part"},
    ],
    ids=str,
)
def test_loaders_that_timm_makes(root, options):
    def program():
        defaults = {"is_training": True, "num_workers": 2, "persistent_workers": False, "interpolation": "random"}
        return timm.create_loader(
            timm.create_dataset("", root=str(root)), (3, 32, 32), 4, device=torch.device("cpu"), **(defaults | options)
        )

    theirs = program()
    with penstock.installed():
        ours = program()
    expected = walk(theirs, 3, 2)
    assert_same(walk(ours, 3, 2), expected)
    stats = penstock.stats(ours)
    assert stats.way == "lowered"
    assert stats.native_share == 1.0


def test_timm_is_imported_by_the_program_alone(root):
    """Whenever it is, its classes are known from then on."""
    code = f"""
import sys, penstock, torch, torchvision
loader = penstock.DataLoader(torchvision.datasets.ImageFolder({str(root)!r}, torchvision.transforms.ToTensor()))
assert penstock.explain(loader).native and "timm" not in sys.modules
import timm.data
dataset = timm.data.create_dataset("", root={str(root)!r})
dataset.transform = timm.data.create_transform(32, is_training=True)
assert penstock.explain(penstock.DataLoader(dataset, num_workers=2)).native
"""
    subprocess.run([sys.executable, "-c", code], check=True)
