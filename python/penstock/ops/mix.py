"""MixUp and CutMix of torchvision: each image of a batch is mixed with the one before it, the first with the last.

Their draws, their targets and their errors are torchvision's own; what is native is what happens to the images.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torchvision.transforms import v2

from penstock.ops.operation import Mix, Operation

__all__ = ["MIX", "MIXED"]

# Types of images that are mixed natively. Halves are rounded after each product and the sum, and others cannot be
# multiplied in place; a cut alone could be of any type, but a collate_fn that chooses may not choose one.
MIXED = (torch.float32, torch.float64)


def _mixes_up(params: Mapping[str, Any], images: torch.Tensor) -> Mix | None:
    share = params["lam"]
    if type(share) is not float or images.dtype not in MIXED:
        return None
    return 1.0 - share, share


def _cuts(params: Mapping[str, Any], images: torch.Tensor) -> Mix | None:
    left, top, right, bottom = params["box"]
    if not all(type(edge) is int for edge in (left, top, right, bottom)):
        return None
    rows, columns = slice(top, bottom).indices(images.shape[-2]), slice(left, right).indices(images.shape[-1])
    return rows[0], max(rows[:2]), columns[0], max(columns[:2])


MIX = Operation(
    name="mix",
    says="done to the batch by the threads that make its images",
    batches={v2.MixUp: _mixes_up, v2.CutMix: _cuts},
)
