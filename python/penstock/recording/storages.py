"""Small storages: what a worker sends with the message itself, and not in a file of shared memory.

Such a file takes half a millisecond, and a sample may hold a dozen boxes and labels. Only the storage travels in
another way; the tensors on it are torch's own affair, with their strides, offsets, classes and gradients. A storage is
one object in Python however many tensors lie on it, and a pickle holds each object once, so tensors that share memory
when they are sent share it when they arrive.
"""

import ctypes
from multiprocessing.reduction import ForkingPickler
from typing import Any

import torch
from torch.multiprocessing.reductions import reduce_storage

__all__ = ["send_small_tensors"]

# Storages up to this size travel with the message that they are part of.
_SMALL_BYTES = 1 << 13


def _reduce(storage: torch.UntypedStorage) -> Any:
    try:
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
