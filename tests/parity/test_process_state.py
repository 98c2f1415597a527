"""A program changes torch's switches between two batches: without workers the next batch sees it, with workers none does."""

import functools

import pytest
import torch
import torchvision.transforms as v1
from support.both_loaders import write_images
from support.compare import assert_same
from support.images import dataset_of
from support.record import Walk, record
from torch.utils.data import DataLoader
from torchvision.datasets import ImageFolder

import penstock

pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.. may lead to deadlocks:DeprecationWarning")

CHANGES = {
    "dtype": lambda loader: torch.set_default_dtype(torch.float64),
    "device": lambda loader: torch.set_default_device("meta"),
}


def reset():
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)


@pytest.fixture(autouse=True)
def as_before():
    yield
    reset()


def images(tmp_path, **options):
    transform = v1.Compose([v1.RandomCrop(6, padding=2), v1.RandomHorizontalFlip(), v1.ToTensor()])
    return dataset_of("CIFAR10", 30, 6, 6, transform=transform, **options)


def files(tmp_path, **options):
    transform = v1.Compose([v1.RandomResizedCrop(9), v1.RandomHorizontalFlip(), v1.ToTensor()])
    if not any(tmp_path.iterdir()):
        write_images(tmp_path, 20)
    return ImageFolder(tmp_path, transform, **options)


@pytest.mark.parametrize(
    ("workers", "persistent", "change"),
    [(0, False, "dtype"), (2, False, "dtype"), (2, True, "dtype"), (2, False, "device")],
)
@pytest.mark.parametrize("dataset", [images, files])
def test_between_two_batches(dataset, workers, change, persistent, tmp_path):
    def make(cls):
        data = dataset(tmp_path, target_transform=lambda target: torch.tensor(float(target) / 3))
        options = {"num_workers": workers, "persistent_workers": persistent, "prefetch_factor": 2 if workers else None}
        return cls(data, 2, shuffle=True, **options)

    assert penstock.explain(make(DataLoader)).way == "lowered"
    # A sampler cannot draw on another device, so a second epoch is torch's to refuse.
    walk = Walk((None,) if change == "device" else (None, None), edit=CHANGES[change])
    found = []
    for cls in (penstock.DataLoader, DataLoader):
        found.append(record(functools.partial(make, cls), walk))
        reset()
    assert_same(*found)
