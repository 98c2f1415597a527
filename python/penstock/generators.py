"""torch's generator and Python's natively: lent for the time of one batch's draws, and those of logical workers."""

import contextlib
import enum
import random
from collections.abc import Iterator
from typing import Any

import torch

from penstock import _native

__all__ = ["Draws", "Streams", "as_before", "lend", "resume", "seeded_python"]

# What `random.getstate()` gives.
_PythonState = tuple[Any, ...]


class Draws(enum.Flag):
    """From which generators something draws."""

    NONE = 0
    TORCH = enum.auto()
    PYTHON = enum.auto()


class Streams:
    """A logical worker's random streams: one for each generator that plans draw from.

    Args:
        native: torch's.
        state: The one that it began with, if the stream may have to become a `torch.Generator`'s again; it has the
            seed in it.
        python: Python's.
        python_state: The one that Python's began with, if the stream may have to become a `random.Random`'s again; it
            has a cached normal in it.
    """

    def __init__(
        self,
        native: _native.Generator,
        state: torch.Tensor | None = None,
        python: _native.Generator | None = None,
        python_state: _PythonState | None = None,
    ) -> None:
        self.torch = native
        self.python = python
        self._state, self._python_state = state, python_state

    @classmethod
    def of(cls, state: torch.Tensor, python_state: _PythonState | None = None) -> "Streams":
        """Streams that go on from a state of `torch.Generator`, and from one of `random.Random`."""
        native = _native.Generator(0)
        native.load(state.numpy())
        python = None
        if python_state is not None:
            python = _native.Generator(0)
            python.load_python(python_state[1])
        return cls(native, state, python, python_state)

    def copy(self) -> "Streams":
        """Return other streams at the same positions."""
        python = None if self.python is None else self.python.copy()
        return Streams(self.torch.copy(), self._state, python, self._python_state)

    def follow(self, other: "Streams") -> None:
        """Continue from other streams' positions."""
        self.torch.follow(other.torch)
        self._state, self._python_state = other._state, other._python_state
        if self.python is not None and other.python is not None:
            self.python.follow(other.python)

    @contextlib.contextmanager
    def as_torch(self) -> Iterator[torch.Generator]:
        """Lend torch's stream to torch, as a generator of its own."""
        generator = torch.Generator()
        generator.set_state(self.torch_state())
        try:
            yield generator
        finally:
            self._state = generator.get_state()
            self.torch.load(self._state.numpy())

    def torch_state(self) -> torch.Tensor:
        """Return the state of a `torch.Generator` that goes on from here."""
        assert self._state is not None  # noqa: S101 - those without it are lent, and given back in another way
        state = self._state.clone()
        self.torch.store(state.numpy())
        return state

    def python_state(self) -> _PythonState | None:
        """Return the state of a `random.Random` that goes on from here; None if there is no such stream."""
        if self.python is None or self._python_state is None:
            return None
        version, _, *others = self._python_state
        return version, self.python.python_state(), *others

    def states(self) -> tuple[torch.Tensor, _PythonState | None]:
        """Return where generators go on from here, as `resume` takes it."""
        return self.torch_state(), self.python_state()


def resume(states: tuple[torch.Tensor, _PythonState | None]) -> None:
    """Have this process's generators go on from where streams have come to."""
    state, python_state = states
    torch.set_rng_state(state)
    if python_state is not None:
        random.setstate(python_state)


@contextlib.contextmanager
def as_before() -> Iterator[None]:
    """Put the process's generators back to where they are before something draws from them."""
    python_state = random.getstate()
    with torch.random.fork_rng(devices=[]):
        try:
            yield
        finally:
            random.setstate(python_state)


def seeded_python(seed: int) -> random.Random:
    """Return Python's generator as a worker of torch's with this seed has it."""
    return random.Random(seed)  # noqa: S311 - the one that transforms draw from


@contextlib.contextmanager
def lend(generator: torch.Generator, draws: Draws) -> Iterator[Streams]:
    """Continue a torch generator and Python's global one natively, and set them to where the draws have led.

    Args:
        generator: On the CPU.
        draws: From which of the two anything will be drawn; the other one is not touched.
    """
    state = generator.get_state() if draws & Draws.TORCH else None
    python_state = random.getstate() if draws & Draws.PYTHON else None
    if state is not None:
        streams = Streams.of(state, python_state)
    else:
        python = _native.Generator(0)
        if python_state is not None:
            python.load_python(python_state[1])
        streams = Streams(_native.Generator(0), None, python, python_state)
    yield streams
    if state is not None:
        generator.set_state(streams.torch_state())
    if python_state is not None and (drawn := streams.python_state()) is not None:
        random.setstate(drawn)
