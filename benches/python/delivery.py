"""What a delivered batch costs the thread that iterates, without a device.

    python benches/python/delivery.py [--rounds 3]

A loader with `device="cuda"` is gone through on a stand-in for CUDA that copies, and makes values of, the first image
of each batch alone: what is left is what the calls themselves take. Prints, for each form of delivery, the median over
the batches of the time between a batch's arrival and its being handed out, what is begun of the next one included: by
the clock, and in processor time of the thread, which is less where other programs want its core.
"""

import argparse
import statistics
import time
from collections.abc import Iterable
from typing import Any, ClassVar

import numpy as np
import torch
from torchvision import transforms as v1

import penstock
from penstock import loader as loader_module
from penstock.delivery import deliver, streams

BATCH, COUNT, SIZE = 256, 20_000, 32
LIMIT_US = 150
FORMS: dict[str, dict[str, Any]] = {
    "as they are": {},
    "float16, channels_last": {"dtype": torch.float16, "memory_format": torch.channels_last},
    "bytes": {"transfer": "uint8"},
}


class Still:
    """A device where nothing takes time; its methods are those of `penstock.delivery.streams.Cuda`."""

    device = torch.device("cpu")

    def __init__(self, device: torch.device) -> None:
        pass

    def pinned(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return a tensor."""
        return tensor

    def copy(self, cargo: streams.Cargo) -> torch.Tensor:
        """Return what is made of a part of it."""
        source, made = cargo
        return made(source[:1])

    def event(self) -> Any:
        """Return an event that has passed."""
        return self

    def consumer(self) -> Any:
        """Return a stream."""
        return self

    def query(self) -> bool:
        """Whether all is done."""
        return True

    def synchronize(self) -> None:
        """Wait for nothing."""

    def wait_event(self, event: Any) -> None:
        """Wait for nothing."""

    def record(self, copy: torch.Tensor, stream: Any) -> None:
        """Do nothing."""


class Images(penstock.ImageDataset):
    """Small images in memory."""

    def __init__(self) -> None:
        self.images = np.random.default_rng(0).integers(0, 256, (COUNT, SIZE, SIZE, 3), np.uint8)
        normalize = v1.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
        self.transform = v1.Compose([v1.RandomCrop(SIZE, padding=4), v1.ToTensor(), normalize])

    def __len__(self) -> int:
        return COUNT

    def locate(self, index: int) -> tuple[Any, int]:
        """Return an image and its class."""
        return self.images[index], index % 10


class Measured(deliver.Delivery):
    """Notes what each batch's delivery takes of the thread's processor time."""

    spent: ClassVar[list[float]] = []

    def deliver(self, batch: Any) -> Any:
        """Deliver a batch."""
        start = time.thread_time()
        try:
            return super().deliver(batch)
        finally:
            self.spent.append(time.thread_time() - start)

    def begin(self, parts: Iterable[Any]) -> None:
        """Begin with the next batch."""
        start = time.thread_time()
        super().begin(parts)
        self.spent[-1] += time.thread_time() - start


def measure(loader: Any, rounds: int) -> tuple[float, float]:
    """Return the medians over the batches of some epochs, in microseconds: by the clock, and in processor time."""
    by_clock, before = [], 0.0
    Measured.spent.clear()
    for _ in range(rounds):
        for _ in loader:
            after = penstock.stats(loader).seconds["delivering"]
            by_clock.append(after - before)
            before = after
    return 1e6 * statistics.median(by_clock), 1e6 * statistics.median(Measured.spent)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="epochs")
    rounds = parser.parse_args().rounds
    streams.Cuda = Still  # type: ignore[assignment, misc]
    loader_module.Delivery = Measured  # type: ignore[attr-defined]
    for name, form in FORMS.items():
        for workers in (0, 2):
            loader: Any = penstock.DataLoader(Images(), BATCH, num_workers=workers, device="cuda", **form)
            clock, processor = measure(loader, rounds)
            print(
                f"{name}, num_workers={workers}: {clock:.0f} us a batch, {processor:.0f} us of the processor; "
                f"at most {LIMIT_US} wanted"
            )


if __name__ == "__main__":
    main()
