"""Loaders that are stopped and gone on with: data sets, samplers, and runs with and without stops."""

import dataclasses
import pickle
import random
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import (
    Dataset,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    Sampler,
    SubsetRandomSampler,
    WeightedRandomSampler,
    get_worker_info,
)
from torchvision import transforms as v1

from penstock import DataLoader
from support.compare import assert_same
from support.images import dataset_of
from support.workers import get_states, set_states

SIZE = 23
_CROPS = v1.Compose([v1.RandomCrop(8, padding=2), v1.RandomHorizontalFlip(), v1.ToTensor()])
_VIEWS = v1.Compose([v1.RandomResizedCrop(8), v1.RandomHorizontalFlip(), v1.ToTensor()])


class Numbers(Dataset[Any]):
    """Draws from every global generator, also in ways that leave a normal deviate for later."""

    def __len__(self) -> int:
        return SIZE

    def __getitem__(self, index: int) -> Any:
        if index == SIZE - 2:
            random.seed(index)  # puts it back to the index at which it was
        own = random.gauss(0, 1), np.random.rand(), np.random.randn()  # noqa: NPY002 - the global one
        return (int(index), torch.rand(2), torch.randn(3), *own)


class Broken(Numbers):
    """Some samples raise, after they have drawn."""

    def __getitem__(self, index: int) -> Any:
        sample = super().__getitem__(index)
        if index % 7 == 3:
            raise KeyError(int(index))
        return sample


class Counting(Dataset[Any]):
    """A sample depends on those before it in the same worker; it says where it is."""

    def __init__(self) -> None:
        self._seen: list[int] = []

    def __len__(self) -> int:
        return SIZE

    def __getitem__(self, index: int) -> Any:
        self._seen.append(int(index))
        return index, sum(self._seen), len(self._seen)

    def state_dict(self) -> dict[str, Any]:
        return {"seen": self._seen}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._seen = list(state["seen"])


class Files(Dataset[Any]):
    """Images out of files, which record."""

    def __init__(self, paths: list[str]) -> None:
        self._paths = paths

    def __len__(self) -> int:
        return SIZE

    def __getitem__(self, index: int) -> Any:
        with Image.open(self._paths[index % len(self._paths)]) as image:
            return _VIEWS(image.convert("RGB")), random.random()


class Stream(IterableDataset[Any]):
    """A generator, which nobody can ask where it is."""

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        mine = list(range(SIZE)) if worker is None else list(range(worker.id, SIZE, worker.num_workers))
        order = torch.randperm(len(mine)).tolist() if worker is not None else range(len(mine))
        for place in order:
            yield mine[place], 0.0 if worker is None else random.random()


class Told(IterableDataset[Any]):
    """Says where it is, by itself."""

    def __init__(self) -> None:
        self._given, self._rounds = 0, 0

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        mine = list(range(SIZE))[worker.id :: worker.num_workers] if worker is not None else list(range(SIZE))
        while self._given < len(mine):
            self._given += 1
            yield mine[self._given - 1], self._rounds, torch.rand(1)
        self._given, self._rounds = 0, self._rounds + 1

    def state_dict(self) -> dict[str, Any]:
        return dict(vars(self))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        vars(self).update(state)


class Eager(Sampler[int]):
    """Shuffles by Python's generator when its iterator is made."""

    def __iter__(self) -> Iterator[int]:
        order = list(range(SIZE))
        random.shuffle(order)
        return iter(order)

    def __len__(self) -> int:
        return SIZE


class Lazy(Eager):
    """Draws each index when it is asked for, from two generators of the process."""

    def __iter__(self) -> Iterator[int]:
        for _ in range(SIZE):
            yield (int(torch.randint(SIZE, (1,))) + np.random.randint(SIZE)) % SIZE  # noqa: NPY002 - the global one


class Going(Eager):
    """Says where it is, and counts its epochs."""

    def __init__(self) -> None:
        self._epoch, self._given = 0, 0

    def __iter__(self) -> Iterator[int]:
        order = torch.randperm(SIZE, generator=torch.Generator().manual_seed(self._epoch)).tolist()
        while self._given < SIZE:
            self._given += 1
            yield order[self._given - 1]
        self._given, self._epoch = 0, self._epoch + 1

    def state_dict(self) -> dict[str, Any]:
        return dict(vars(self))

    def load_state_dict(self, state: dict[str, Any]) -> None:
        vars(self).update(state)


class Batches(Eager):
    """Gives batches of several lengths."""

    def __iter__(self) -> Iterator[Any]:
        order = iter([*Eager.__iter__(self)])
        for length in (1, 4, 2, 7, 3, 5):
            yield [next(order) for _ in range(length)]

    def __len__(self) -> int:
        return 6


def _generator() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def _with_one(make: Callable[[torch.Generator], Any]) -> Callable[[], dict[str, Any]]:
    """Give a sampler and the loader the same generator."""

    def options() -> dict[str, Any]:
        generator = _generator()
        return {"sampler": make(generator), "generator": generator}

    return options


DATASETS: dict[str, Callable[[list[str]], Any]] = {
    "images in memory": lambda _: dataset_of("CIFAR10", SIZE, 10, 10, transform=_CROPS),
    "files": Files,
    "numbers": lambda _: Numbers(),
    "broken": lambda _: Broken(),
    "counting": lambda _: Counting(),
}
STREAMS: dict[str, Callable[[], Any]] = {"stream": Stream, "told": Told}

SAMPLERS: dict[str, Callable[[], dict[str, Any]]] = {
    "in sequence": dict,
    "shuffled": lambda: {"shuffle": True},
    "shuffled by a generator": lambda: {"shuffle": True, "generator": _generator()},
    "a generator for base seeds": lambda: {"generator": _generator()},
    "longer than the data": _with_one(lambda g: RandomSampler(range(SIZE), num_samples=2 * SIZE + 5, generator=g)),
    "a multiple of the data": lambda: {"sampler": RandomSampler(range(SIZE), num_samples=2 * SIZE)},
    "shorter than the data": _with_one(lambda g: RandomSampler(range(SIZE), num_samples=SIZE - 6, generator=g)),
    "with replacement": _with_one(lambda g: RandomSampler(range(SIZE), replacement=True, num_samples=40, generator=g)),
    "a generator of its own": lambda: {"sampler": RandomSampler(range(SIZE), generator=_generator())},
    "a subset": lambda: {"sampler": SubsetRandomSampler(range(0, SIZE, 2))},
    "weighted": _with_one(lambda g: WeightedRandomSampler([1.0 + k for k in range(SIZE)], SIZE, generator=g)),
    "distributed": lambda: {"sampler": DistributedSampler(range(SIZE), num_replicas=2, rank=1)},
    "eager": lambda: {"sampler": Eager()},
    "lazy": lambda: {"sampler": Lazy()},
    "going": lambda: {"sampler": Going()},
    "batches": lambda: {"batch_sampler": Batches()},
}


@dataclasses.dataclass(frozen=True)
class Case:
    """A loader.

    Attributes:
        data: One of `DATASETS` or `STREAMS`.
        sampler: One of `SAMPLERS`; of no account for streams.
        batch_size: None for single samples.
        options: Others of the loader.
    """

    data: str
    sampler: str
    batch_size: int | None
    options: tuple[tuple[str, Any], ...] = ()

    def make(self, paths: list[str]) -> DataLoader[Any]:
        options = dict(self.options)
        if self.data in STREAMS:
            return DataLoader(STREAMS[self.data](), batch_size=self.batch_size, **options)
        options |= SAMPLERS[self.sampler]()
        if "batch_sampler" in options:
            options.pop("drop_last", None)
        else:
            options["batch_size"] = self.batch_size
        return DataLoader(DATASETS[self.data](paths), **options)


def seed() -> None:
    """Put the process where a run begins."""
    torch.manual_seed(3)
    random.seed(4)
    np.random.seed(5)  # noqa: NPY002 - the global one


def steps(loader: Any, epoch: int) -> Iterator[Any]:
    """Yield what an epoch has: batches, and the texts of exceptions in their places."""
    if hasattr(loader.sampler, "set_epoch"):
        loader.sampler.set_epoch(epoch)
    iterator = iter(loader)
    while True:
        try:
            yield next(iterator)
        except StopIteration:
            return
        except KeyError as error:
            yield f"KeyError {str(error).splitlines()[-1] if loader.num_workers else error}"


def generators(loader: Any) -> list[Any]:
    """Return where the loader's generators stand, and the process's."""
    own = [
        each.generator
        for each in (loader, loader.sampler)
        if isinstance(getattr(each, "generator", None), torch.Generator)
    ]
    torchs, pythons, numpys = get_states()
    return [torchs, list(pythons[1]), numpys[1], numpys[2:], *[each.get_state() for each in own]]


def uninterrupted(make: Callable[[], Any], epochs: int) -> list[Any]:
    """Return what a loader gives in some epochs, and where generators stand after each."""
    seed()
    loader = make()
    return [([*steps(loader, epoch)], generators(loader)) for epoch in range(epochs)]


def stopped(make: Callable[[], Any], epochs: int, stops: Iterable[int], whole: list[Any]) -> list[Any]:
    """Do the same, but stop after so many batches and go on with another loader of the same kind.

    Args:
        make: Makes the loader.
        epochs: How many.
        stops: After how many batches of all.
        whole: What `uninterrupted` has returned: it tells after which batch an epoch is over.
    """
    seed()
    loader, stops = make(), set(stops)
    found: list[Any] = []
    batches: list[Any] = []
    taken = 0
    while len(found) < epochs:
        saved = None
        for batch in steps(loader, len(found)):
            batches.append(batch)
            taken += 1
            if taken in stops:
                saved = pickle.dumps((loader.state_dict(), get_states()))
                break
        if saved is not None:
            torch.manual_seed(99)
            loader = make()
            state, states = pickle.loads(saved)
            set_states(states)
            loader.load_state_dict(state)
            if len(batches) < len(whole[len(found)][0]):
                continue
            found.append((batches, None))
        else:
            found.append((batches, generators(loader)))
        batches = []
    return found


def assert_resumes(make: Callable[[], Any], epochs: int, stops: Iterable[int]) -> None:
    """Fail if a run with stops is another one than that without."""
    whole = uninterrupted(make, epochs)
    for epoch, (theirs, ours) in enumerate(zip(whole, stopped(make, epochs, stops, whole), strict=True)):
        assert_same(ours[0], theirs[0], f"epoch {epoch}")
        if ours[1] is not None:  # it ended after its last batch
            assert_same(ours[1], theirs[1], f"generators after epoch {epoch}")
