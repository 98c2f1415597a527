"""The delivery of batches to one device, whatever makes them."""

from collections.abc import Iterable
from typing import Any

import torch

from penstock.delivery import streams
from penstock.delivery.form import Form
from penstock.delivery.structures import rebuilt
from penstock.delivery.tables import Coded, Lookup

__all__ = ["Delivery"]


class Delivery:
    """Delivers the batches of an iterator, one after the other.

    What is in the processor's memory goes to a CUDA device on a side stream. What is anywhere else, follows gradients
    or has its own `to` is moved by that on the caller's stream; so is everything to any other device.

    Args:
        device: As the loader has it: the current one if it is "cuda".
        form: What images are to be.

    Attributes:
        nbytes: Of all tensors that were delivered, sparse ones left out.
        bus_nbytes: Of those that went from the processor's memory to the device, as they went.

    Raises:
        Exception: What torch raises for a device that is not there.
    """

    def __init__(self, device: Any, form: Form) -> None:
        self._device, self._form = torch.device(device), form
        self._ferry: streams.Ferry | None = None
        if self._device.type == "cuda":
            cuda = streams.Cuda(self._device)
            self._device, self._ferry = cuda.device, streams.Ferry(cuda)
        self.nbytes = self.bus_nbytes = 0
        # By the ids of their tables, which are kept with them.
        self._lookups: dict[int, tuple[torch.Tensor, Lookup]] = {}
        self._ahead: _Ahead | None = None
        # What was handed out last. Who uses it on a stream of his own has had the stream that he took it on wait for
        # that by his next call, as timm's `PrefetchLoader` does; before, its memory must not go to another batch.
        self._kept: list[torch.Tensor] = []

    def deliver(self, batch: Any) -> Any:
        """Return a batch on the device, which belongs to the caller from then on.

        Raises:
            Exception: What torch, or an object's own `to`, raises.
        """
        self._kept = []
        if self._ferry is None:
            return rebuilt(batch, self._moved)
        ahead, self._ahead = self._ahead, None
        if ahead is not None and ahead.inference is not torch.is_inference_mode_enabled():
            ahead = None
        flight = self._ferry.flight()
        try:
            delivered = rebuilt(batch, lambda part: self._ferried(part, flight, ahead))
        finally:  # what was queued before an exception is under way all the same
            self._ferry.depart(flight)
        self._ferry.receive(flight, flight.copies)
        self._kept = flight.copies
        if ahead is not None and ahead.taken:
            self._ferry.receive(ahead.flight, ahead.taken)
            self._kept = [*flight.copies, *ahead.taken]
        return delivered

    def begin(self, parts: Iterable[Any]) -> None:
        """Begin to copy what the next batch will consist of, as far as it is known, unless that was done.

        Args:
            parts: Tensors and `Coded` images that do not change any more. If other ones arrive, nothing has happened.
        """
        if self._ferry is None or self._ahead is not None:
            return
        sources = [part for part in parts if _flies(part)]
        if sources:
            flight = self._ferry.flight()
            try:
                copies = {id(_source(part)): (part, flight.add(self._cargo(part))) for part in sources}
            finally:
                self._ferry.depart(flight)
            self._ahead = _Ahead(flight, copies, torch.is_inference_mode_enabled())

    def end(self) -> None:
        """Forget what was begun, and what was handed out."""
        self._ahead, self._kept = None, []

    def _ferried(self, part: Any, flight: streams.Flight, ahead: "_Ahead | None") -> Any:
        if not _flies(part):
            return self._moved(part)
        copy = None if ahead is None else ahead.take(_source(part))
        if copy is None:
            copy = flight.add(self._cargo(part))
        self.nbytes += copy.nbytes
        self.bus_nbytes += _source(part).nbytes
        return copy

    def _cargo(self, part: Any) -> streams.Cargo:
        if not isinstance(part, Coded):
            return part, self._form.made
        return part.codes, lambda codes: self._form.made(self._lookup(part.table, codes.device)(codes))

    def _lookup(self, table: torch.Tensor, device: torch.device) -> Lookup:
        if id(table) not in self._lookups:
            self._lookups[id(table)] = table, Lookup(table, device)
        return self._lookups[id(table)][1]

    def _moved(self, part: Any) -> Any:
        """Return what torch's `to`, or an object's own, makes of something."""
        if isinstance(part, torch.Tensor):
            moved = self._form.made(part.to(self._device, non_blocking=self._ferry is not None))
            self.nbytes += _nbytes(moved)
            if part.device.type == "cpu" != moved.device.type:
                self.bus_nbytes += _nbytes(part)
            return moved
        if not hasattr(part, "to"):
            return part  # it can be pinned, and was
        try:
            moved = part.to(self._device, non_blocking=self._ferry is not None)
        except TypeError:  # nobody has promised that it takes more than a device
            moved = part.to(self._device)
        return part if moved is None else moved


class _Ahead:
    """Copies that were begun before their batch was asked for.

    Args:
        flight: They were queued in.
        copies: By the ids of their sources, which are kept with them.
        inference: Whether they were made in inference mode.

    Attributes:
        flight: The same.
        inference: The same.
        taken: Those that the batch consists of.
    """

    def __init__(self, flight: streams.Flight, copies: dict[int, tuple[Any, torch.Tensor]], inference: bool) -> None:
        self.flight, self.inference = flight, inference
        self.taken: list[torch.Tensor] = []
        self._copies = copies

    def take(self, source: torch.Tensor) -> torch.Tensor | None:
        """Return the copy of a tensor, once; None if there is none."""
        if id(source) not in self._copies:
            return None
        _, copy = self._copies.pop(id(source))
        self.taken.append(copy)
        return copy


def _flies(part: Any) -> bool:
    """Whether something goes to a CUDA device on the side stream."""
    if isinstance(part, Coded):
        return True
    plain = isinstance(part, torch.Tensor) and part.device.type == "cpu" and part.layout is torch.strided
    return plain and not part.requires_grad


def _nbytes(tensor: torch.Tensor) -> int:
    return tensor.nbytes if tensor.layout is torch.strided else 0  # others have no such thing


def _source(part: Any) -> torch.Tensor:
    source: torch.Tensor = part.codes if isinstance(part, Coded) else part
    return source
