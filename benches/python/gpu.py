"""How much of a GPU's speed a training reaches with torch's loader and with penstock's.

    python benches/python/gpu.py [FOLDER]

FOLDER is an ImageFolder of JPEGs, without which only small images are measured. A ResNet-18 is trained, in reduced
precision, on several sources in turns: torch's loader; penstock's, whose batches the loop copies, or which delivers
them, as values or as bytes; one page-locked batch that is copied at each step, and one that stays on the device. Writes
`benches/record/<date>-gpu-<processor>.json` and `.md`, and BENCHMARKS.md's table. `benches/README.md` says more.
"""

import math
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import cifar
import photos
import tables
import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

import penstock
from penstock.train.model import make_model

# Images of an epoch of photographs.
EPOCH = 8192
DELIVERED = {"device": "cuda", "memory_format": torch.channels_last}
LOADERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "penstock": (penstock.DataLoader, {}),
    "torch": (DataLoader, {}),
    "delivered": (penstock.DataLoader, DELIVERED),
    "delivered bytes": (penstock.DataLoader, DELIVERED | {"transfer": "uint8"}),
}
# What a delivered epoch should reach of the lesser of its two limits, in per cent.
TARGET = 97.0


class Training:
    """A ResNet-18 on the device, and its optimizer.

    Args:
        size: Of the images, in pixels.
        classes: Their number.
    """

    def __init__(self, size: int, classes: int) -> None:
        self.model = make_model(size, 3, classes).cuda().to(memory_format=torch.channels_last)
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.01, momentum=0.9, fused=True)

    def rate(self, batches: Iterable[Any]) -> float:
        """Train on some batches; return the images per second, from `iter()` until the device has done all."""
        torch.cuda.synchronize()
        seen, start = 0, time.perf_counter()
        for images, labels in batches:
            inputs = images.to("cuda", non_blocking=True, memory_format=torch.channels_last)
            targets = labels.to("cuda", non_blocking=True)
            with torch.autocast("cuda", torch.bfloat16):
                loss = F.cross_entropy(self.model(inputs), targets)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            seen += len(images)
        torch.cuda.synchronize()
        return seen / (time.perf_counter() - start)


def photographs(root: Path) -> Callable[..., Any]:
    """Return what makes loaders of photographs with a class."""

    def make(cls: Any, workers: int, batch: int, **options: Any) -> Any:
        dataset = ImageFolder(str(root), transforms.Compose(photos.TRAINING))
        dataset.samples = (dataset.samples * math.ceil(EPOCH / len(dataset.samples)))[:EPOCH]
        return cls(dataset, batch, shuffle=True, num_workers=workers, pin_memory=True, drop_last=True, **options)

    return make


def small_images(root: Path) -> Callable[..., Any]:
    """Return what makes loaders of 50,000 images of CIFAR's format with a class."""

    def make(cls: Any, workers: int, batch: int, **options: Any) -> Any:
        dataset = cifar.dataset(str(root))
        return cls(dataset, batch, shuffle=True, num_workers=workers, pin_memory=True, drop_last=True, **options)

    return make


def alone(batches: Iterable[Any]) -> float:
    """Return the images per second of a loader that nobody waits for."""
    seen, start = 0, time.perf_counter()
    for images, _ in batches:
        seen += len(images)
    return seen / (time.perf_counter() - start)


def case(make: Callable[..., Any], training: Training, *, workers: int, batch: int, rounds: int) -> dict[str, Any]:
    """Measure the sources in turns."""
    loaders = {which: make(cls, workers, batch, **options) for which, (cls, options) in LOADERS.items()}
    if not penstock.explain(loaders["penstock"]).native:
        raise SystemExit(str(penstock.explain(loaders["penstock"])))
    steps, pinned = len(loaders["penstock"]), next(iter(loaders["penstock"]))
    held = [tensor.cuda() for tensor in pinned]
    held[0] = held[0].contiguous(memory_format=torch.channels_last)
    sources: dict[str, Iterable[Any]] = {"device": [held] * steps, "copied": [pinned] * steps, **loaders}
    for source in sources.values():
        training.rate(source)
    rates: dict[str, list[float]] = {which: [] for which in (*sources, "alone")}
    for _ in range(rounds):
        for which, source in sources.items():
            rates[which].append(training.rate(source))
        rates["alone"].append(alone(loaders["penstock"]))
    bus = {which: penstock.stats(loaders[which]).bus_bytes for which in loaders if which.startswith("delivered")}
    return {"workers": workers, "batch": batch, "rates": rates, "bus_bytes": bus}


def rows_of(found: list[dict[str, Any]]) -> list[tables.Row]:
    """Return the rows of each case: beside torch's loader, and beside what no loader could exceed."""
    rows = []
    for each in found:
        rates = {which: statistics.median(values) for which, values in each["rates"].items()}
        times = {
            which: statistics.median(a / b for a, b in zip(each["rates"]["penstock"], values, strict=True))
            for which, values in each["rates"].items()
        }
        setting, ours = f"batch {each['batch']}, num_workers={each['workers']}", f"{rates['penstock']:,.0f} images/s"
        against = f"torch's DataLoader: {rates['torch']:,.0f} images/s"
        rows.append(tables.Row(f"ResNet-18, {each['images']}", setting, ours, against, times["torch"], "times", 1.0))
        for name, which in (("a page-locked batch, copied", "copied"), ("a batch on the device", "device")):
            against = f"{name}: {rates[which]:,.0f} images/s"
            rows.append(tables.Row("the same, share of its limit", setting, ours, against, 100 * times[which], "%"))
        limit = "device" if rates["device"] < rates["alone"] else "alone"
        against = (
            f"{'a batch on the device' if limit == 'device' else 'the loader alone'}: {rates[limit]:,.0f} images/s"
        )
        for which, target in (("delivered", TARGET), ("delivered bytes", None)):
            share = statistics.median(a / b for a, b in zip(each["rates"][which], each["rates"][limit], strict=True))
            ours = f"{rates[which]:,.0f} images/s"
            rows.append(tables.Row(f"the same, {which}", setting, ours, against, 100 * share, "%", target))
    return rows


def main() -> None:
    """Measure and write."""
    parser = tables.options(__doc__, rounds=3)
    parser.add_argument("folder", type=Path, nargs="?", help="an ImageFolder of JPEG files")
    arguments = parser.parse_args()
    if not torch.cuda.is_available():
        raise SystemExit("torch sees no CUDA device here")
    torch.backends.cudnn.benchmark = True
    cores = len(os.sched_getaffinity(0))
    record: dict[str, Any] = {**tables.about(arguments.rounds), "cases": []}
    record["machine"]["gpu"] = torch.cuda.get_device_name()
    with tempfile.TemporaryDirectory() as scratch:
        cifar.write_files(Path(scratch))
        small = small_images(Path(scratch))
        cases = [
            ("CIFAR, RandomCrop and flip", small, 32, 10, min(2, cores), 512),
            ("CIFAR, RandomCrop and flip", small, 32, 10, cores, 512),
        ]
        if arguments.folder is not None:
            large = photographs(arguments.folder)
            cases.append(("photographs, RandomResizedCrop(224) and flip", large, 224, 1000, cores, 256))
        for images, make, size, classes, workers, batch in cases:
            training = Training(size, classes)
            measured = case(make, training, workers=workers, batch=batch, rounds=arguments.rounds)
            record["cases"].append({"images": images, **measured})
    tables.publish(record, rows_of(record["cases"]), arguments, "gpu")


if __name__ == "__main__":
    main()
