"""Channels in another order."""

from collections.abc import Iterator
from typing import Any, Literal

import torch
from torchvision.transforms import functional as F
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F2

from penstock import _native
from penstock.ops.operation import Building, Operation, Trace

__all__ = ["PERMUTE"]


def _lower(building: Building, _transform: Any) -> _native.Op:
    building.change_values()
    return _native.Op("random_channel_permutation", building.channels)


def _permuted(trace: Trace, permutation: Any) -> Trace | None:
    # To torch, bytes and truth values are a mask.
    is_tensor = isinstance(permutation, torch.Tensor) and permutation.dtype is torch.int64
    if not is_tensor and not (type(permutation) in (list, tuple) and all(type(place) is int for place in permutation)):
        return None
    order = [*permutation]
    # A gray image is made over an array of NumPy's, and says that it may not be written to.
    if len(order) == 1 or sorted(order) != [*range(len(trace.mode))]:
        return None
    return trace.then("permute", *map(int, order)).without_info()


def _tensor_permuted(trace: Trace, permutation: Any) -> tuple[Trace, Literal["asked"]] | None:
    permuted = _permuted(trace, permutation)
    return None if permuted is None else (permuted, "asked")


def _replay(image: Any, *order: int) -> Any:
    return F.to_pil_image(F.pil_to_tensor(image)[[*order]])


def _examples() -> Iterator[Any]:
    yield v2.RandomChannelPermutation()


PERMUTE = Operation(
    name="channel permutation",
    says="one pass, together with other changes of colour",
    transforms={v2.RandomChannelPermutation: _lower},
    random=frozenset((v2.RandomChannelPermutation,)),
    functions=((F2, "permute_channels"),),
    replays={"permute": _replay},
    image_kernels={F2.permute_channels: _permuted},
    kernels={F2.permute_channels: _tensor_permuted},
    examples=_examples,
)
