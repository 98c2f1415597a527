"""The NumPy face: torchvision's transforms over plain arrays, read where they lie, written in place."""

import math
import operator
from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from penstock import _native
from penstock.errors import NotSupportedError
from penstock.filled import check_out
from penstock.generators import lend
from penstock.lowering.lower import threads_for
from penstock.lowering.transforms import Pipeline, lower_transform
from penstock.ops import refuse
from penstock.ops.opaque import Opaque

__all__ = ["Compiled", "compile"]


def compile(transform: Any) -> "Compiled":  # noqa: A001 - called as penstock.compile
    """Compile a torchvision transform for batches of NumPy arrays.

    Args:
        transform: A torchvision transform (v1 or v2) that takes a Pillow image and returns a tensor.

    Returns:
        A function `f(images, indices=None, *, generator=None, out=None)`, see `Compiled.__call__`.

    Raises:
        NotSupportedError: If any part of the transform has no native form, or the result is bfloat16, which
            NumPy lacks. The message names the part and the reason.

    Example:
        >>> f = penstock.compile(v1.Compose([v1.RandomCrop(32, padding=4), v1.ToTensor()]))
        >>> batch = f(images, indices, generator=torch.Generator().manual_seed(0))  # float32 (N, 3, 32, 32)
    """
    return Compiled(transform)


class Compiled:
    """A transform compiled by `penstock.compile`; the transform's parameters are read when it is made."""

    def __init__(self, transform: Any) -> None:
        self._pipelines = {mode: _lower(transform, mode) for mode in ("L", "RGB")}
        self._transform = transform
        self._stream = _native.JobQueue(threads_for(0))

    def __call__(
        self,
        images: npt.NDArray[np.uint8],
        indices: Iterable[Any] | None = None,
        *,
        generator: torch.Generator | None = None,
        out: npt.NDArray[Any] | None = None,
    ) -> npt.NDArray[Any]:
        """Transform images of one array.

        Equal to `np.stack([transform(Image.fromarray(images[i])) for i in indices])` under that generator.

        Args:
            images: uint8 of shape (N, H, W), gray, or (N, H, W, 3), RGB, and any strides; read without a copy.
            indices: Of the images, negative ones counted from the end; all of them in order if None.
            generator: Draws the random numbers; torch's global generator if None.
            out: Writable and C-contiguous, of the result's shape and dtype; filled and returned. It must not
                share memory with `images`.

        Returns:
            An array of shape (len(indices), C, H', W') and the transform's dtype.

        Raises:
            TypeError: If `images` is no array of uint8 or an index is no integer.
            ValueError: If a shape does not fit, if `out` is not contiguous, read-only or overlaps `images`, or as the
                transform raises.
            IndexError: If an index is out of range. In all cases `out` is untouched.
        """
        pipeline = self._pipelines[_mode(images)]
        chosen = _indices(indices, len(images))
        source = _native.ArrayImages(images, pipeline.plan)
        _check_guards()
        if out is not None and (first := _native.Batch(source, chosen[:1], _native.Generator(0))).refused is None:
            check_out(out, (len(chosen), *first.shapes[0]), numpy_dtype(pipeline.dtype))
            _check_apart(out, images)
        with lend(torch.default_generator if generator is None else generator, pipeline.draws) as streams:
            refuse.forget()
            batch = _native.Batch(source, chosen, streams.torch, streams.python)
        if batch.refused is not None:
            _, op, height, width = batch.refused
            pipeline.steps[op].replay(height, width)
            raise NotSupportedError(f"{pipeline.steps[op].transform} of an image of {height} x {width}")
        if out is None:
            shape, dtype = (len(chosen), *batch.shapes[0]), numpy_dtype(pipeline.dtype)
            memory: Any = _native.Buffer(math.prod(shape) * dtype.itemsize)
            out = np.frombuffer(memory, dtype).reshape(shape)
        batch.run(self._stream, out.reshape(-1).view(np.uint8))
        return out

    def __repr__(self) -> str:
        return f"penstock.compile({self._transform!r})"


def numpy_dtype(dtype: torch.dtype) -> np.dtype[Any]:
    """Return NumPy's name of a torch dtype; TypeError if it has none."""
    return torch.empty(0, dtype=dtype).numpy().dtype


def _lower(transform: Any, mode: str) -> Pipeline:
    try:
        pipeline = lower_transform(transform, mode)
    except Opaque as opaque:
        raise NotSupportedError(
            "; ".join(f"{row.name}: {row.reason}" for row in opaque.args if not row.native)
        ) from None
    if not pipeline.fails:
        try:
            numpy_dtype(pipeline.dtype)
        except TypeError:
            raise NotSupportedError(f"{transform!r} returns {pipeline.dtype}, which NumPy lacks") from None
    return pipeline


def _check_guards() -> None:
    if torch.get_default_dtype() != torch.float32 or torch.get_default_device().type != "cpu":
        where = f"{torch.get_default_dtype()} on {torch.get_default_device()}"
        raise NotSupportedError(f"transforms would draw {where}; penstock draws torch.float32 on the CPU")


def _mode(images: Any) -> str:
    if not isinstance(images, np.ndarray) or images.dtype != np.uint8:
        kind = images.dtype if isinstance(images, np.ndarray) else type(images).__name__
        raise TypeError(f"images must be an array of uint8, got {kind}")
    if images.ndim not in (3, 4) or images.shape[3:] not in ((), (3,)) or 0 in images.shape[1:]:
        raise ValueError(f"images must have the shape (N, H, W) or (N, H, W, 3), got {images.shape}")
    return "L" if images.ndim == 3 else "RGB"


def _indices(indices: Iterable[Any] | None, length: int) -> list[int]:
    chosen = list(range(length)) if indices is None else [_index(index) for index in indices]
    if not chosen:
        raise ValueError("need at least one image")
    for index in (min(chosen), max(chosen)):
        if not -length <= index < length:
            raise IndexError(f"index {index} is out of range for {length} images")
    return chosen


def _index(index: Any) -> int:
    if isinstance(index, (bool, np.bool_)):
        raise TypeError("an index must be an integer, got a bool")
    return operator.index(index)


def _check_apart(out: npt.NDArray[Any], images: npt.NDArray[np.uint8]) -> None:
    try:
        overlaps = np.shares_memory(out, images, max_work=100_000)  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        overlaps = True
    if overlaps:
        raise ValueError("out shares memory with images")
