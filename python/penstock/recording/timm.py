"""timm's loaders of bytes: what its `fast_collate` makes of images that record, and who its `PrefetchLoader` is.

`fast_collate` copies each image into a batch of bytes, `FastCollateMixup` mixes them meanwhile, and `PrefetchLoader`
makes numbers of the batch. All are code that is known, and nobody else sees what lies between them.
"""

import dataclasses
import functools
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from penstock.recording.batches import stack
from penstock.recording.functions import extended
from penstock.recording.mirrored import mixed
from penstock.recording.tensors import RecordedTensor, is_plain, is_recording

__all__ = ["collate_of", "consumer_of"]

# Frames between a loop over a loader and the making, or the next epoch, of its iterator.
_FRAMES = 16


@dataclasses.dataclass(frozen=True)
class _Known:
    """What of timm is known, as it is installed.

    Attributes:
        fast_collate: The function.
        mixup: The class of those that mix.
        prefetcher: The class of loaders that wrap another one.
        iteration: The code of its `__iter__`.
    """

    fast_collate: Callable[[Any], Any]
    mixup: type[Any]
    prefetcher: type
    iteration: types.CodeType


def _known() -> _Known | None:
    """Return what is known of timm; None if the program has not imported it, or if it is another one."""
    return _look() if "timm.data.loader" in sys.modules else None


@functools.cache
def _look() -> _Known | None:
    package, loader = sys.modules.get("timm"), sys.modules["timm.data.loader"]
    try:
        folder = str(Path(str(package.__file__)).parent)  # type: ignore[union-attr]
        collate, prefetcher = loader.fast_collate, loader.PrefetchLoader
        mixup = sys.modules["timm.data.mixup"].FastCollateMixup
        if not all(_is_from(function, folder) for function in (collate, mixup.__call__, prefetcher.__iter__)):
            return None
        return _Known(collate, mixup, prefetcher, prefetcher.__iter__.__code__)
    except (AttributeError, KeyError):
        return None


def _is_from(function: Any, folder: str) -> bool:
    if not isinstance(function, types.FunctionType) or hasattr(function, "__wrapped__"):
        return False
    return function.__code__.co_filename.startswith(folder)


def collate_of(function: Any) -> Callable[..., Any] | None:
    """Return what does a `collate_fn` of timm's to images of bytes that record; None if it is another one.

    Returns:
        Is called with the samples, and with whether nobody else holds their list.
    """
    known = _known()
    if known is not None and function is known.fast_collate:
        return functools.partial(_collated, function)
    if known is not None and type(function) is known.mixup:
        return functools.partial(_mixed, function)
    return None


def _collated(function: Callable[[Any], Any], samples: Any, *, alone: bool) -> Any:  # noqa: ARG001
    """Return what `fast_collate` makes of samples, as a batch that records if most of their images do."""
    batch = _batch_of(samples)
    if batch is not None:
        # The targets are what it makes of them; of the images it is only told that there are some.
        blank = torch.zeros((1, 1, 1), dtype=torch.uint8)
        made = function([(blank, *sample[1:]) for sample in samples])
        if type(made) is tuple and len(made) == 2 and _is_blank(made[0], len(samples)):
            return batch, made[1]
    return function(samples)


def _mixed(function: Callable[[Any], Any], samples: Any, *, alone: bool) -> Any:
    """Return what a `FastCollateMixup` makes of samples, as a batch that records if most of their images do."""
    batch = _batch_of(samples)
    made = None if batch is None else mixed(function, samples, batch, alone=alone)
    return function(samples) if made is None else made


def _batch_of(samples: Any) -> RecordedTensor | None:
    """Return the batch of the images of samples, None if they make none."""
    if type(samples) is list and all(type(sample) is tuple and sample for sample in samples):
        return _stacked([sample[0] for sample in samples])
    return None


def _is_blank(made: Any, count: int) -> bool:
    return type(made) is torch.Tensor and made.shape == (count, 1, 1, 1) and made.dtype == torch.uint8


def _stacked(images: Sequence[Any]) -> RecordedTensor | None:
    """Return a batch of bytes of images most of which record, None if they make none."""
    recording = sum(map(is_recording, images))
    if not recording or 2 * recording < len(images):
        return None
    if not all(is_recording(image) or is_plain(image) for image in images):
        return None
    first = images[0]
    if first.dtype != torch.uint8 or any(each.dtype != first.dtype or each.shape != first.shape for each in images):
        return None
    ordered = [*_in_order(images)]
    return None if any(image is None for image in ordered) else stack(ordered)


def _in_order(images: Sequence[Any]) -> Iterator[Any]:
    for image in images:
        # Its memory has pixel by pixel what a batch has channel by channel.
        yield extended(image, "contiguous") if is_recording(image) else image.contiguous()


def consumer_of(frame: Any) -> Any:
    """Return the `PrefetchLoader` whose loop an iterator is made for, None if it is made for another one.

    Args:
        frame: Of the making.
    """
    known = _known()
    for _ in range(_FRAMES if known is not None else 0):
        if frame is None:
            return None
        if frame.f_code is known.iteration:  # type: ignore[union-attr]
            consumer = frame.f_locals.get("self")
            return consumer if type(consumer) is known.prefetcher else None  # type: ignore[union-attr]
        frame = frame.f_back
    return None
