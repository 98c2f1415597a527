"""How good a network is: its loss and accuracy on the test images, and the words that belong to the figure."""

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from penstock.train.distributed import ALONE, Ranks

__all__ = ["TEST_BATCH", "TTA", "Precision", "evaluate"]

TEST_BATCH = 512  # nothing is learned in testing, so the batch is whatever runs well
# How test-time augmentation is named beside every accuracy: a mirror image in it is worth some tenths of a point.
TTA = {"none": "no test-time augmentation", "mirror": "mirror test-time augmentation"}


@dataclasses.dataclass(frozen=True)
class Precision:
    """In what a device computes.

    Attributes:
        device: Where.
        layout: Of images and weights.
        half: The type of half precision.
        amp: Whether it is used.
    """

    device: torch.device
    layout: torch.memory_format
    half: torch.dtype
    amp: bool

    @classmethod
    def of(cls, device: torch.device, *, amp: bool) -> "Precision":
        """Return what is quickest on a device.

        Args:
            device: Where.
            amp: Whether half precision may be used.
        """
        cuda = device.type == "cuda"
        half = torch.float16 if cuda and not torch.cuda.is_bf16_supported(including_emulation=False) else torch.bfloat16
        # Tensor cores want a pixel's channels together.
        return cls(device, torch.channels_last if cuda else torch.contiguous_format, half, amp and cuda)

    def __str__(self) -> str:
        """Say it as a run does."""
        return f"AMP {self.half}" if self.amp else "float32"

    def autocast(self) -> torch.autocast:
        """Return the context in which a network is called."""
        return torch.autocast(self.device.type, self.half, enabled=self.amp)

    def put(self, images: torch.Tensor, labels: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a batch on the device; nothing is left to do where the loader has delivered it, as penstock's does."""
        images = images.to(self.device, non_blocking=True, memory_format=self.layout)
        return images, labels.to(self.device, non_blocking=True)

    def zeros(self) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a sum of losses and a count of hits, both 0.

        They are summed on the device: reading a number from a GPU would make every step wait for it.
        """
        return torch.zeros((), device=self.device), torch.zeros((), device=self.device, dtype=torch.int64)


@torch.no_grad()
def evaluate(
    model: nn.Module,
    loader: Any,
    precision: Precision,
    *,
    tta: str = "none",
    count: int,
    ranks: Ranks = ALONE,
    before_batch: Callable[[], None] = lambda: None,
) -> tuple[float, float]:
    """Return a model's mean cross entropy and its accuracy.

    Args:
        model: The network.
        loader: Of this process's share of the test images.
        precision: In what it computes.
        tta: A key of `TTA`; both figures are of what it says.
        count: Test images of all processes.
        ranks: These processes.
        before_batch: Called equally often in each of them; what it raises ends the test.
    """
    model.eval()
    loss_sum, correct = precision.zeros()
    batches = iter(loader)
    for _ in range(math.ceil(math.ceil(count / ranks.world) / TEST_BATCH)):
        before_batch()
        batch = next(batches, None)
        if batch is None:  # another process has an image more
            continue
        images, labels = precision.put(batch[0], batch[1])
        with precision.autocast():
            scores = model(images)
            if tta == "mirror":
                scores = (scores + model(images.flip(3))) / 2
            loss_sum += F.cross_entropy(scores, labels, reduction="sum")
        correct += (scores.argmax(1) == labels).sum()
    ranks.add((loss_sum, correct))
    return loss_sum.item() / count, correct.item() / count
