"""What recording makes of a data set of the user's own, beside torch's loader.

    python benches/python/recorded.py FOLDER

FOLDER holds JPEG photographs, at any depth. Writes `benches/record/<date>-recording-<processor>.json` and `.md`, and
BENCHMARKS.md's table of recording. `benches/README.md` says more.
"""

import os
import statistics
import time
from functools import partial
from multiprocessing.reduction import ForkingPickler
from pathlib import Path
from typing import Any

import numpy as np
import tables
import torch
from PIL import Image
from torch.utils.data import DataLoader, Dataset, default_collate
from torchvision import transforms

import penstock
from penstock.recording.workers import Collate, Start

BATCHES = (32, 128)
EPOCH = 4096
NORMALIZE = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
MEAN, STD = (np.asarray(values, np.float32) for values in NORMALIZE)


class Table(Dataset[Any]):
    """A data set as most people write it: paths and labels of a table, Pillow, torchvision.

    Args:
        rows: Paths and labels.
    """

    def __init__(self, rows: list[tuple[str, int]]) -> None:
        self.rows = rows
        self.transform = transforms.Compose(
            [
                transforms.RandomResizedCrop(224),
                transforms.RandomHorizontalFlip(),
                transforms.ToTensor(),
                transforms.Normalize(*NORMALIZE),
            ]
        )

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        path, label = self.rows[index]
        return self.transform(Image.open(path).convert("RGB")), label


class Touching(Table):
    """One that does its augmentation on arrays, so that every pixel is touched in Python."""

    def __getitem__(self, index: int) -> tuple[Any, int]:
        path, label = self.rows[index]
        pixels = np.array(Image.open(path).convert("RGB"))
        top, left = (np.random.randint(max(1, length - 223)) for length in pixels.shape[:2])  # noqa: NPY002 - as it is done
        part = pixels[top : top + 224, left : left + 224]
        part = np.pad(part, ((0, 224 - part.shape[0]), (0, 224 - part.shape[1]), (0, 0)))
        part = (part.astype(np.float32) / 255 - MEAN) / STD
        return torch.from_numpy(np.ascontiguousarray(part.transpose(2, 0, 1))), label


def rate(cls: Any, dataset: Any, batch: int) -> tuple[float, float, float]:
    """Return the images per second of an epoch, the caller's own seconds per image, and the share made natively.

    The caller's time is that of its thread, without the start of the workers, which is torch's.
    """
    loader = cls(dataset, batch, shuffle=True, num_workers=2)
    start = time.perf_counter()
    iterator = iter(loader)
    own = time.thread_time()
    images = sum(len(labels) for _, labels in iterator)
    own, seconds = time.thread_time() - own, time.perf_counter() - start
    return images / seconds, own / images, penstock.stats(loader).native_share


def in_worker(dataset: Table, rounds: int) -> dict[str, Any]:
    """Measure what a worker does for a sample: the user's code on recording images, collation, pickling."""
    torch.set_num_threads(1)
    Start(None)(0)
    collate = Collate(default_collate, batches=True)
    seconds, sizes = [], []
    for _ in range(rounds + 1):
        start = time.thread_time()
        for first in range(0, len(dataset), BATCHES[0]):
            batch = collate([dataset[index] for index in range(first, min(len(dataset), first + BATCHES[0]))])
            sizes.append(len(ForkingPickler.dumps(batch)))
        seconds.append((time.thread_time() - start) / len(dataset))
    # The first round looks through the files.
    return {"seconds": seconds[1:], "first": seconds[0], "bytes": sum(sizes) / (len(seconds) * len(dataset))}


def rows_of(record: dict[str, Any]) -> list[tables.Row]:
    """Return what to tell."""
    rows = []
    for figure, key, target in (
        ("own Dataset: table of paths, RandomResizedCrop(224)", "table", 3.0),
        ("own Dataset that touches every pixel in Python", "touching", 0.97),
    ):
        for batch, pairs in record[key].items():
            ours, theirs = (statistics.median(pair[side][0] for pair in pairs) for side in (0, 1))
            ratio = statistics.median(mine[0] / other[0] for mine, other in pairs)
            setting = f"batch {batch}, num_workers=2, unmodified"
            against = f"torch's DataLoader: {theirs:,.0f} images/s"
            rows.append(tables.Row(figure, setting, f"{ours:,.0f} images/s", against, ratio, "times", target))
    worker = record["worker"]
    limits = [
        ("a worker's time for a sample", BATCHES[0], statistics.median(worker["seconds"]) * 1e6, 120, "us"),
        ("a ticket for a sample", BATCHES[0], worker["bytes"], 400, "bytes"),
    ]
    for batch, pairs in record["table"].items():
        value = statistics.median(mine[1] for mine, _ in pairs) * 1e6
        limits.append(("the caller's time for a sample", batch, value, 15, "us"))
    for figure, batch, value, limit, unit in limits:
        setting, against = f"the table of paths, batch {batch}, files seen before", f"at most {limit} {unit}"
        rows.append(tables.Row(figure, setting, f"{value:,.0f} {unit}", against, limit / value, "times", 1.0))
    return rows


def main() -> None:
    """Measure and write."""
    # Data sets of one's own are recorded here, those that would be lowered too.
    os.environ["PENSTOCK_RECORD"] = "1"
    parser = tables.options(__doc__)
    parser.add_argument("folder", type=Path, help="a folder of JPEG files")
    arguments = parser.parse_args()
    files = sorted(path for path in arguments.folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    listed = [(str(files[k % len(files)].resolve()), k % 10) for k in range(EPOCH)]
    record: dict[str, Any] = {**tables.about(arguments.rounds), "files": len(files)}
    for name, dataset in (("table", Table(listed)), ("touching", Touching(listed))):
        record[name] = {}
        for batch in BATCHES:
            sides = [partial(rate, cls, dataset, batch) for cls in (penstock.DataLoader, DataLoader)]
            for side in sides:
                side()
            record[name][batch] = [[side() for side in sides] for _ in range(arguments.rounds)]
    record["worker"] = in_worker(Table(listed), arguments.rounds)
    tables.publish(record, rows_of(record), arguments, "recording")


if __name__ == "__main__":
    main()
