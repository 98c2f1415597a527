"""torch's generators, lent to Rust for the time of one batch's draws."""

import contextlib
from collections.abc import Iterator

import torch

from penstock import _native

__all__ = ["lend"]


@contextlib.contextmanager
def lend(generator: torch.Generator, draws: bool) -> Iterator[_native.Generator]:
    """Continue a torch generator natively, and set it to where the draws have led.

    Args:
        generator: On the CPU. Its cached normal deviate is left alone, as the draws made here leave it.
        draws: Whether anything will be drawn; if not, the generator is not touched.
    """
    native = _native.Generator(0)
    if not draws:
        yield native
        return
    state = generator.get_state()
    native.load(state.numpy())
    yield native
    native.store(state.numpy())
    generator.set_state(state)
