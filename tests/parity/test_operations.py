"""Every operation of the table, by its own examples: lowered and recorded, of pictures and of tensors of bytes."""

import numpy as np
import pytest
import torch
import torchvision.transforms as v1
from PIL import Image
from support.both_loaders import Opened, assert_program, write_pictures
from support.files import photo
from support.record import assert_parity
from support.workers import ReferenceLoader
from torchvision.transforms import v2

import penstock
from penstock import _native
from penstock.ops.crop import RANDOM_CROP
from penstock.ops.table import TABLE

SAMPLES = 12
# The pipelines around a transform, by what it is given.
AROUND = {
    "pictures": lambda transform: v1.Compose([transform, v1.ToTensor()]),
    "tensors": lambda transform: v1.Compose([v1.PILToTensor(), transform, v1.ConvertImageDtype(torch.float32)]),
    "images": lambda transform: v2.Compose([v2.ToImage(), transform, v2.ToDtype(torch.float32, scale=True)]),
}
CASES = [
    pytest.param(operation, transform, id=f"{operation.name} {number}")
    for operation in TABLE
    for number, transform in enumerate(operation.examples())
]


def test_the_table_and_the_core_name_the_same_steps():
    steps = {name for operation in TABLE for name in operation.replays}
    assert steps <= set(_native.operation_names()[1])


@pytest.mark.parametrize("operation", TABLE, ids=lambda operation: operation.name)
def test_every_transform_has_an_example(operation):
    assert {type(transform) for transform in operation.examples()} == set(operation.transforms)


class Pictures(penstock.ImageDataset):
    """Pixels in memory."""

    def __init__(self, mode, transform):
        self.pixels = [np.asarray(Image.fromarray(photo(31, 42, seed=k)).convert(mode)) for k in range(SAMPLES)]
        self.transform = transform

    def __len__(self):
        return SAMPLES

    def locate(self, index):
        return self.pixels[index], index


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize(("operation", "transform"), CASES)
def test_lowered(operation, transform, around, mode):
    dataset = Pictures(mode, AROUND[around](transform))

    def make(loader):
        return loader(dataset, batch_size=1, num_workers=2)

    report = penstock.explain(make(penstock.DataLoader))
    if around == "pictures":
        assert report.native, report
    assert_parity(make, penstock.DataLoader, ReferenceLoader)


class Examples(Opened):
    """Each picture by way of all examples of an operation."""

    def __init__(self, paths, mode, transforms):
        super().__init__(paths)
        self.mode, self.transforms = mode, transforms

    def __getitem__(self, index):
        made = []
        for transform in self.transforms:
            with Image.open(self.paths[index]) as picture:
                made.append(transform(picture.convert(self.mode)))
        return made


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    root = tmp_path_factory.mktemp("operations")
    return {"RGB": write_pictures(root / "colour"), "L": write_pictures(root / "gray", mode="L")}


@pytest.mark.parametrize("mode", ["RGB", "L"])
@pytest.mark.parametrize("around", AROUND)
@pytest.mark.parametrize("operation", TABLE, ids=lambda operation: operation.name)
def test_recorded(operation, around, mode, paths):
    transforms = [AROUND[around](transform) for transform in operation.examples() if operation.replays]
    if not transforms:
        pytest.skip("nothing of it is recorded")
    # Margins are Pillow's, and some of what torch does to tensors.
    share = 1.0 if around == "pictures" and operation is not RANDOM_CROP else None
    assert_program(lambda: torch.utils.data.DataLoader(Examples(paths[mode], mode, transforms)), share=share)
