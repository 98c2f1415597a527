"""torch's generators natively: lent for the time of one batch's draws, and those of logical workers."""

import contextlib
from collections.abc import Iterator

import torch

from penstock import _native

__all__ = ["Streams", "lend"]


class Streams:
    """A logical worker's random streams: one for each generator that plans draw from.

    Args:
        native: torch's.
        state: The one that it began with, if the stream may have to become a `torch.Generator`'s again; it has the
            seed in it, and cached normals, which what is drawn natively leaves alone.
    """

    def __init__(self, native: _native.Generator, state: torch.Tensor | None = None) -> None:
        self.torch = native
        self._state = state

    @classmethod
    def of(cls, state: torch.Tensor) -> "Streams":
        """Streams that go on from a state of `torch.Generator`."""
        native = _native.Generator(0)
        native.load(state.numpy())
        return cls(native, state)

    def copy(self) -> "Streams":
        """Return other streams at the same positions."""
        return Streams(self.torch.copy(), self._state)

    def follow(self, other: "Streams") -> None:
        """Continue from other streams' positions."""
        self.torch.follow(other.torch)

    def torch_state(self) -> torch.Tensor:
        """Return the state of a `torch.Generator` that goes on from here."""
        assert self._state is not None  # noqa: S101 - those without it are lent, and given back in another way
        state = self._state.clone()
        self.torch.store(state.numpy())
        return state


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
