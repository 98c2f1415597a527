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
        self._state = other._state

    @contextlib.contextmanager
    def as_torch(self) -> Iterator[torch.Generator]:
        """Lend torch's stream to torch, as a generator of its own."""
        generator = torch.Generator()
        generator.set_state(self.torch_state())
        try:
            yield generator
        finally:
            # With the cached normals that torch may have left.
            self._state = generator.get_state()
            self.torch.load(self._state.numpy())

    def torch_state(self) -> torch.Tensor:
        """Return the state of a `torch.Generator` that goes on from here."""
        assert self._state is not None  # noqa: S101 - those without it are lent, and given back in another way
        state = self._state.clone()
        self.torch.store(state.numpy())
        return state


@contextlib.contextmanager
def lend(generator: torch.Generator, draws: bool) -> Iterator[Streams]:
    """Continue a torch generator natively, and set it to where the draws have led.

    Args:
        generator: On the CPU. Its cached normal deviate is left alone by what is drawn natively.
        draws: Whether anything will be drawn; if not, the generator is not touched.
    """
    if not draws:
        yield Streams(_native.Generator(0))
        return
    streams = Streams.of(generator.get_state())
    yield streams
    generator.set_state(streams.torch_state())
