"""Datasets whose loaders are made in each of the three ways, and epochs over them that go to a device."""

import torch
import torch.utils.data
from PIL import Image
from torchvision import transforms as T

import penstock
from support.fake_cuda import tensors_of
from support.images import dataset_of

COUNT, SIZE = 22, 4
NORMALIZE = T.Normalize((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))
STEPS = T.Compose([T.RandomCrop(SIZE, padding=1), T.RandomHorizontalFlip(), T.ToTensor(), NORMALIZE])


class Opened(torch.utils.data.Dataset):
    """A user's own dataset: images record."""

    def __init__(self, paths, nested=False):
        self.paths, self.nested = paths, nested

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        image = STEPS(Image.open(self.paths[index]))
        return {"views": [image, index], "name": str(index)} if self.nested else (image, index)


def made(kind, paths=()):
    """Return a dataset; `way` names that of its loaders."""
    dataset = {
        "lowered": lambda: dataset_of("CIFAR10", COUNT, 5, 6, transform=STEPS),
        "recorded": lambda: Opened(paths),
        "nested": lambda: Opened(paths, nested=True),
        "torch": lambda: torch.utils.data.TensorDataset(torch.rand(COUNT, 3, SIZE, SIZE), torch.arange(COUNT)),
    }[kind]()
    dataset.way = "recorded" if kind == "nested" else kind
    return dataset


def torchs(dataset, epochs=1, **options):
    """Return the tensors of the batches of torch's loader."""
    torch.manual_seed(3)
    loader = torch.utils.data.DataLoader(dataset, 4, shuffle=True, **options)
    return [[tensors_of(batch) for batch in loader] for _ in range(epochs)]


def delivered(gpu, dataset, epochs=1, **options):
    """Return what a device reads of batches that are let go of at once, and the loader."""
    torch.manual_seed(3)
    loader = penstock.DataLoader(dataset, 4, shuffle=True, device="cuda", **options)
    read = []
    for _ in range(epochs):
        iterator = iter(loader)
        read.append([gpu.read(batch) for batch in iterator])
        gpu.current.synchronize()  # before the iterator goes, which waits for its copies
    return read, loader
