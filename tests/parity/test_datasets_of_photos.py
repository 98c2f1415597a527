"""torchvision's datasets that open their files in a way of their own, as they are on disk; the images are made up."""

import csv
import shutil
from pathlib import Path

import pytest
import torch
import torchvision.transforms as v1
from support.compare import assert_same
from support.files import damaged, encode, photo
from support.pngs import write_png
from support.record import Walk, assert_parity, batches, failures, record
from support.workers import ReferenceLoader
from torchvision import datasets as tv
from torchvision.transforms import v2

import penstock

CROP = v1.Compose(
    [v1.RandomResizedCrop(24), v1.RandomHorizontalFlip(), v1.ToTensor(), v1.Normalize([0.5] * 3, [0.2] * 3)]
)
BYTES = v2.Compose([v2.RandomCrop((20, 25), pad_if_needed=True), v2.RandomVerticalFlip(), v2.PILToTensor()])
WALK = Walk((None, 2, None), draws=True)
both = pytest.mark.parametrize("workers", [0, 2])


def pets(root, **options):
    """An OxfordIIITPet: names, classes and species in a list, images by name."""
    base = root / "oxford-iiit-pet"
    for folder in ("images", "annotations/trimaps"):
        (base / folder).mkdir(parents=True, exist_ok=True)
    lines = []
    for k in range(17):
        name = f"{('Abyssinian', 'boxer', 'great_pyrenees')[k % 3]}_{k}"
        (base / "images" / f"{name}.jpg").write_bytes(
            encode(photo(30 + k, 60 - k, seed=k), mode="L" if k == 5 else "RGB")
        )
        (base / "annotations/trimaps" / f"{name}.png").write_bytes(write_png((30 + k, 60 - k), 0))
        lines.append(f"{name} {k % 3 + 1} {min(k % 3, 1) + 1} 1\n")
    (base / "annotations/trainval.txt").write_text("".join(lines))
    return tv.OxfordIIITPet(root, **{"transform": CROP, **options})


def signs(root, split="train"):
    """A GTSRB: PPM files, in folders by class, or in one folder with a list."""
    base = root / "gtsrb/GTSRB" / ("Training" if split == "train" else "Final_Test/Images")
    rows = []
    for k in range(17):
        path = base / f"{k % 3:05}" / f"{k:05}.ppm" if split == "train" else base / f"{k:05}.ppm"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(photo(25 + 3 * k, 70 - 2 * k, seed=k), "PPM"))
        rows.append({"Filename": path.name, "Width": 1, "ClassId": k % 3})
    with (root / "gtsrb/GT-final_test.csv").open("w") as file:
        writer = csv.DictWriter(file, rows[0], delimiter=";")
        writer.writeheader()
        writer.writerows(rows)
    return tv.GTSRB(root, split, transform=BYTES)


MAKERS = {
    "OxfordIIITPet": pets,
    "OxfordIIITPet, species": lambda root: pets(root, target_types="binary-category"),
    "OxfordIIITPet, both": lambda root: pets(root, target_types=["binary-category", "category"]),
    "OxfordIIITPet, no targets": lambda root: pets(root, target_types=[]),
    "OxfordIIITPet, target_transform": lambda root: pets(root, target_transform=float),
    "GTSRB": signs,
    "GTSRB test": lambda root: signs(root, "test"),
}


def assert_native(make):
    assert penstock.explain(make(penstock.DataLoader)).native
    return assert_parity(make, penstock.DataLoader, ReferenceLoader, WALK, seed=2)


@both
@pytest.mark.parametrize("maker", MAKERS.values(), ids=MAKERS)
def test_native_and_equal(maker, workers, tmp_path):
    dataset = maker(tmp_path)
    found = assert_native(lambda cls: cls(dataset, 4, shuffle=True, num_workers=workers))
    assert bool(batches(found)) == (getattr(dataset, "_target_types", None) != [])


@both
@pytest.mark.parametrize("maker", [pets, signs])
def test_broken_files(maker, workers, tmp_path):
    dataset = maker(tmp_path)
    paths = dataset._images if maker is pets else [Path(path) for path, _ in dataset._samples]
    paths[3].unlink()
    paths[8].write_bytes(paths[8].read_bytes()[:-200])
    paths[11].write_bytes(b"no image")
    paths[12].write_bytes(encode(photo(40, 50), "BMP"))
    paths[13].write_bytes(damaged(encode(photo(40, 50)), "noisy"))

    def make(cls):
        return cls(dataset, 2, shuffle=True, num_workers=workers)

    assert penstock.explain(make(penstock.DataLoader)).native
    # Not the warnings: torchvision leaves open what Pillow refuses, and Python tells when it comes across that.
    expected, found = (record(lambda cls=cls: make(cls), WALK) for cls in (ReferenceLoader, penstock.DataLoader))
    assert_same(found["events"], expected["events"])
    assert len(failures(found)) > 4


@both
def test_a_folder_of_pets_that_vanishes(workers, tmp_path):
    dataset = pets(tmp_path)
    shutil.rmtree(tmp_path / "oxford-iiit-pet/images")
    found = assert_parity(lambda cls: cls(dataset, 6, num_workers=workers), penstock.DataLoader, ReferenceLoader)
    assert {failure.kind for failure in failures(found)} == {FileNotFoundError}


def test_transforms_that_are_set_later(tmp_path):
    """The pets' joint transforms are made once, and `transform` is not looked at any more."""
    dataset = pets(tmp_path)
    dataset.transform = v1.ToTensor()
    assert_native(lambda cls: cls(dataset, 4))

    def edits():
        yield lambda dataset: setattr(dataset.transforms, "transform", BYTES)
        yield lambda dataset: setattr(dataset.transforms, "target_transform", str)
        yield lambda dataset: setattr(dataset, "_target_types", ["binary-category"])
        yield lambda dataset: setattr(
            dataset, "transforms", lambda image, target: (v1.ToTensor()(image)[:1, :9, :9], target)
        )

    for edit in edits():
        walk = Walk((None, None), edit=lambda loader, edit=edit: edit(loader.dataset))
        assert_parity(lambda cls: cls(pets(tmp_path), 3), penstock.DataLoader, ReferenceLoader, walk)


def test_left_to_torch(tmp_path, monkeypatch):
    joint = v2.Compose([v2.Resize((20, 20)), v2.PILToTensor()])
    for dataset, reason in (
        (pets(tmp_path, target_types="segmentation"), "its targets are images"),
        (pets(tmp_path, transform=None, transforms=joint), "applied to image and target together"),
        (celebrities(tmp_path, monkeypatch), "does not convert its images"),
    ):

        def make(cls, dataset=dataset):
            return cls(dataset, 5, shuffle=True)

        report = penstock.explain(make(penstock.DataLoader))
        assert not report.native
        assert reason in str(report)
        assert_parity(make, penstock.DataLoader, ReferenceLoader)


def celebrities(root, monkeypatch):
    """A CelebA; made-up lists cannot have the MD5 sums of the real ones."""
    monkeypatch.setattr("torchvision.datasets.celeba.check_integrity", lambda *_: True)
    base = root / "celeba"
    (base / "img_align_celeba").mkdir(parents=True)
    names = [f"{k:06}.jpg" for k in range(1, 9)]
    for k, name in enumerate(names):
        (base / "img_align_celeba" / name).write_bytes(encode(photo(40, 30, seed=k)))
    for file, header, values in (
        ("list_eval_partition.txt", "", "0"),
        ("identity_CelebA.txt", "", "7"),
        ("list_bbox_celeba.txt", "8\nimage_id x_1 y_1 width height\n", "1 2 3 4"),
        ("list_landmarks_align_celeba.txt", "8\nlefteye_x lefteye_y\n", "5 6"),
        ("list_attr_celeba.txt", "8\nBald Smiling\n", "-1 1"),
    ):
        (base / file).write_text(header + "".join(f"{name} {values}\n" for name in names))
    return tv.CelebA(root, target_type=["attr", "identity", "bbox"], transform=CROP)


def test_parts_of_them(tmp_path):
    parts = [torch.utils.data.Subset(pets(tmp_path, transform=BYTES), range(3, 12)), signs(tmp_path)]
    dataset = torch.utils.data.ConcatDataset(parts)
    for workers in (0, 2):
        assert_native(lambda cls, workers=workers: cls(dataset, 5, shuffle=True, num_workers=workers))
