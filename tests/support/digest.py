"""A script: prints the vector level and a digest of many batches, to be run under several settings of a process."""

import hashlib

import torch
import torchvision.transforms as v1
from hypothesis import HealthCheck, given, settings
from torchvision.transforms import v2

from penstock import DataLoader, _native
from support.compare import bits
from support.images import dataset_of
from support.loaders import small_cases

digest = hashlib.sha256()
CROP = [v1.RandomCrop(32, padding=4, padding_mode="reflect"), v1.RandomHorizontalFlip()]
FLOAT = v1.Compose([*CROP, v1.ToTensor(), v1.Normalize((0.49, 0.48, 0.45), (0.25, 0.24, 0.26))])
HALF = v2.Compose([v2.RandomCrop(32, padding=4, fill=7), v2.ToImage(), v2.ToDtype(torch.float16, scale=True)])
BYTES = v1.Compose([*CROP, v1.PILToTensor()])


def iterate(loader):
    torch.manual_seed(1)
    try:
        for images, _ in loader:
            digest.update(bits(images))
    except Exception as error:  # images of several sizes make no batch, and some transforms raise
        digest.update(type(error).__name__.encode())


@settings(max_examples=100, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
@given(small_cases())
def generated(case):
    iterate(case.loader(DataLoader))


def large():
    """Batches large enough for several threads to share one."""
    for family in ("CIFAR10", "SVHN"):
        for transform in (FLOAT, HALF, BYTES):
            dataset = dataset_of(family, 400, 33, 35, transform=transform)
            for workers in (0, 2):
                iterate(DataLoader(dataset, 150, shuffle=True, num_workers=workers))


if __name__ == "__main__":
    generated()
    large()
    print(_native.simd_level(), digest.hexdigest())
