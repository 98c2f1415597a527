"""Copies to a CUDA device beside what is computed there: the streams, the events, and who keeps which memory for whom.

A copy is queued on a stream of its own. Three things make that safe, and each of them is one line below:

* The consumer's stream waits for the copies' event, so that nothing reads a copy that has not been made.
* A copy is recorded with the consumer's stream: its memory belongs to the stream that it was taken on, and would be
  given to a later copy as soon as nobody refers to it, while what the consumer has queued still reads it.
* A source is held until the copies' event has passed, as nothing else may refer to it by then.
"""

import collections
import functools
from collections.abc import Callable, Iterable
from typing import Any

import torch

__all__ = ["Cargo", "Cuda", "Ferry", "Flight"]

# A tensor in memory, and what is made of its copy on the device.
Cargo = tuple[torch.Tensor, Callable[[torch.Tensor], torch.Tensor]]


class Cuda:
    """One device's streams: all that is asked of CUDA. The tests have a fake in its place.

    Args:
        device: A CUDA device; the current one if it has no index.

    Attributes:
        device: The same with its index.

    Raises:
        Exception: What torch raises where there is no CUDA.
    """

    def __init__(self, device: torch.device) -> None:
        index = torch.cuda.current_device() if device.index is None else device.index
        self.device = torch.device(device.type, index)
        self._side = _side_stream(self.device)

    def pinned(self, tensor: torch.Tensor) -> torch.Tensor:
        """Return a tensor in page-locked memory, from which a copy does not wait for the processor."""
        return tensor if tensor.is_pinned() else tensor.pin_memory()

    def copy(self, cargo: Cargo) -> torch.Tensor:
        """Queue a copy, and what is made of it, on the side stream."""
        source, made = cargo
        with torch.cuda.stream(self._side):
            return made(source.to(self.device, non_blocking=True))

    def event(self) -> Any:
        """Return an event that has passed when the side stream has done what was queued on it by now."""
        event: Any = torch.cuda.Event()
        event.record(self._side)
        return event

    def consumer(self) -> Any:
        """Return the stream on which the caller computes."""
        return torch.cuda.current_stream(self.device)

    def record(self, copy: torch.Tensor, stream: Any) -> None:
        """Have a copy's memory not be given away before what a stream has queued until then is done."""
        copy.record_stream(stream)


@functools.cache
def _side_stream(device: torch.device) -> Any:
    """Return the one stream of a device for copies: memory that was taken on a stream goes to no other one again."""
    return torch.cuda.Stream(device)


class Flight:
    """Copies that are queued together.

    Attributes:
        copies: The tensors on the device; nobody may use them before `Ferry.receive`.
        sources: What they are copies of.
        event: Passes when they are made; None until all of them are queued.
    """

    def __init__(self, cuda: Cuda) -> None:
        self._cuda = cuda
        self.copies: list[torch.Tensor] = []
        self.sources: list[torch.Tensor] = []
        self.event: Any = None

    def add(self, cargo: Cargo) -> torch.Tensor:
        """Queue the copy of a tensor of the processor's memory, which must not change any more."""
        source, made = cargo
        source = self._cuda.pinned(source)
        self.sources.append(source)
        copy = self._cuda.copy((source, made))
        self.copies.append(copy)
        return copy


class Ferry:
    """Copies to one device, which are handed to the stream that uses them.

    Args:
        cuda: The device's streams.
    """

    def __init__(self, cuda: Cuda) -> None:
        self._cuda = cuda
        # Sources of copies that may still be under way, oldest first.
        self._held: collections.deque[tuple[Any, list[torch.Tensor]]] = collections.deque()

    def flight(self) -> Flight:
        """Return a flight to which copies are added; whatever is raised meanwhile, it has to `depart` then."""
        while self._held and self._held[0][0].query():
            self._held.popleft()
        return Flight(self._cuda)

    def depart(self, flight: Flight) -> None:
        """Note the end of a flight's copies, and hold what they are made of until it has passed."""
        flight.event = self._cuda.event()
        self._held.append((flight.event, flight.sources))

    def receive(self, flight: Flight, copies: Iterable[torch.Tensor]) -> None:
        """Have the caller's stream wait for copies of a flight, which it may use then; the caller does not wait."""
        consumer = self._cuda.consumer()
        consumer.wait_event(flight.event)
        for copy in copies:
            self._cuda.record(copy, consumer)

    def __del__(self) -> None:
        # An iterator may be dropped in the middle of a copy, which takes milliseconds.
        try:
            for event, _ in self._held:
                event.synchronize()
        except Exception:  # noqa: S110 - in a forked child, or at the interpreter's end, there is nothing to wait for
            pass
