"""`Grayscale` to one channel among other transforms, in plans: what is before it has three channels, what is behind it one."""

import pytest
import torch
import torchvision.transforms as v1
from support.files import photo
from support.record import assert_parity
from support.workers import ReferenceLoader
from torchvision.transforms import v2

import penstock

IMAGES = [photo(31 + k, 42 - k, seed=k) for k in range(8)]
BEFORE = {
    "nothing": lambda _: [],
    "margins": lambda v: [v.Pad(3, fill=(9, 100, 200)), v.RandomCrop(40, padding=2, pad_if_needed=True, fill=7)],
    "colour": lambda v: [v.ColorJitter(0.4, 0.4, 0.4, 0.2), v.RandomInvert(0.5)],
    "margins and colour": lambda v: [v.CenterCrop(50), v.RandomSolarize(60, p=0.5), v.RandomRotation(30, fill=90)],
    "a resize": lambda v: [v.RandomResizedCrop(20), v.RandomHorizontalFlip()],
}
BEHIND = {
    "nothing": lambda _: [],
    "margins": lambda v: [v.Pad(3, fill=77), v.RandomCrop(24, padding=30, pad_if_needed=True)],
    "colour": lambda v: [v.ColorJitter(0.4, 0.4, 0.4, 0.2), v.RandomEqualize(0.5), v.RandomGrayscale(0.5)],
    "margins, colour and a resize": lambda v: [v.CenterCrop(50), v.RandomPosterize(3, p=0.5), v.Resize((17, 23))],
    "three channels": lambda v: [v.Grayscale(3), v.ColorJitter(0.4, 0.4)],
}


class Images(penstock.ImageDataset):
    """Pixels in memory."""

    def __init__(self, transform):
        self.transform = transform

    def __len__(self):
        return len(IMAGES)

    def locate(self, index):
        return IMAGES[index], index


@pytest.mark.parametrize("behind", BEHIND.values(), ids=BEHIND)
@pytest.mark.parametrize("before", BEFORE.values(), ids=BEFORE)
@pytest.mark.parametrize("module", [v1, v2], ids=["v1", "v2"])
def test_images(module, before, behind):
    parts = [*before(module), module.Grayscale(1), *behind(module), v1.ToTensor()]

    def make(loader):
        return loader(Images(v1.Compose(parts)), batch_size=1, num_workers=2)

    report = penstock.explain(make(penstock.DataLoader))
    assert report.native, report
    assert_parity(make, penstock.DataLoader, ReferenceLoader)


@pytest.mark.parametrize("module", [v1, v2], ids=["v1", "v2"])
def test_tensors(module):
    parts = [module.PILToTensor(), module.Pad(2, fill=50), module.Grayscale(1), module.RandomPosterize(4, p=0.5)]

    def make(loader):
        return loader(Images(v1.Compose([*parts, v2.ToDtype(torch.float32, scale=True)])), batch_size=1)

    report = penstock.explain(make(penstock.DataLoader))
    assert report.native, report
    assert_parity(make, penstock.DataLoader, ReferenceLoader)
