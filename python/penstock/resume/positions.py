"""Where generators stand: torch's, Python's, NumPy's, in a form that is small, can be compared, and can be stored.

All three are MT19937: a block of 624 words, which is made anew when it is used up, and few bytes that change with each
number. So a position is a pair of the few and the block; who was told the block needs the few only.
"""

import array
import contextlib
import pickle
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
import torch

__all__ = [
    "Position",
    "here",
    "kept",
    "of_torch",
    "positions_of",
    "put",
    "python_state",
    "random_position",
    "torch_state",
]

# What is few is plain data, and the block bytes.
Position = tuple[Any, bytes]
Generators = Mapping[str, torch.Generator]

# The state of torch's CPU generator: seed and counters, the words, each in 64 bits, and cached normals.
_STATE_BYTES = 5056
_WORDS = slice(24, 24 + 624 * 8)


def of_torch(state: torch.Tensor) -> Position:
    """Return the position that the state of a `torch.Generator` means."""
    raw = state.numpy().tobytes()
    if len(raw) != _STATE_BYTES:
        return raw, b""  # of a generator on an accelerator
    words = np.frombuffer(raw[_WORDS], "<u8").astype("<u4").tobytes()
    return raw[: _WORDS.start] + raw[_WORDS.stop :], words


def torch_state(position: Position) -> torch.Tensor:
    """Return the state of a `torch.Generator` at a position."""
    few, block = position
    words = np.frombuffer(block, "<u4").astype("<u8").tobytes()
    return torch.frombuffer(bytearray(few[: _WORDS.start] + words + few[_WORDS.start :]), dtype=torch.uint8)


def random_position(state: Any) -> Position:
    """Return the position that a state of Python's `random` means."""
    version, numbers, normal = state
    return (version, numbers[-1], normal), array.array("I", numbers[:-1]).tobytes()


def python_state(position: Position) -> Any:
    """Return the state of Python's `random` at a position."""
    (version, next_word, normal), block = position
    return version, (*array.array("I", block), next_word), normal


def _numpy_position() -> Position:
    state = np.random.get_state()  # noqa: NPY002 - the global one
    if isinstance(state, dict):
        return pickle.dumps(state), b""  # the program has put another bit generator there
    _, words, *few = state
    return tuple(few), words.tobytes()


def _set_numpy(position: Position) -> None:
    few, block = position
    state = pickle.loads(few) if isinstance(few, bytes) else ("MT19937", np.frombuffer(block, np.uint32), *few)  # noqa: S301 - a checkpoint is the user's own
    np.random.set_state(state)  # noqa: NPY002 - the global one


# How each of the process's generators is asked, and put somewhere.
_OF_PROCESS: dict[str, tuple[Callable[[], Position], Callable[[Position], Any]]] = {
    "torch": (
        lambda: of_torch(torch.default_generator.get_state()),
        lambda position: torch.default_generator.set_state(torch_state(position)),
    ),
    "python": (
        lambda: random_position(random.getstate()),
        lambda position: random.setstate(python_state(position)),
    ),
    "numpy": (_numpy_position, _set_numpy),
}


def here(*names: str) -> dict[str, Position]:
    """Return where the process's generators stand: "torch", "python" and "numpy", or those that are named."""
    return {name: _OF_PROCESS[name][0]() for name in names or _OF_PROCESS}


def positions_of(generators: Generators) -> dict[str, Position]:
    """Return where generators stand, by their names."""
    return {name: of_torch(generator.get_state()) for name, generator in generators.items()}


def put(positions: Mapping[str, Position], generators: Generators | None = None) -> None:
    """Put generators where they stood: those of the process, and others by their names."""
    for name, position in positions.items():
        if name in _OF_PROCESS:
            _OF_PROCESS[name][1](position)
        elif generators is not None and name in generators:
            generators[name].set_state(torch_state(position))


@contextlib.contextmanager
def kept(generators: Generators) -> Iterator[None]:
    """Put the process's generators, and some others, back in the end."""
    positions = here() | positions_of(generators)
    try:
        yield
    finally:
        put(positions, generators)
