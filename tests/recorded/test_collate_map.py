"""torch's table of collate functions, extended, changed and emptied: batches are torch's, and native if they may be."""

import collections.abc
import contextlib

import numpy as np
import pytest
import torch
from PIL import Image
from support.both_loaders import Opened, walk, write_images
from support.compare import assert_same
from torch.utils.data import DataLoader
from torch.utils.data._utils.collate import default_collate_fn_map
from torchvision import datasets, transforms, tv_tensors
from torchvision.transforms import v2

import penstock

V1 = transforms.Compose([transforms.RandomResizedCrop(24), transforms.ToTensor()])
V2 = v2.Compose([v2.ToImage(), v2.RandomCrop(24), v2.ToDtype(torch.float32, scale=True)])


class MetaTensor(torch.Tensor):
    """A class of tensors as medical libraries have one."""


class AnyTensor(collections.abc.Hashable):
    """What tensors are by `register` alone."""


AnyTensor.register(torch.Tensor)


def marked(batch, *, collate_fn_map=None):
    return ["marked", len(batch), type(batch[0]).__name__]


def doubled(batch, *, collate_fn_map=None):
    return torch.stack(batch).double() * 2


def listed(batch, *, collate_fn_map=None):
    return list(batch)


def nested(batch, *, collate_fn_map=None):
    """Collates as it was, by the table that it is given."""
    return torch.utils.data._utils.collate.collate([[item] for item in batch], collate_fn_map=collate_fn_map)


def put(table, kind, function):
    """Add an entry, behind all others."""
    table.pop(kind, None)
    table[kind] = function


def put_first(table, kind, function):
    others = dict(table)
    table.clear()
    table.update({kind: function, **others})


def recursive(batch, *, collate_fn_map=None):
    plain = {kind: function for kind, function in collate_fn_map.items() if function is not recursive}
    return nested(batch, collate_fn_map=plain)


# How the table is changed, and whether loaders of v1 and of v2 transforms with class numbers are lowered then.
CHANGES = {
    "a tensor class": (lambda t: put(t, MetaTensor, marked), True, True),
    "a tensor class first": (lambda t: put_first(t, MetaTensor, marked), True, True),
    "array items": (lambda t: put(t, np.generic, marked), True, True),
    "Pillow images": (lambda t: put(t, Image.Image, marked), True, True),
    "strings": (lambda t: put(t, str, marked), True, True),
    "no strings": (lambda t: t.pop(str), True, True),
    "mappings": (lambda t: put(t, collections.abc.Mapping, marked), True, True),
    "anything": (lambda t: put(t, object, marked), False, False),
    "sequences": (lambda t: put(t, collections.abc.Sequence, marked), False, False),
    "tuples": (lambda t: put(t, tuple, nested), False, False),
    "images": (lambda t: put(t, tv_tensors.Image, marked), True, False),
    "images, of any kind, behind": (lambda t: put(t, tv_tensors.TVTensor, marked), True, True),
    "images, of any kind, first": (lambda t: put_first(t, tv_tensors.TVTensor, marked), True, False),
    "tensors by register, first": (lambda t: put_first(t, AnyTensor, marked), True, False),
    "other tensors": (lambda t: put(t, torch.Tensor, doubled), False, False),
    "tensors listed": (lambda t: put(t, torch.Tensor, listed), False, False),
    "tensors nested": (lambda t: put(t, torch.Tensor, recursive), False, False),
    "tensors behind": (lambda t: put(t, torch.Tensor, t[torch.Tensor]), True, True),
    "no tensors": (lambda t: t.pop(torch.Tensor), False, False),
    "no tensors, but images": (lambda t: (t.pop(torch.Tensor), put(t, tv_tensors.Image, marked)), False, False),
    "other ints": (lambda t: put(t, int, marked), False, False),
    "no ints": (lambda t: t.pop(int), False, False),
    "no ints, but objects": (lambda t: (t.pop(int), put(t, collections.abc.Hashable, marked)), False, False),
    "nothing": (lambda t: t.clear(), False, False),
}


# Those that are tried with worker processes, too.
IN_WORKERS = ("a tensor class", "images", "other tensors", "tensors listed")


@contextlib.contextmanager
def changed(change):
    before = dict(default_collate_fn_map)
    change(default_collate_fn_map)
    try:
        yield
    finally:
        default_collate_fn_map.clear()
        default_collate_fn_map.update(before)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("images")
    write_images(root, 6)
    return root


def outcome(loader):
    try:
        return walk(loader, 3, 1)
    except Exception as error:
        return type(error), str(error).splitlines()[-1]


@pytest.mark.parametrize("data", ["folder", "own", "own images"])
@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_table(folder, change, data):
    edit, lowers_tensors, lowers_images = CHANGES[change]
    is_lowered = {"folder": lowers_tensors, "own": False, "own images": False}[data]
    known = datasets.ImageFolder(folder, V1)
    paths = [path for path, _ in known.samples]
    dataset = {"folder": known, "own": Opened(paths, V1), "own images": Opened(paths, V2)}[data]
    with changed(edit):
        within = dict(default_collate_fn_map)
        for workers in (0, 1) if change in IN_WORKERS else (0,):
            ours = penstock.DataLoader(dataset, 3, num_workers=workers)
            assert penstock.explain(ours).way == ("lowered" if is_lowered else "recorded")
            assert_same(outcome(ours), outcome(DataLoader(dataset, 3, num_workers=workers)))
            assert [*default_collate_fn_map.items()] == [*within.items()], "all hooks are gone, and the order is kept"
        lowered = penstock.explain(penstock.DataLoader(datasets.ImageFolder(folder, V2), 3))
        assert lowered.native == lowers_images, lowered
        if not lowered.native:
            assert "default_collate_fn_map: " in "; ".join(lowered.reasons)


class Saying(Opened):
    """A target of the user's own for each image."""

    def __init__(self, paths, transform, target):
        super().__init__(paths, transform)
        self.target = target

    def __getitem__(self, index):
        return self.transform(self.open(index)), self.target


@pytest.mark.parametrize("change", ["strings", "no strings", "array items", "a tensor class", "other ints"])
@pytest.mark.parametrize("target", ["a name", np.float32(2), 3.5, True, (1, "a"), torch.tensor(3)], ids=repr)
def test_targets_meet_what_is_in_the_table(folder, change, target):
    known = datasets.ImageFolder(folder, V1, target_transform=None)
    known.samples = [(path, target) for path, _ in known.samples]
    with changed(CHANGES[change][0]):
        for dataset in (known, Saying([path for path, _ in known.samples], V1, target)):
            assert_same(outcome(penstock.DataLoader(dataset, 3)), outcome(DataLoader(dataset, 3)))


def test_what_native_batches_meet_is_told_by_its_name(folder):
    loader = penstock.DataLoader(datasets.ImageFolder(folder, V1), 3)
    for change, reason in {
        "other tensors": "its entry for Tensor was changed",
        "other ints": "its entry for int was changed",
        "sequences": "an entry was added that takes tuples",
    }.items():
        with changed(CHANGES[change][0]):
            assert f"default_collate_fn_map: {reason}" in "; ".join(penstock.explain(loader).reasons)


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_workers_that_are_not_forked_have_torchs_own_table(folder, method):
    data = datasets.ImageFolder(folder, V1)
    loader = penstock.DataLoader(data, 3, num_workers=1, multiprocessing_context=method)
    for change, lowered in {"no strings": method == "fork", "a tensor class": True}.items():
        with changed(CHANGES[change][0]):
            assert penstock.explain(loader).native == lowered


def test_an_entry_that_is_changed_between_batches_is_met_at_once(folder):
    class Switch:
        def __len__(self):
            return 6

        def __iter__(self):
            for index in range(6):
                if index == 4:
                    put(default_collate_fn_map, torch.Tensor, doubled)
                yield index

    known = datasets.ImageFolder(folder, V1)
    for dataset in (known, Opened([path for path, _ in known.samples], V1)):
        results = []
        for make in (penstock.DataLoader, DataLoader):
            with changed(lambda table: None):
                results.append(outcome(make(dataset, 2, sampler=Switch())))
        assert_same(*results)
