"""What a delivered batch costs the thread that iterates, without a device.

    python benches/python/delivery.py [--rounds 3]

A loader with `device="cuda"` is gone through on a stand-in for CUDA that copies, and makes values of, the first picture
of each batch alone: what is left is what the calls themselves take. Prints, for each form of delivery, the median over
the batches of the time between a batch's arrival and its being handed out, what is begun of the next one included.
"""

import argparse
import statistics
from typing import Any

import numpy as np
import torch
from torchvision import transforms as v1

import penstock
from penstock.delivery import streams

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
        return made(source[:1].clone())

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


class Pictures(penstock.ImageDataset):
    """Small pictures in memory."""

    def __init__(self) -> None:
        self.images = np.random.default_rng(0).integers(0, 256, (COUNT, SIZE, SIZE, 3), np.uint8)
        normalize = v1.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
        self.transform = v1.Compose([v1.RandomCrop(SIZE, padding=4), v1.ToTensor(), normalize])

    def __len__(self) -> int:
        return COUNT

    def locate(self, index: int) -> tuple[Any, int]:
        """Return a picture and its class."""
        return self.images[index], index % 10


def microseconds(loader: Any, rounds: int) -> list[float]:
    """Return what the delivery of each batch took."""
    found, before = [], 0.0
    for _ in range(rounds):
        for _ in loader:
            after = penstock.stats(loader).seconds["delivering"]
            found.append(1e6 * (after - before))
            before = after
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="epochs")
    rounds = parser.parse_args().rounds
    streams.Cuda = Still  # type: ignore[assignment, misc]
    for name, form in FORMS.items():
        for workers in (0, 2):
            loader: Any = penstock.DataLoader(Pictures(), BATCH, num_workers=workers, device="cuda", **form)
            found = microseconds(loader, rounds)
            median = statistics.median(found)
            print(f"{name}, num_workers={workers}: {median:.0f} us a batch, at most {LIMIT_US} wanted")


if __name__ == "__main__":
    main()
