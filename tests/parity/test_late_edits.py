"""A program changes its dataset or transforms in mid-epoch: penstock notices when torch does, and not before.

Without workers torch sees a change at the next batch, worker processes see it at the next `iter()`, and persistent
ones never.
"""

import contextlib

import numpy as np
import pytest
import torch
import torchvision.transforms as v1
from support.images import Images, bare, dataset_of
from support.record import Walk, assert_parity
from support.workers import ForkingReferenceLoader
from torch import nn
from torch.utils.data import ConcatDataset, Subset
from torchvision import datasets as tv
from torchvision.transforms import v2

import penstock

ALWAYS = 1.0


def flips():
    parts = [
        v1.RandomCrop(4, padding=1),
        v1.RandomHorizontalFlip(0.5),
        v1.ToTensor(),
        v1.Normalize([0.5] * 3, [0.25] * 3),
    ]
    return v1.Compose(parts)


def flips_v2():
    parts = [v2.ToImage(), nn.Sequential(v2.RandomCrop(4, padding=1, fill=3), v2.RandomVerticalFlip(0.5))]
    return v2.Compose([*parts, v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.25] * 3)])


def cifar(transform=None, **options):
    return dataset_of("CIFAR10", 14, 5, 5, transform=transform or flips(), **options)


def chosen():
    policy = v1.AutoAugment(v1.AutoAugmentPolicy.SVHN)
    applied = v1.RandomApply([v1.RandomHorizontalFlip(0.5), v1.RandomInvert(0.5)], p=0.5)
    return cifar(v1.Compose([policy, applied, v1.ToTensor()]))


def chosen_v2():
    choice = v2.RandomChoice([v2.RandomInvert(0.5), v2.RandomOrder([v2.RandomHorizontalFlip(0.5)])])
    return cifar(v2.Compose([v2.AutoAugment(), choice, v2.ToImage()]))


def mnist():
    return dataset_of("MNIST", 14, 5, 5, transform=v1.Compose([v1.RandomCrop(4, padding=1), v1.ToTensor()]))


def qmnist():
    return dataset_of("QMNIST", 14, 5, 5, transform=v1.ToTensor(), compat=False)


def subset():
    return Subset(cifar(), list(range(13, 1, -1)))


def subset_of_tensor():
    return Subset(cifar(), torch.arange(13, 1, -1))


def both():
    return ConcatDataset([cifar(seed=1), cifar(flips_v2(), seed=2)])


def part(dataset, index):
    return dataset.transform.transforms[index]


def set_mean(dataset):
    part(dataset, 3).mean[1] = 0.75


def set_all_targets(dataset):
    dataset.targets[:] = 7 if isinstance(dataset.targets, torch.Tensor) else [7] * len(dataset.targets)


def set_labels(dataset):
    dataset.labels[5:] = 3


def set_indices(dataset):
    dataset.indices[4:] = [1] * (len(dataset.indices) - 4) if isinstance(dataset.indices, list) else 1


def vflip_class(dataset):
    dataset.transform.transforms[1] = v1.RandomVerticalFlip(ALWAYS)


def shorter(dataset):
    dataset.data, dataset.targets = dataset.data[:6], dataset.targets[:6]


def assign(**attributes):
    return lambda dataset: vars(dataset).update(attributes)


def to_part(index, **attributes):
    return lambda dataset: vars(part(dataset, index)).update(attributes)


def hook(dataset):
    part(dataset, 1).register_forward_hook(lambda module, inputs, output: v1.functional.vflip(output))


def hook_before(dataset):
    part(dataset, 1).register_forward_pre_hook(lambda module, inputs: (v1.functional.vflip(inputs[0]),))


def hook_within(dataset):
    part(dataset, 1)[0].register_forward_hook(lambda module, inputs, output: v2.functional.vertical_flip(output))


class Upside(tv.CIFAR10):
    def __getitem__(self, index):
        image, target = super().__getitem__(index)
        return image.flip(1), target


def other_class(dataset):
    dataset.__class__ = Upside


OTHER = np.random.default_rng(9).integers(0, 256, (14, 5, 5, 3), dtype=np.uint8)

# How the dataset is made, and what happens to it after the first batch.
EDITS = {
    "transform": (cifar, assign(transform=flips_v2())),
    "transform, opaque": (cifar, assign(transform=lambda img: v1.functional.to_tensor(img) * 2)),
    "transform None": (cifar, assign(transform=None)),
    "target_transform": (cifar, assign(target_transform=lambda y: y + 1)),
    "target_transform, impure": (cifar, assign(target_transform=lambda y: y + int(torch.randint(0, 9, ())))),
    "data": (cifar, assign(data=OTHER)),
    "data of another size": (cifar, assign(data=np.ascontiguousarray(OTHER[:, :4]))),
    "data of another dtype": (cifar, assign(data=OTHER.astype(np.float32).astype(np.uint16))),
    "data shorter": (cifar, shorter),
    "targets": (cifar, assign(targets=list(range(100, 114)))),
    "targets in place": (cifar, set_all_targets),
    "targets of an array in place": (lambda: cifar(targets="int64"), set_all_targets),
    "targets of a tensor in place": (lambda: cifar(targets="tensor"), set_all_targets),
    "MNIST's targets in place": (mnist, set_all_targets),
    "QMNIST's targets in place": (qmnist, set_all_targets),
    "QMNIST's compat": (qmnist, assign(compat=True)),
    "SVHN's labels in place": (lambda: dataset_of("SVHN", 14, transform=v1.ToTensor()), set_labels),
    "__getitems__": (cifar, assign(__getitems__=lambda indices: [(torch.ones(2), index) for index in indices])),
    "class": (cifar, other_class),
    "part replaced": (cifar, vflip_class),
    "part appended": (cifar, lambda dataset: dataset.transform.transforms.append(v1.CenterCrop(3))),
    "part removed": (cifar, lambda dataset: dataset.transform.transforms.pop(1)),
    "parts replaced": (cifar, lambda dataset: setattr(dataset.transform, "transforms", [v1.ToTensor()])),
    "p": (cifar, to_part(1, p=ALWAYS)),
    "size": (cifar, to_part(0, size=(3, 2))),
    "padding": (cifar, to_part(0, padding=3)),
    "padding_mode": (cifar, to_part(0, padding=3, padding_mode="edge")),
    "fill": (cifar, to_part(0, fill=77)),
    "mean": (cifar, to_part(3, mean=[0.1, 0.2, 0.3])),
    "mean in place": (cifar, set_mean),
    "std of 0": (cifar, to_part(3, std=[0.0] * 3)),
    "forward": (cifar, to_part(1, forward=v1.functional.vflip)),
    "get_params": (cifar, to_part(0, get_params=lambda img, size: (0, 0, *size))),
    "hook": (cifar, hook),
    "pre-hook": (cifar, hook_before),
    "v2: p": (lambda: cifar(flips_v2()), lambda dataset: setattr(part(dataset, 1)[1], "p", ALWAYS)),
    "v2: fill": (lambda: cifar(flips_v2()), lambda dataset: setattr(part(dataset, 1)[0], "_fill", {"others": 99})),
    "v2: fill in place": (lambda: cifar(flips_v2()), lambda dataset: part(dataset, 1)[0]._fill.update(others=98)),
    "v2: padding": (lambda: cifar(flips_v2()), lambda dataset: setattr(part(dataset, 1)[0], "padding", [3, 0, 0, 3])),
    "v2: padding in place": (lambda: cifar(flips_v2()), lambda dataset: part(dataset, 1)[0].padding.__setitem__(0, 4)),
    "v2: dtype": (lambda: cifar(flips_v2()), lambda dataset: setattr(part(dataset, 2), "dtype", torch.float64)),
    "v2: scale": (lambda: cifar(flips_v2()), lambda dataset: setattr(part(dataset, 2), "scale", False)),
    "v2: hook within": (lambda: cifar(flips_v2()), hook_within),
    "v2: _call_kernel": (lambda: cifar(flips_v2()), lambda dataset: setattr(part(dataset, 1)[1], "_call_kernel", lambda function, image: image)),
    "v2: part appended": (lambda: cifar(flips_v2()), lambda dataset: part(dataset, 1).append(v2.RandomHorizontalFlip(ALWAYS))),
    "v2: part replaced": (lambda: cifar(flips_v2()), lambda dataset: part(dataset, 1).__setitem__(1, v2.RandomHorizontalFlip(ALWAYS))),
    "policies": (chosen, lambda dataset: setattr(part(dataset, 0), "policies", part(dataset, 0).policies[:3])),
    "policies in place": (chosen, lambda dataset: part(dataset, 0).policies.__delitem__(slice(5))),
    "choice: p": (chosen, to_part(1, p=ALWAYS)),
    "choice: part's p": (chosen, lambda dataset: setattr(part(dataset, 1).transforms[1], "p", ALWAYS)),
    "choice: part replaced": (chosen, lambda dataset: part(dataset, 1).transforms.__setitem__(0, v1.RandomVerticalFlip(ALWAYS))),
    "v2: policies": (chosen_v2, lambda dataset: setattr(part(dataset, 0), "_policies", part(dataset, 0)._policies[:3])),
    "v2: magnitudes": (chosen_v2, lambda dataset: setattr(part(dataset, 0), "_AUGMENTATION_SPACE", v2.TrivialAugmentWide._AUGMENTATION_SPACE)),
    "v2: choice: p in place": (chosen_v2, lambda dataset: part(dataset, 1).p.__setitem__(0, 0.0)),
    "v2: choice: part within": (chosen_v2, lambda dataset: setattr(part(dataset, 1).transforms[1].transforms[0], "p", ALWAYS)),
    "subset: indices": (subset, assign(indices=range(12))),
    "subset: indices in place": (subset, set_indices),
    "subset: indices of a tensor in place": (subset_of_tensor, set_indices),
    "subset: dataset": (subset, assign(dataset=cifar(flips_v2()))),
    "subset: transform within": (subset, lambda dataset: setattr(dataset.dataset, "transform", flips_v2())),
    "subset: __getitems__": (subset, assign(__getitems__=lambda indices: [(torch.ones(2), index) for index in indices])),
    "concatenation: part replaced": (both, lambda dataset: dataset.datasets.__setitem__(0, cifar(flips_v2(), seed=5))),
    "concatenation: transform within": (both, lambda dataset: setattr(dataset.datasets[0], "transform", flips_v2())),
    "concatenation: part with another dtype": (both, lambda dataset: setattr(dataset.datasets[1], "transform", v1.PILToTensor())),
    "own images: transform": (lambda: Images(list(OTHER), range(14), flips()), assign(transform=flips_v2())),
    "own images: target_transform": (lambda: Images(list(OTHER), range(14), flips()), assign(target_transform=float)),
}  # fmt: skip

WORKERS = {
    "0 workers": {},
    "2 workers": {"num_workers": 2},
    "2 persistent workers": {"num_workers": 2, "persistent_workers": True, "prefetch_factor": 1},
}


def assert_seen_alike(make_dataset, edit, **options):
    def make(cls):
        # The sampler's length is the dataset's as it was: with fewer images some batches fail.
        dataset = make_dataset()
        return cls(dataset, 2, sampler=list(range(len(dataset))), **options)

    assert penstock.explain(make(penstock.DataLoader)).native
    return assert_parity(make, penstock.DataLoader, ForkingReferenceLoader, Walk((5, None, None), edit=edit), seed=3)


@pytest.mark.parametrize("workers", WORKERS.values(), ids=WORKERS)
@pytest.mark.parametrize(("dataset", "edit"), EDITS.values(), ids=EDITS)
def test_dataset(dataset, edit, workers):
    assert_seen_alike(dataset, lambda loader: edit(loader.dataset), **workers)


def test_pixels_in_place():
    """Without workers; with them this is a documented difference."""

    def edit(loader):
        loader.dataset.data[4:] //= 2

    assert_seen_alike(cifar, edit)


def test_own_images_in_place():
    def edit(loader):
        for image in loader.dataset.arrays:
            image //= 2

    assert_seen_alike(lambda: Images([row.copy() for row in OTHER], range(14), flips()), edit)


class OneBuffer(Images):
    """Locates every image in the same memory, as a decoder with a buffer of its own would."""

    def locate(self, index):
        image, target = super().locate(index)
        self.buffer[:] = image
        return self.buffer, target


@pytest.mark.parametrize("workers", WORKERS.values(), ids=WORKERS)
def test_own_images_in_one_buffer(workers):
    def make(cls):
        dataset = OneBuffer(list(OTHER), range(14), flips())
        dataset.buffer = np.zeros((5, 5, 3), np.uint8)
        return cls(dataset, 4, shuffle=True, **workers)

    assert penstock.explain(make(penstock.DataLoader)).native
    assert_parity(make, penstock.DataLoader, ForkingReferenceLoader, Walk((None, None)))


@pytest.mark.parametrize("workers", WORKERS.values(), ids=WORKERS)
def test_loader(workers):
    """What may be set on a loader counts from the next `iter()` on."""

    def edit(loader):
        loader.collate_fn = list
        loader.generator = torch.Generator().manual_seed(5)

    assert_seen_alike(cifar, edit, **workers)


@contextlib.contextmanager
def replaced(owner, name, value):
    before = vars(owner)[name]
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


def hflip_item(self, index):
    image, target = tv.MNIST.__getitem__(self, index)
    return image, target


@contextlib.contextmanager
def default_dtype():
    torch.set_default_dtype(torch.float64)
    try:
        yield
    finally:
        torch.set_default_dtype(torch.float32)


@contextlib.contextmanager
def global_hook():
    handle = nn.modules.module.register_module_forward_hook(lambda module, inputs, output: v1.functional.vflip(output))
    try:
        yield
    finally:
        handle.remove()


def vflip(self, img):
    return v1.functional.vflip(img)


def other_item(self, index):
    return torch.full((3, 2, 2), float(index)), index


def halved(*args, rand=torch.rand, **options):
    return rand(*args, **options) / 2


def largest(low, high, size, **options):
    return torch.full(size, high - 1, **options)


PROCESS = {
    "default dtype": default_dtype,
    "global hook": global_hook,
    "forward": lambda: replaced(v1.RandomHorizontalFlip, "forward", vflip),
    "functional.hflip": lambda: replaced(v1.functional, "hflip", v1.functional.vflip),
    "torch.rand": lambda: replaced(torch, "rand", halved),
    "torch.randint": lambda: replaced(torch, "randint", largest),
    "__getitem__": lambda: replaced(tv.CIFAR10, "__getitem__", other_item),
}


@pytest.mark.parametrize("change", PROCESS.values(), ids=PROCESS)
def test_process(change):
    """Something about the whole process changes; without workers torch sees this too at the next batch."""
    with contextlib.ExitStack() as stack:

        def edit(loader):
            stack.enter_context(change())

        def make(cls):
            stack.close()
            return cls(cifar(), 2)

        assert_parity(make, penstock.DataLoader, torch.utils.data.DataLoader, Walk((5, None), edit=edit), seed=3)


def test_a_dataset_that_grows():
    """The sampler asks for its length at each `iter()`."""

    def make(cls):
        return cls(dataset_of("CIFAR10", 4, 5, 5, transform=flips()), 2, shuffle=True)

    def edit(loader):
        loader.dataset.data, loader.dataset.targets = OTHER, list(range(14))

    found = assert_parity(make, penstock.DataLoader, ForkingReferenceLoader, Walk((None, None), edit=edit))
    assert [event[1] for event in found["events"] if event[0] == "iter"] == [2, 7]


def test_an_attribute_that_goes():
    dataset = bare("CIFAR10", flips())
    dataset.data, dataset.targets = OTHER, list(range(14))
    loader = iter(penstock.DataLoader(dataset, 2))
    next(loader)
    del dataset.data
    with pytest.raises(AttributeError, match="data"):
        next(loader)
    dataset.data = OTHER
    assert len(list(loader)) == 5
