"""Normalisation of numbers that were changed after they were converted; elsewhere it is part of a table."""

from collections.abc import Sequence
from typing import Any

import torch
from torchvision.transforms import functional as F

from penstock import _native
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Operation

__all__ = ["NORMALIZE", "normalized"]

_CHANNELS = 3


def normalized(image: torch.Tensor, mean: Any, std: Any) -> tuple[bytes, torch.Tensor]:
    """Return a normalisation as a step, and what it makes of an image.

    Args:
        image: float32, of shape (C, H, W).
        mean: torchvision's argument.
        std: torchvision's argument.

    Raises:
        Opaque: If it is not one number for all channels, or one for each of them.
    """
    channels = image.shape[0]
    means, deviations = (_of_channels(values, channels) for values in (mean, std))
    step = _native.step("normalize_floats", *_padded(means), *_padded(deviations))
    return step, (image - means[:, None, None]) / deviations[:, None, None]


def _of_channels(values: Any, channels: int) -> torch.Tensor:
    numbers = torch.as_tensor(values, dtype=torch.float32, device="cpu")
    if channels > _CHANNELS or numbers.ndim > 1 or numbers.numel() not in (1, channels):
        raise Opaque("its mean or its std is not one number for each channel")
    return numbers.reshape(-1).expand(channels)


def _padded(numbers: torch.Tensor) -> Sequence[float]:
    # A single channel may come to be three.
    values: list[float] = numbers.tolist()
    return [*values, *values[-1:] * (_CHANNELS - len(values))]


def _replay(image: Any, *operands: float) -> Any:
    channels = image.shape[0]
    mean, std = operands[:_CHANNELS], operands[_CHANNELS:]
    return F.normalize(image, mean[:channels], std[:channels])


NORMALIZE = Operation(name="normalize", replays={"normalize_floats": _replay})
