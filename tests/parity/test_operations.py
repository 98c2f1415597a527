"""Every operation of the table, by its own examples: lowered and recorded, of images and of tensors of bytes and numbers."""

import numpy as np
import pytest
import torch
import torchvision.transforms as v1
from PIL import Image
from support.both_loaders import Opened, assert_program, write_images
from support.files import photo
from support.record import Walk, assert_parity, failures
from support.unread import unread
from support.workers import ReferenceLoader
from torchvision.transforms import v2

import penstock
from penstock.ops.color.permute import PERMUTE
from penstock.ops.color.photometric_distort import PHOTOMETRIC_DISTORT
from penstock.ops.crop import RANDOM_CROP
from penstock.ops.erase import ERASE
from penstock.ops.pad import PAD
from penstock.ops.table import TABLE

SAMPLES = 8
# Enough for what a transform does to one image in three.
TRIES = 32
# The pipelines around a transform, by what it is given.
AROUND = {
    "pillow": lambda transform: v1.Compose([transform, v1.ToTensor()]),
    "tensors": lambda transform: v1.Compose([v1.PILToTensor(), transform, v1.ConvertImageDtype(torch.float32)]),
    "images": lambda transform: v2.Compose([v2.ToImage(), transform, v2.ToDtype(torch.float32, scale=True)]),
    "numbers": lambda transform: v1.Compose([v1.ToTensor(), transform, v1.Normalize([0.4], [0.3])]),
    "images of numbers": lambda transform: v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True), transform]),
}
CASES = [
    pytest.param(operation, transform, id=f"{operation.name} {number}")
    for operation in TABLE
    for number, transform in enumerate(operation.examples())
]
# Of gray images there is less to go wrong; tensors of them are left to thorough runs.
WORLDS = [
    pytest.param(around, mode, id=f"{around}-{mode}", marks=[pytest.mark.slow] * (mode == "L" and around != "pillow"))
    for around in AROUND
    for mode in ("RGB", "L")
]


@pytest.mark.parametrize("operation", TABLE, ids=lambda operation: operation.name)
def test_every_transform_has_an_example(operation):
    assert {type(transform) for transform in operation.examples()} == set(operation.transforms)


class Images(penstock.ImageDataset):
    """Pixels in memory."""

    def __init__(self, mode, transform):
        self.pixels = [np.asarray(Image.fromarray(photo(31, 42, seed=k)).convert(mode)) for k in range(SAMPLES)]
        self.transform = transform

    def __len__(self):
        return SAMPLES

    def locate(self, index):
        return self.pixels[index], index


@pytest.mark.parametrize(("around", "mode"), WORLDS)
@pytest.mark.parametrize(("operation", "transform"), CASES)
def test_lowered(operation, transform, around, mode):
    if operation is ERASE and around == "pillow":
        pytest.skip("it takes tensors only")
    dataset = Images(mode, AROUND[around](transform))

    def make(loader):
        return loader(dataset, batch_size=1, num_workers=2)

    report = penstock.explain(make(penstock.DataLoader))
    if around == "pillow":
        assert report.native, report
    assert_parity(make, penstock.DataLoader, ReferenceLoader)


@pytest.mark.parametrize("p", [0.2, 1.0])
@pytest.mark.parametrize("workers", [0, 2])
def test_corners_of_no_perspective(workers, p):
    """torch cannot solve for them, and tells which it was that it could not."""

    class Narrow(Images):
        def __init__(self):
            super().__init__("RGB", None)
            self.pixels = [np.ascontiguousarray(pixels[:8, :2]) for pixels in self.pixels]
            self.transform = AROUND["pillow"](v1.RandomApply([v1.RandomPerspective(1.0, p)], 0.9))

    def make(loader):
        return loader(Narrow(), batch_size=1, num_workers=workers)

    assert penstock.explain(make(penstock.DataLoader)).native
    # Which corners those are depends on how torch's library solves equations on this processor.
    found = assert_parity(make, penstock.DataLoader, ReferenceLoader, Walk((None,) * 16))
    assert failures(found)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("kind", [v1.GaussianBlur, v2.GaussianBlur])
def test_blurs_of_images_that_are_too_small(kind, workers):
    """torch has drawn the deviation when it finds that it cannot reflect so much."""
    dataset = Images("RGB", AROUND["pillow"](v1.RandomApply([kind((5, 9)), v1.RandomInvert()], 0.5)))
    dataset.pixels = [
        np.ascontiguousarray(pixels[: 3 + k % 3, : 5 - k // 3]) for k, pixels in enumerate(dataset.pixels)
    ]

    def make(loader):
        return loader(dataset, batch_size=1, num_workers=workers)

    assert penstock.explain(make(penstock.DataLoader)).native
    assert failures(assert_parity(make, penstock.DataLoader, ReferenceLoader, Walk((None,) * 4)))


def is_taken(transform, image):
    """Whether torchvision makes something of an image, of tensors of which it has fewer filters for instance."""
    try:
        for _ in range(TRIES):
            transform(image)
    except (TypeError, ValueError, AttributeError):
        return False
    return True


def test_erasing_goes_by_the_logarithms_that_the_second_generation_keeps():
    transform = v2.RandomErasing(1.0, scale=(0.1, 0.3))
    transform.ratio = (5.0, 6.0)  # of which it takes no notice
    dataset = Images("RGB", AROUND["images"](transform))

    def make(loader):
        return loader(dataset, batch_size=1, num_workers=2)

    assert penstock.explain(make(penstock.DataLoader)).native
    assert_parity(make, penstock.DataLoader, ReferenceLoader)


class Examples(Opened):
    """Each image by way of all examples of an operation."""

    def __init__(self, paths, mode, transforms):
        super().__init__(paths)
        self.mode, self.transforms = mode, transforms

    def __getitem__(self, index):
        made = []
        for transform in self.transforms:
            with Image.open(unread(self.paths[index])) as image:
                made.append(transform(image.convert(self.mode)))
        return made


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    root = tmp_path_factory.mktemp("operations")
    return {"RGB": write_images(root / "colour"), "L": write_images(root / "gray", mode="L")}


@pytest.mark.parametrize(("around", "mode"), WORLDS)
@pytest.mark.parametrize("operation", TABLE, ids=lambda operation: operation.name)
def test_recorded(operation, around, mode, paths):
    transforms = [AROUND[around](transform) for transform in operation.examples()]
    with Image.open(paths[mode][0]) as image:
        transforms = [each for each in transforms if is_taken(each, image)]
    if not transforms:
        pytest.skip("torchvision takes none of it")
    # Margins that repeat pixels are Pillow's; what version 2 erases of images, or permutes of gray ones, and some of
    # tensors, is torch's.
    left = (PAD, RANDOM_CROP, ERASE) if mode == "RGB" else (PAD, RANDOM_CROP, ERASE, PERMUTE, PHOTOMETRIC_DISTORT)
    share = 1.0 if around == "pillow" and operation not in left else None
    assert_program(lambda: torch.utils.data.DataLoader(Examples(paths[mode], mode, transforms)), share=share)
