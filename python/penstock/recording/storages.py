"""Storages of tensors that travel between processes.

Small ones go with the message itself, and not in a file of shared memory. Such a file takes half a millisecond, and a
sample may hold a dozen boxes and labels. Only the storage travels in another way; the tensors on it are torch's own
affair, with their strides, offsets, classes and gradients. A storage is one object in Python however many tensors lie
on it, and a pickle holds each object once, so tensors that share memory when they are sent share it when they arrive.
"""

import ctypes
import io
import math
import pickle
from collections.abc import Sequence
from multiprocessing.reduction import ForkingPickler
from typing import Any

import torch

from penstock.compat.torch import new_shared, reduce_storage
from penstock.memory import contiguous_strides
from penstock.recording.lent import lend, take

__all__ = ["LEAST_BYTES", "lent", "made_anew", "send_small_tensors", "shared"]

# Storages up to this size travel with the message that they are part of.
_SMALL_BYTES = 1 << 13
# Below this, copying takes no longer than making shared memory.
LEAST_BYTES = 1 << 20


def shared(shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor | None:
    """Return zeros in memory that can be sent without a copy; None if there is none."""
    if (made := lent(shape, dtype)) is not None:
        return made.zero_()
    try:
        storage = new_shared(math.prod(shape) * dtype.itemsize)
    except RuntimeError:
        return None
    return _over(storage, shape, dtype)


def lent(shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor | None:
    """Return whatever is in memory that can be sent and was sent before, or is new; None if there is none."""
    if (storage := take(math.prod(shape) * dtype.itemsize)) is None:
        return None
    return _over(storage, shape, dtype)


def _over(storage: torch.UntypedStorage, shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
    made = torch.tensor((), dtype=dtype)
    made.set_(storage, 0, tuple(shape), contiguous_strides(shape))
    return made


def _reduce(storage: torch.UntypedStorage) -> Any:
    try:
        if (sent := lend(storage)) is not None:
            return sent
        content = _content_of_small(storage)
    except Exception:  # of a kind whose bytes cannot be asked for; torch sends it, or says why not
        content = None
    if content is None:
        return reduce_storage(storage)
    return _receive, (content,)


def _content_of_small(storage: torch.UntypedStorage) -> bytes | None:
    """Return a storage's bytes; None if it is not small, or another process has the same memory."""
    size = storage.nbytes()
    if not 0 < size <= _SMALL_BYTES or storage.device.type != "cpu" or storage.is_shared():
        return None
    return ctypes.string_at(storage.data_ptr(), size)


def _receive(content: bytes) -> torch.UntypedStorage:
    # Memory of torch's own: what is borrowed could not be resized.
    storage = torch.UntypedStorage(len(content))
    ctypes.memmove(storage.data_ptr(), content, len(content))
    return storage


def send_small_tensors() -> None:
    """Have this process, a worker, send small tensors so."""
    ForkingPickler.register(torch.UntypedStorage, _reduce)


class _Leaving(ForkingPickler):
    """Pickles all but storages, which it lists."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.left: list[torch.UntypedStorage] = []

    def persistent_id(self, value: Any) -> int | None:
        if type(value) is not torch.UntypedStorage:
            return None
        self.left.append(value)
        return len(self.left) - 1


class _Finding(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, left: list[torch.UntypedStorage]) -> None:
        super().__init__(file)
        self._left = left

    def persistent_load(self, number: int) -> torch.UntypedStorage:
        return self._left[number]


def made_anew(batch: Any) -> Any:
    """Return a batch that has arrived, as it would have if it had arrived now.

    What is made of a message depends on modes of the thread that receives it, inference mode above all. Its tensors
    lie in the same memory as before.
    """
    file = io.BytesIO()
    pickler = _Leaving(file)
    pickler.dump(batch)
    file.seek(0)
    return _Finding(file, pickler.left).load()
