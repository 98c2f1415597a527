"""What it costs that a loader can be stopped anywhere, and how long it takes to go on.

    python benches/python/resume.py

Prints, of batches of 32, what a worker takes to see where its generators stand, and the bytes that it sends for that,
both for a sample; the time of `state_dict()` with two workers, lowered and in processes. And from `iter()` to the first
batch, an epoch that begins beside one that goes on at batch 10,000 of 256. Times are the shortest of many.
"""

import pickle
import random
import statistics
import time
import timeit
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.utils.data import Dataset
from torchvision import transforms as v1
from torchvision.datasets import CIFAR10

from penstock import DataLoader
from penstock.message import telling
from penstock.resume.workers import _Teller

BATCH = 32
AT, LARGE = 10_000, 256


class Indices(Dataset[Any]):
    """Torch's workers' data, which costs nothing."""

    def __len__(self) -> int:
        return 100 * BATCH

    def __getitem__(self, index: int) -> int:
        return index


def images(count: int) -> CIFAR10:
    """Return a data set of images in memory that are all the same one."""
    dataset = CIFAR10.__new__(CIFAR10)
    transform = v1.Compose([v1.RandomCrop(32, padding=4), v1.RandomHorizontalFlip(), v1.ToTensor()])
    dataset.transform, dataset.target_transform = transform, None
    dataset.data = np.broadcast_to(np.zeros((1, 32, 32, 3), np.uint8), (count, 32, 32, 3))
    dataset.targets = [0] * count
    return dataset


def shortest(function: Callable[[], Any], number: int = 20, repeat: int = 200) -> float:
    """Return how long a call takes, in microseconds."""
    return min(timeit.repeat(function, number=number, repeat=repeat)) / number * 1e6


def draw_by_torch() -> None:
    torch.rand(4 * BATCH)


def draw_by_all() -> None:
    torch.rand(4 * BATCH)
    for _ in range(BATCH):
        random.random()
    np.random.rand(BATCH)  # noqa: NPY002 - the global one


def in_worker(draws: Callable[[], None]) -> tuple[float, float]:
    """Return the microseconds, and the bytes, that a sample costs a worker."""
    teller = _Teller(Indices(), None)

    def both() -> None:
        draws()
        teller.news()

    time_of_news = shortest(both) - shortest(draws)
    sizes = []
    for _ in range(200):
        draws()
        sizes.append(len(pickle.dumps(telling(None, news=teller.news() or None))) - len(pickle.dumps(None)))
    return time_of_news / BATCH, statistics.mean(sizes) / BATCH


def of_state(dataset: Any) -> float:
    """Return the microseconds of `state_dict()` in the middle of an epoch."""
    loader = DataLoader(dataset, BATCH, shuffle=True, num_workers=2)
    iterator = iter(loader)
    for _ in range(3):
        next(iterator)
    return shortest(loader.state_dict)


def first_batches() -> tuple[float, float]:
    """Return the milliseconds to the first batch of an epoch, and to one in its middle."""
    dataset = images((AT + 100) * LARGE)

    def make() -> Any:
        return DataLoader(dataset, LARGE, shuffle=True, num_workers=2)

    loader = make()
    next(iter(loader))
    state = loader.state_dict()
    # Nothing of where it is depends on what came before but the two numbers that are counted.
    state["position"], state["order"]["count"] = AT, AT + state["order"]["count"] - 1

    def took(resumes: bool) -> float:
        loader = make()
        if resumes:
            loader.load_state_dict(state)
        start = time.perf_counter()
        next(iter(loader))
        return (time.perf_counter() - start) * 1e3

    rounds = [(took(resumes=False), took(resumes=True)) for _ in range(7)]
    return min(begun for begun, _ in rounds), min(resumed for _, resumed in rounds)


def main() -> None:
    for name, draws in (("none", lambda: None), ("torch's", draw_by_torch), ("all three", draw_by_all)):
        spent, size = in_worker(draws)
        print(f"worker, {name} drawn from: {spent:.2f} us, {size:.0f} bytes a sample")
    print(f"state_dict(), lowered: {of_state(images(100 * BATCH)):.0f} us; processes: {of_state(Indices()):.0f} us")
    begun, resumed = first_batches()
    print(f"first batch: {begun:.0f} ms at an epoch's start, {resumed:.0f} ms at batch {AT:,}")


if __name__ == "__main__":
    main()
