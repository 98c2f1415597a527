"""What a training on the CPU takes beside the loader's threads, with which it shares the cores.

    python benches/python/beside.py FOLDER

FOLDER is an ImageFolder of JPEGs. A ResNet-18 goes through batches of its photographs, cropped to 64 pixels, and
through images of CIFAR's size, with 1, 2 and 4 threads of torch's. At best such a step takes what it takes on a batch
that stays in memory, and the loader's own processor time, divided by the cores that there are: what it takes besides,
the two take from each other. Writes `benches/record/<date>-beside-<processor>.json` and `.md`, and BENCHMARKS.md's
table.
"""

import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tables
import torch
from torch import nn
from torchvision import transforms
from torchvision.datasets import ImageFolder

import penstock
from penstock import measure
from penstock.train.model import make_model

BATCH, STEPS, WORKERS, THREADS = 128, 6, 2, (1, 2, 4)
CLASSES = 10
# How much longer than at best a step may take.
MOST = 1.03
# Sides of the images.
PHOTOGRAPHS, CIFAR = 64, 32
NORMALIZE = transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


class Images(penstock.ImageDataset):
    """Images of CIFAR's size in memory."""

    def __init__(self) -> None:
        self.images = np.random.default_rng(0).integers(0, 256, (BATCH * STEPS, CIFAR, CIFAR, 3), np.uint8)
        crop = transforms.RandomCrop(CIFAR, padding=4)
        self.transform = transforms.Compose([crop, transforms.RandomHorizontalFlip(), transforms.ToTensor(), NORMALIZE])

    def __len__(self) -> int:
        return len(self.images)

    def locate(self, index: int) -> tuple[Any, int]:
        """Return an image and its class."""
        return self.images[index], index % CLASSES


def photographs(root: Path) -> ImageFolder:
    """Return a data set of as many photographs as an epoch takes, each file as often as that needs."""
    crop = transforms.RandomResizedCrop(PHOTOGRAPHS)
    transform = transforms.Compose([crop, transforms.RandomHorizontalFlip(), transforms.ToTensor(), NORMALIZE])
    dataset = ImageFolder(str(root), transform)
    samples = [(path, label % CLASSES) for path, label in dataset.samples]
    dataset.samples = [samples[k % len(samples)] for k in range(BATCH * STEPS)]
    dataset.targets = [label for _, label in dataset.samples]
    return dataset


class Trained:
    """A network that is trained.

    Args:
        size: Of the images.
    """

    def __init__(self, size: int) -> None:
        torch.manual_seed(0)
        self._model = make_model(size, 3, CLASSES, "auto" if size == CIFAR else "imagenet")
        self._optimizer = torch.optim.SGD(self._model.parameters(), lr=1e-3)

    def __call__(self, images: torch.Tensor, targets: torch.Tensor) -> None:
        """Take a step."""
        self._optimizer.zero_grad()
        nn.functional.cross_entropy(self._model(images), targets).backward()
        self._optimizer.step()


def passed(batches: Iterator[Any], step: Callable[..., Any]) -> tuple[float, float]:
    """Return the wall's and the processor's seconds for a batch."""
    count, start, used = 0, time.perf_counter(), measure.cpu_seconds() or 0.0
    for batch in batches:
        step(*batch)
        count += 1
    return (time.perf_counter() - start) / count, ((measure.cpu_seconds() or 0.0) - used) / count


def compared(figure: str, dataset: Any, size: int, threads: int, rounds: int) -> dict[str, Any]:
    """Measure a step in memory, the loader alone, and both together, in turns."""
    torch.set_num_threads(threads)
    train = Trained(size)
    loader = penstock.DataLoader(dataset, BATCH, shuffle=True, num_workers=WORKERS)
    batch = next(iter(loader))
    turns = []
    passed(iter(loader), train)
    for _ in range(rounds):
        memory, _ = passed(iter([batch] * STEPS), train)
        _, alone = passed(iter(loader), lambda *_: None)
        together, _ = passed(iter(loader), train)
        turns.append({"memory": memory, "loader": alone, "together": together})
    return {"figure": figure, "threads": threads, "turns": turns}


def rows_of(record: dict[str, Any]) -> list[tables.Row]:
    """Return what to tell of each comparison."""
    cores = record["machine"]["cores_usable"]
    rows = []
    for case in record["cases"]:
        best = [turn["memory"] + turn["loader"] / cores for turn in case["turns"]]
        ratios = [turn["together"] / least for turn, least in zip(case["turns"], best, strict=True)]
        setting = f"batch {BATCH}, num_workers={WORKERS}, {case['threads']} threads of torch's"
        ours = f"{1e3 * statistics.median(turn['together'] for turn in case['turns']):.1f} ms a step"
        against = f"in memory, and the loader's own time: {1e3 * statistics.median(best):.1f} ms"
        value = 100 / statistics.median(ratios)
        rows.append(tables.Row(case["figure"], setting, ours, against, value, "%", 100 / MOST))
    return rows


def main() -> None:
    """Measure and write."""
    parser = tables.options(__doc__, rounds=3)
    parser.add_argument("folder", type=Path, help="an ImageFolder of JPEG files")
    arguments = parser.parse_args()
    record: dict[str, Any] = {**tables.about(arguments.rounds), "cases": []}
    for figure, dataset, size in (
        ("ResNet-18, photographs at 64 pixels", photographs(arguments.folder), PHOTOGRAPHS),
        ("ResNet-18, CIFAR", Images(), CIFAR),
    ):
        for threads in THREADS:
            record["cases"].append(compared(figure, dataset, size, threads, arguments.rounds))
            print(tables.markdown(rows_of({**record, "cases": record["cases"][-1:]})), flush=True)
    tables.publish(record, rows_of(record), arguments, "beside")


if __name__ == "__main__":
    main()
