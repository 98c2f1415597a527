"""A sample fails: same exception, the iterator lives on, and every later batch and number drawn is torch's."""

import gc
import weakref

import numpy as np
import pytest
import torch
import torchvision.transforms as v1
from support.images import Images, dataset_of
from support.record import Walk, assert_parity, batches, failures, more_workers_than_cores
from support.workers import ReferenceLoader
from torch.utils.data import ConcatDataset, Subset
from torchvision.transforms import v2

import penstock
from penstock.lowering.gather import Gathering
from penstock.prepared import Prepared

DRAWING = v1.Compose([v1.RandomHorizontalFlip(), v1.RandomCrop(5, padding=2), v1.ToTensor()])
WALKS = {"once": Walk((None,), draws=True), "again": Walk((3, None, None))}


class Odd(Exception):
    """Takes more than a message, so torch cannot make another one of it."""

    def __init__(self, code, text):
        super().__init__(code, text)


class Telling(Exception):
    """Has a message of its own, and torch asks for it by name."""

    message = "told"

    def __init__(self, *, message):
        super().__init__(message)


class Failing(Images):
    """Raises for some samples."""

    def __init__(self, errors, transform=DRAWING, count=14, **options):
        rng = np.random.default_rng(0)
        images = [rng.integers(0, 256, (6, 7, 3), dtype=np.uint8) for _ in range(count)]
        super().__init__(images, list(range(count)), transform, **options)
        self.errors = errors

    def locate(self, index):
        if index in self.errors:
            raise self.errors[index]()
        return super().locate(index)


def images(shapes, transform, targets=None):
    rng = np.random.default_rng(1)
    arrays = [rng.integers(0, 256, shape, dtype=np.uint8) for shape in shapes]
    return Images(arrays, targets or list(range(len(arrays))), transform)


def noted():
    error = ValueError("a line\nand another")
    error.add_note("a note of the dataset's")
    return error


def with_value(items, **replaced):
    """The items with some of them replaced: `at_3=None`."""
    for name, value in replaced.items():
        items[int(name.removeprefix("at_"))] = value
    return items


def ragged_dataset(cls):
    return cls(images([(6, 6, 3)] * 5 + [(7, 6, 3)] + [(6, 6, 3)] * 5, v1.ToTensor()), 3)


def target_transform(table):
    return dataset_of("CIFAR10", 14, transform=DRAWING, target_transform=table.__getitem__)


def short_targets():
    dataset = dataset_of("CIFAR10", 14, transform=DRAWING)
    dataset.targets = dataset.targets[:9]
    return dataset


def short_labels():
    dataset = dataset_of("SVHN", 14, transform=DRAWING)
    dataset.labels = dataset.labels[:9]
    return dataset


def changed_targets(*values):
    dataset = dataset_of("CIFAR10", 14, transform=DRAWING)
    dataset.targets = [*dataset.targets[:5], *values, *dataset.targets[5 + len(values) :]]
    return dataset


def changed_image(image, target=0, transform=DRAWING):
    dataset = images([(6, 7, 3)] * 12, transform)
    dataset.arrays[4] = image
    dataset.labels[4] = target
    return dataset


def sampler_that_fails():
    yield from range(5)
    raise LookupError("no more indices")


SMALL = [(9, 9, 3)] * 4 + [(4, 9, 3)] + [(9, 9, 3)] * 3 + [(9, 3, 3)] + [(9, 9, 3)] * 3
THIN = [(9, 9, 3)] * 4 + [(1, 99, 3)] + [(9, 9, 3)] * 3 + [(99, 1, 3)] + [(9, 9, 3)] * 3
FLIP = v2.RandomHorizontalFlip()

# What goes wrong, as a function of the class; all of them run natively.
NATIVE = {
    "index out of range": lambda cls, **o: cls(dataset_of("CIFAR10", 14, transform=DRAWING), 3, sampler=[0, 3, 99, 1, 2, 4, 5, -14, -15, 6, 7], **o),
    "index out of range of a tensor": lambda cls, **o: cls(dataset_of("MNIST", 14, transform=DRAWING), 3, sampler=[0, 3, 99, 1, 2, 4, -15], **o),
    "index out of range, planar": lambda cls, **o: cls(dataset_of("SVHN", 14, transform=DRAWING), 3, sampler=[99, 3, 1, 2, 4, -15], **o),
    "index of no known kind": lambda cls, **o: cls(dataset_of("STL10", 14, transform=DRAWING), 2, sampler=[1, 2, "three", 4, None, 5, 1.5, 2, [1], 0, slice(2), 3], **o),
    "mask as an index": lambda cls, **o: cls(dataset_of("CIFAR10", 2, transform=DRAWING), 2, sampler=[True, 1, torch.tensor(True), 0, torch.tensor([0]), np.array([True, False]), np.True_], **o),
    "uint8 tensor as an index": lambda cls, **o: cls(dataset_of("MNIST", 4, transform=DRAWING), 2, sampler=[torch.tensor(1, dtype=torch.uint8), 1, 2], **o),
    "targets too short": lambda cls, **o: cls(short_targets(), 4, shuffle=True, **o),
    "labels too short": lambda cls, **o: cls(short_labels(), 4, **o),
    "target None": lambda cls, **o: cls(changed_targets(None, None, None, None), 4, **o),
    "first target None": lambda cls, **o: cls(changed_targets(None), 5, **o),
    "mixed targets": lambda cls, **o: cls(changed_targets("a", 1.5, (1, 2), [3], {"k": 1}, b"x"), 2, **o),
    "ragged targets": lambda cls, **o: cls(changed_targets(torch.zeros(2), torch.zeros(3)), 7, **o),
    "huge target": lambda cls, **o: cls(changed_targets(2**63, -(2**63)), 3, **o),
    "targets of other numbers": lambda cls, **o: cls(changed_targets(True, 1.0, 2**63 - 1, np.int64(3), np.uint8(4)), 2, **o),
    "STL10 without labels": lambda cls, **o: cls(dataset_of("STL10", 7, transform=DRAWING, targets="None"), 3, **o),
    "target_transform: IndexError": lambda cls, **o: cls(target_transform([4, 3, 2, 1]), 2, **o),
    "target_transform: KeyError": lambda cls, **o: cls(target_transform(dict.fromkeys(range(0, 10, 2), 1)), 3, shuffle=True, **o),
    "target_transform: TypeError": lambda cls, **o: cls(dataset_of("CIFAR10", 9, transform=DRAWING, target_transform=len), 2, **o),
    "subset's indices": lambda cls, **o: cls(Subset(dataset_of("CIFAR10", 14, transform=DRAWING), [1, 2, 77, 3, 4, -15, 5]), 2, **o),
    "subset's own index": lambda cls, **o: cls(Subset(dataset_of("MNIST", 14, transform=DRAWING), [1, 2, 3]), 2, sampler=[0, 5, 1, 2, -4, -3], **o),
    "subset of subset": lambda cls, **o: cls(Subset(Subset(dataset_of("MNIST", 9, transform=DRAWING), [1, 2, 30]), [0, 1, 9, 2, 1]), 2, **o),
    "concatenation, too far": lambda cls, **o: cls(ConcatDataset([dataset_of("CIFAR10", 3, transform=DRAWING), short_targets()]), 4, sampler=[0, 16, 17, 1, -17, -18, 2, 3, 13, 4], **o),
    "subset in a concatenation": lambda cls, **o: cls(ConcatDataset([Subset(dataset_of("CIFAR10", 3, transform=DRAWING), [0, 5, 1])] * 2), 2, **o),
    "locate raises": lambda cls, **o: cls(Failing({4: lambda: ValueError("bad sample"), 9: lambda: KeyError("k")}), 3, **o),
    "locate raises at once": lambda cls, **o: cls(Failing({1: lambda: FileNotFoundError(2, "No such file", "x.png")}), 2, **o),
    "locate raises always": lambda cls, **o: cls(Failing(dict.fromkeys(range(14), lambda: RuntimeError("none"))), 3, **o),
    "locate raises at the end": lambda cls, **o: cls(Failing({13: lambda: OSError("last")}), 3, **o),
    "locate stops": lambda cls, **o: cls(Failing({4: StopIteration, 7: lambda: StopIteration("seven")}), 3, **o),
    "an exception torch cannot make": lambda cls, **o: cls(Failing({4: lambda: Odd(3, "odd")}), 3, **o),
    "an exception with a message": lambda cls, **o: cls(Failing({4: lambda: Telling(message="m")}), 3, **o),
    "an exception with a note": lambda cls, **o: cls(Failing({4: noted}), 3, **o),
    "two in one batch": lambda cls, **o: cls(Failing({4: KeyError, 5: ValueError, 6: KeyError, 7: TypeError}), 2, **o),
    "wrong dtype": lambda cls, **o: cls(changed_image(np.zeros((6, 7, 3), np.float32)), 3, **o),
    "wrong shape": lambda cls, **o: cls(changed_image(np.zeros((6, 7, 4), np.uint8)), 3, **o),
    "no image at all": lambda cls, **o: cls(changed_image(np.zeros((0, 7, 3), np.uint8)), 3, **o),
    "neither array nor file": lambda cls, **o: cls(changed_image(17), 3, **o),
    "a file that is not there": lambda cls, **o: cls(changed_image("/nonexistent/image.png"), 3, **o),
    "bytes of no image": lambda cls, **o: cls(changed_image(b"GIF89a, but no more"), 3, **o),
    "gray among colour": lambda cls, **o: cls(changed_image(np.zeros((6, 7), np.uint8)), 3, **o),
    "gray, which Normalize refuses": lambda cls, **o: cls(changed_image(np.zeros((6, 7), np.uint8), transform=v1.Compose([FLIP, v1.RandomCrop(5, 1), v1.ToTensor(), v1.Normalize([0.5] * 3, [0.5] * 3)])), 3, **o),
    "gray, which the fill does not suit": lambda cls, **o: cls(changed_image(np.zeros((6, 7), np.uint8), transform=v1.Compose([FLIP, v1.RandomCrop(5, 1, fill=(1, 2, 3)), v1.ToTensor()])), 3, **o),
    "ragged": lambda cls, **o: cls(images([(6, 6, 3)] * 5 + [(7, 6, 3)] + [(6, 6, 3)] * 5, v1.Compose([FLIP, v1.ToTensor()])), 3, **o),
    "ragged by channels": lambda cls, **o: cls(images([(6, 6, 3)] * 5 + [(6, 6)] + [(6, 6, 3)] * 5, v2.Compose([FLIP, v2.PILToTensor()])), 3, **o),
    "ragged and a target None": lambda cls, **o: cls(images([(6, 6, 3)] * 5 + [(7, 6, 3)] * 4, v1.ToTensor(), with_value([0] * 9, at_4=None)), 3, **o),
    "too small for v1.RandomCrop": lambda cls, **o: cls(images(SMALL, v1.Compose([FLIP, v1.RandomCrop(6), FLIP, v1.ToTensor()])), 3, **o),
    "too small for v2.RandomCrop": lambda cls, **o: cls(images(SMALL, v2.Compose([FLIP, v2.RandomCrop(6), FLIP, v2.PILToTensor()])), 3, **o),
    "too small even padded, v1": lambda cls, **o: cls(images(SMALL, v1.Compose([FLIP, v1.RandomCrop(7, padding=1), v1.ToTensor()])), 3, **o),
    "too small even padded, v2": lambda cls, **o: cls(images(SMALL, v2.Compose([FLIP, v2.RandomCrop(7, padding=1), v1.ToTensor()])), 3, **o),
    "too small a tensor for v1.RandomCrop": lambda cls, **o: cls(images(SMALL, v1.Compose([FLIP, v1.ToTensor(), v1.RandomCrop(6), FLIP])), 3, **o),
    "too small a tensor for v2.RandomCrop": lambda cls, **o: cls(images(SMALL, v2.Compose([FLIP, v2.ToImage(), v2.RandomCrop(6), FLIP])), 3, **o),
    "too small a tensor to reflect, v1": lambda cls, **o: cls(images(SMALL, v1.Compose([FLIP, v1.ToTensor(), v1.Pad(4, padding_mode="reflect"), v1.CenterCrop(5), FLIP])), 3, **o),
    "too small a tensor to reflect, v2": lambda cls, **o: cls(images(SMALL, v2.Compose([FLIP, v2.ToImage(), v2.RandomCrop(5, padding=4, padding_mode="reflect"), FLIP])), 3, **o),
    "too small a tensor to mirror": lambda cls, **o: cls(images(SMALL, v2.Compose([FLIP, v1.ToTensor(), v2.Pad([4, 0], padding_mode="symmetric"), v2.RandomCrop((4, 4))])), 3, **o),
    "ragged after v1.Resize": lambda cls, **o: cls(images(SMALL, v1.Compose([FLIP, v1.Resize(5), v1.ToTensor()])), 3, **o),
    "resized to nothing by v2.Resize": lambda cls, **o: cls(images(THIN, v2.Compose([FLIP, v2.Resize(None, max_size=5), v2.CenterCrop(4), FLIP, v1.ToTensor()])), 3, **o),
    "resized to nothing by v1.Resize": lambda cls, **o: cls(images(THIN, v1.Compose([FLIP, v1.Resize(4, max_size=5), v1.RandomCrop(4, pad_if_needed=True), v1.ToTensor()])), 3, **o),
    "resized to no size": lambda cls, **o: cls(images(THIN, v2.Compose([FLIP, v2.RandomResizedCrop((0, 3)), v1.ToTensor()])), 3, **o),
    "too small once it is resized": lambda cls, **o: cls(images(SMALL, v1.Compose([FLIP, v1.RandomResizedCrop(8), v1.RandomCrop(9), v1.ToTensor()])), 3, **o),
    "too small, then a bad target": lambda cls, **o: cls(images(SMALL, v1.Compose([FLIP, v1.RandomCrop(6), v1.ToTensor()]), with_value([1] * len(SMALL), at_3=None, at_10=None)), 3, **o),
    "an empty batch": lambda cls, **o: cls(dataset_of("CIFAR10", 14, transform=DRAWING), batch_sampler=[[0, 1], [], [2]], **o),
    "batches of other kinds": lambda cls, **o: cls(dataset_of("CIFAR10", 14, transform=DRAWING), batch_sampler=[(0, 1), range(3), torch.tensor([4, 5]), np.array([6]), {3: 1}, 7, None, "ab"], **o),
    "the sampler raises": lambda cls, **o: cls(dataset_of("CIFAR10", 14, transform=DRAWING), 2, sampler=Once(sampler_that_fails), **o),
}  # fmt: skip

# Every image fails, so there is nothing for penstock to do.
LEFT_TO_TORCH = {
    "std of 0": v1.Compose([v1.ToTensor(), v1.Normalize([0.5] * 3, [0.0] * 3)]),
    "too few means": v1.Compose([v1.ToTensor(), v1.Normalize([0.5] * 2, [0.5] * 2)]),
    "crop larger than all images": v1.Compose([v1.RandomHorizontalFlip(), v1.RandomCrop(50), v1.ToTensor()]),
    "Normalize of bytes": v2.Compose([v2.ToImage(), v2.Normalize([0.5], [0.5])]),
    "no tensor": v1.Compose([v1.RandomHorizontalFlip(), v1.CenterCrop(3)]),
    "no transform": None,
    "twice ToTensor": v1.Compose([v1.ToTensor(), v1.ToTensor()]),
    "fill of a wrong length": v1.Compose([v1.Pad(1, fill=(1, 2)), v1.ToTensor()]),
}


class Once:
    """A sampler made by calling a generator function."""

    def __init__(self, function):
        self.function = function

    def __iter__(self):
        return self.function()

    def __len__(self):
        return 5


WORKERS = {
    "0 workers": {},
    "2 workers": {"num_workers": 2},
    "3 persistent workers": {"num_workers": 3, "persistent_workers": True, "prefetch_factor": 1},
}


@pytest.mark.parametrize("walk", WALKS.values(), ids=WALKS)
@pytest.mark.parametrize("workers", WORKERS.values(), ids=WORKERS)
@pytest.mark.parametrize("make", NATIVE.values(), ids=NATIVE)
def test_native_loaders(make, workers, walk):
    with more_workers_than_cores():
        report = penstock.explain(make(penstock.DataLoader, **workers))
    assert report.native, str(report)
    found = assert_parity(lambda cls: make(cls, **workers), penstock.DataLoader, ReferenceLoader, walk, seed=5)
    failed = failures(found) or any(event[0] == "iter" and len(event) == 2 for event in found["events"])
    assert failed or make in (NATIVE["targets of other numbers"], NATIVE["locate stops"])


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("transform", LEFT_TO_TORCH.values(), ids=LEFT_TO_TORCH)
def test_loaders_left_to_torch(transform, workers):
    def make(cls):
        return cls(dataset_of("CIFAR10", 5, transform=transform), 2, num_workers=workers)

    assert not penstock.explain(make(penstock.DataLoader)).native
    found = assert_parity(make, penstock.DataLoader, torch.utils.data.DataLoader, Walk((None, None)))
    assert failures(found)
    assert not batches(found)


@pytest.mark.parametrize("workers", [0, 2])
def test_the_note_names_the_sample(workers):
    dataset = Failing({7: lambda: ValueError("bad sample")})
    loader = iter(penstock.DataLoader(dataset, 3, sampler=[1, 2, 3, 4, 7, 5, 6], num_workers=workers))
    next(loader)
    with pytest.raises(ValueError, match="bad sample") as raised:
        next(loader)
    assert raised.value.__notes__ == ["penstock: sample 7, position 1 of its batch"]
    assert [target.tolist() for _, target in loader] == [[6]]


@pytest.mark.parametrize("workers", [0, 2])
def test_the_note_names_the_image_that_a_transform_refused(workers):
    dataset = images(SMALL, v1.Compose([v1.RandomCrop(6), v1.ToTensor()]))
    with pytest.raises(ValueError, match="Required crop size") as raised:
        list(penstock.DataLoader(dataset, 3, num_workers=workers))
    assert raised.value.__notes__ == ["penstock: sample 4, position 1 of its batch"]
    assert str(raised.value).splitlines()[-1].endswith("is larger than input image size (4, 9)")


def test_an_error_of_a_whole_batch_has_no_note():
    with pytest.raises(RuntimeError, match="stack expects each tensor to be equal size") as raised:
        list(penstock.DataLoader(images([(3, 3, 3), (4, 3, 3)], v1.ToTensor()), 2))
    assert not hasattr(raised.value, "__notes__")


class Lazily:
    """A batch sampler whose batches are iterators, which draw while the images do."""

    def __iter__(self):
        for _ in range(3):
            yield (int(torch.randint(0, 14, ())) for _ in range(3))
        yield map(int, [4, 50, 2])

    def __len__(self):
        return 4


def test_batches_that_are_iterators():
    """Without workers; to a worker process they cannot be sent."""

    def make(cls):
        return cls(dataset_of("CIFAR10", 14, transform=DRAWING), batch_sampler=Lazily())

    found = assert_parity(make, penstock.DataLoader, torch.utils.data.DataLoader, Walk((None, None)))
    assert len(failures(found)) == 2


def test_a_failure_of_the_threads_is_raised_once(monkeypatch):
    """It would be a bug of ours; the batches after it are made all the same."""
    wait = Prepared.wait

    def failing(self, timeout):
        if 4 in self._there.outline.targets:
            raise RuntimeError("a bug of ours")
        return wait(self, timeout)

    monkeypatch.setattr(Prepared, "wait", failing)
    iterator = iter(penstock.DataLoader(images([(3, 3, 3)] * 9, v1.ToTensor()), 2, num_workers=2))
    targets = []
    for _ in range(5):
        try:
            targets += next(iterator)[1].tolist()
        except RuntimeError as error:
            targets.append(str(error))
    assert targets == [0, 1, 2, 3, "a bug of ours", 6, 7, 8]
    assert next(iterator, "end") == "end"


@pytest.mark.parametrize("workers", [0, 2])
def test_an_exception_that_is_raised_does_not_keep_its_batch(workers):
    dataset = Failing({4: lambda: ValueError("bad sample")})
    gc.collect()  # what other tests' tracebacks hold
    before = penstock._native.memory_usage()[0]
    loader = iter(penstock.DataLoader(dataset, 3, num_workers=workers))
    del next(loader)[:]
    with pytest.raises(ValueError, match="bad sample") as raised:
        next(loader)
    del loader, raised
    assert penstock._native.memory_usage()[0] == before


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(
    "kind",
    [
        "locate raises",
        "too small for v1.RandomCrop",
        "mixed targets",
        "ragged",
        "subset's indices",
        "target_transform: KeyError",
    ],
)
def test_failed_samples_are_forgotten_at_once(workers, kind):
    """Not when Python next looks for cycles: images are large, and it does not know."""
    loader = NATIVE[kind](penstock.DataLoader, num_workers=workers)
    seen = []

    finish = Gathering.finish

    def watched(self):
        located = finish(self)
        if not any(other() is located for other in seen):
            seen.append(weakref.ref(located))
        return located

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Gathering, "finish", watched)
        gc.disable()
        try:
            iterator = iter(loader)
            failed = []
            for _ in range(len(loader) + 1):
                try:
                    next(iterator, None)
                except Exception as error:
                    failed.append(type(error))
            assert failed
            assert len(seen) == len(loader)
            assert not [located for located in seen if located() is not None]
        finally:
            gc.enable()
