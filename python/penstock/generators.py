"""torch's generator and Python's natively: lent for one batch's draws, those of logical workers, those of samples."""

import contextlib
import enum
import operator
import random
from collections.abc import Iterator
from typing import Any

import torch

from penstock import _native

__all__ = ["WORDS", "Draws", "SampleStreams", "Streams", "as_before", "lend", "resume", "seeded_python"]

# How many values a word has.
WORDS = 1 << 32

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

    # Whether samples have numbers of their own, so that there is no position to go on from.
    are_of_samples = False

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

    def samples(self, indices: list[Any]) -> _native.Integers | None:  # noqa: ARG002 - of samples' own only
        """Return what the numbers of samples with these indices depend on; None if they go on from one to the next."""
        return None

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


class SampleStreams(Streams):
    """Random streams of each sample's own, which depend on a seed, an epoch and the sample's index.

    Philox4x32-10 makes their words. The key is (seed, epoch); the counter is the index's low word, its high word, the
    block, and the generator: 0 for what torch would draw, 1 for what Python's `random` would. Draws of the library's
    own come from torch's generator, seeded by the sample's first two words as `numpy.random.RandomState` would be.

    Args:
        seed: One word.
        epoch: One word.
        length: Of the data set, from whose end negative indices count; None if it has none.

    Raises:
        ValueError: If the epoch is no word.
    """

    are_of_samples = True

    def __init__(self, seed: int, epoch: int, length: int | None) -> None:
        if not 0 <= epoch < WORDS:
            raise ValueError(f"rng='index' takes epochs from 0 to {WORDS - 1}, one word, and the sampler's is {epoch}")
        torchs, pythons = (_native.Generator.of_samples(seed, epoch, stream) for stream in range(2))
        super().__init__(torchs, None, pythons)
        self._length = length

    def samples(self, indices: list[Any]) -> _native.Integers:
        """See `Streams`.

        Raises:
            ValueError: If one of them is no whole number.
        """
        read = _native.Integers.read(indices)
        if read is None or (indices and min(indices) < 0):
            numbers = [self._number(index) for index in indices]
            read = _native.Integers.read(numbers)
            if read is None:
                raise ValueError(f"rng='index' needs indices of at most 63 bits, and the sampler gave {max(numbers)}")
        return read

    def _number(self, index: Any) -> int:
        try:
            number = operator.index(index)
        except TypeError:
            reason = f"rng='index' needs a sampler of whole numbers, and it gave {index!r}"
            raise ValueError(reason) from None
        return number if number >= 0 or self._length is None else number + self._length

    def copy(self) -> "SampleStreams":
        """Return the same, which have no position."""
        return self

    def follow(self, other: Streams) -> None:
        """Do nothing, as there is no position."""


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
