"""What a worker process has from its parent: the state of torch's switches when the iterator was made."""

import contextlib
from collections.abc import Iterator

import torch

from penstock.compat.torch import DisableTorchFunction, disable_current_modes, dispatch_modes, function_modes

__all__ = ["as_in_worker"]


@contextlib.contextmanager
def as_in_worker() -> Iterator[None]:
    """Run code as a worker would have run it, whatever the caller has set since the iterator was made.

    A loader is lowered only with the default dtype float32 and no mode of functions, a default device's included, so
    this is what its workers would have.
    """
    dtype = torch.get_default_dtype()
    if dtype is torch.float32 and not function_modes() and not dispatch_modes():
        yield
        return
    with DisableTorchFunction(), disable_current_modes():
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(dtype)
