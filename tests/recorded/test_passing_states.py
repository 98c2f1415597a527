"""States of torch that change while a loader is iterated over: batches, draws and errors are torch's."""

import contextlib

import pytest
import torch
from support.both_loaders import Opened, write_images
from torch.overrides import TorchFunctionMode
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
from torchvision.transforms import v2

import penstock


class Rounding(TorchFunctionMode):
    """A mode in which torch draws other numbers."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        return result.mul_(0.5) if function is torch.Tensor.uniform_ else result


STATES = {
    "float64": lambda: torch.set_default_dtype(torch.float64),
    "float16": lambda: torch.set_default_dtype(torch.float16),
    "meta": lambda: torch.set_default_device("meta"),
    "deterministic": lambda: torch.use_deterministic_algorithms(True),
    "mode": lambda: Rounding().__enter__(),
}
V1 = transforms.Compose([transforms.RandomResizedCrop(32), transforms.ToTensor()])
V2 = v2.Compose(
    [v2.RandomResizedCrop(32), v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5] * 3, [0.25] * 3)]
)


class Changing(Opened):
    """Changes the state of the process that loads its fifth image."""

    def __init__(self, paths, transform, change):
        super().__init__(paths, transform)
        self.change = change

    def __getitem__(self, index):
        if index == 4:
            self.change()
        return super().__getitem__(index)


class ChangingSampler:
    """Stands for a training loop that changes the state between two batches."""

    def __init__(self, length, change):
        self.length, self.change = length, change

    def __len__(self):
        return self.length

    def __iter__(self):
        for index in range(self.length):
            if index == 4:
                self.change()
            yield index


class Init:
    def __init__(self, change):
        self.change = change

    def __call__(self, worker):
        self.change()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    torch.use_deterministic_algorithms(False)  # it takes seconds the first time, which workers need not take again
    root = tmp_path_factory.mktemp("images")
    write_images(root, 8)
    return root


def outcome(loader):
    """Return all batches, or the error after some, and where the generator stands."""
    torch.manual_seed(5)
    with contextlib.ExitStack() as undo:
        undo.callback(torch.use_deterministic_algorithms, False)
        undo.callback(torch.set_default_device, None)
        undo.callback(torch.set_default_dtype, torch.float32)
        undo.callback(leave_modes)
        batches, error = [], None
        try:
            batches.extend(loader)
        except Exception as raised:
            error = type(raised), str(raised).splitlines()[-1]
    return batches, error, torch.get_rng_state()


def leave_modes():
    for mode in reversed(torch.overrides._get_current_function_mode_stack()):
        if isinstance(mode, Rounding):
            mode.__exit__(None, None, None)


def assert_same(make):
    ours, theirs = outcome(make(penstock.DataLoader)), outcome(make(DataLoader))
    assert ours[1] == theirs[1]
    assert torch.equal(ours[2], theirs[2])
    assert len(ours[0]) == len(theirs[0])
    for batch, expected in zip(ours[0], theirs[0], strict=True):
        for tensor, wanted in zip(batch, expected, strict=True):
            assert (tensor.dtype, tensor.device, tensor.shape) == (wanted.dtype, wanted.device, wanted.shape)
            assert tensor.is_meta or torch.equal(tensor, wanted)


# Data set, transform, and where the state changes.
CASES = [
    *((data, "v1", where) for data in ("folder", "own") for where in ("worker_init_fn", "between 0", "between 1")),
    *(("own", "v1", f"getitem {workers}") for workers in (0, 1)),
    *(("own", "v2", where) for where in ("worker_init_fn", "between 0")),
]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize(("data", "version", "where"), CASES, ids=map("-".join, CASES))
def test_a_state_that_changes_meanwhile(folder, data, version, where, state):
    transform = {"v1": V1, "v2": V2}[version]
    known = datasets.ImageFolder(folder, transform, target_transform=float)
    paths = [path for path, _ in known.samples]
    change = STATES[state]

    def make(loader):
        place, _, workers = where.partition(" ")
        if place == "getitem":
            return loader(Changing(paths, transform, change), 2, num_workers=int(workers))
        dataset = known if data == "folder" else Opened(paths, transform)
        if place == "worker_init_fn":
            return loader(dataset, 4, num_workers=1, worker_init_fn=Init(change))
        return loader(dataset, 2, sampler=ChangingSampler(len(dataset), change), num_workers=int(workers))

    assert_same(make)
