"""Recorded images that are written as they are to be delivered.

What arrives from a worker is a structure of the user's, with a tensor of the type that his code has seen for each that
was recorded. Where nothing but the structure can lead to such a tensor, its own memory is left alone, another one is
written, of half the size or a quarter, and stands for it from the moment that the batch is handed to whoever delivers
it.
"""

from collections import OrderedDict
from typing import Any

import numpy as np
import torch

from penstock.delivery.structures import rebuilt
from penstock.delivery.tables import Coded
from penstock.recording.rendering import Rendering

__all__ = ["Exchanged"]

_PLAIN = (bool, bytes, complex, float, int, str, type(None))


class Exchanged:
    """What of a batch that has arrived is written otherwise, before anything is written.

    Args:
        batch: As the worker has sent it.
        rendering: Makes its images for who delivers them, and has not begun.
    """

    def __init__(self, batch: Any, rendering: Rendering) -> None:
        # By where their memory is: an object may be made anew on the way, for another mode of the thread.
        self._instead: dict[int, tuple[torch.Tensor, Any]] = {}
        self._rendering = rendering
        found: list[torch.Tensor] = []
        if not _find(batch, found):
            return
        owners: dict[int, set[int]] = {}
        for tensor in found:
            owners.setdefault(tensor.untyped_storage().data_ptr(), set()).add(id(tensor))
        for number, tensor in enumerate([*rendering.tensors]):
            place = tensor.untyped_storage().data_ptr()
            if owners.get(place) == {id(tensor)} and (instead := rendering.exchange(number)) is not None:
                self._instead[place] = tensor, instead

    def parts(self) -> list[Any]:
        """Return the images, as they will be handed to whoever delivers them."""
        instead = {id(part.codes) if isinstance(part, Coded) else id(part): part for _, part in self._instead.values()}
        return [instead.get(id(tensor), tensor) for tensor in self._rendering.tensors]

    def hand_over(self, batch: Any) -> Any:
        """Return the batch for whoever delivers it."""
        return rebuilt(batch, self._of) if self._instead else batch

    def _of(self, part: Any) -> Any:
        if not isinstance(part, torch.Tensor) or part.layout != torch.strided:
            return part
        _, instead = self._instead.get(part.untyped_storage().data_ptr(), (None, part))
        return instead


def _find(batch: Any, found: list[torch.Tensor]) -> bool:
    """List a batch's tensors; return whether there is nothing in it that may hide others."""
    kind = type(batch)
    if kind is torch.Tensor:
        found.append(batch)
        return bool(batch.layout is torch.strided)
    if kind in _PLAIN or isinstance(batch, np.generic):
        return True
    if kind in (dict, OrderedDict):
        return all(_find(item, found) for item in batch.values())
    if kind in (list, tuple) or (isinstance(batch, tuple) and hasattr(batch, "_fields")):
        return all(_find(item, found) for item in batch)
    return kind is np.ndarray and not bool(batch.dtype.hasobject)
