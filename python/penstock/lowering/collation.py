"""Which function collates what: torch's table of them, which users extend, as torch looks things up in it.

A loader is native as long as what its batches are made of meets torch's own functions; what else is in the table does
not matter. For class numbers and images that is decided beforehand. Other targets are collated by torch itself, from
the table as it is then.
"""

import multiprocessing
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torchvision import tv_tensors

from penstock.compat.torch import collate_int_fn, collate_tensor_fn, default_collate_fn_map
from penstock.lowering.known import unhooked

__all__ = ["entries_of", "function_for", "start_method", "why_changed"]

# Something of each kind that images may be, to be looked up.
_IMAGES: dict[type, Any] = {torch.Tensor: torch.empty(0), tv_tensors.Image: tv_tensors.Image(torch.empty(1, 1))}
_AT_FIRST = dict(default_collate_fn_map)


def entries_of(table: Mapping[Any, Any]) -> dict[Any, Any]:
    """Return a table of collate functions as it is without penstock's hooks."""
    plain = {kind: unhooked(function) for kind, function in table.items()}
    return {kind: function for kind, function in plain.items() if function is not None}


def function_for(item: Any, kind: type, entries: Mapping[Any, Any]) -> Any:
    """Return the function that torch would call for a batch; None if it finds none.

    Args:
        item: The batch's first one.
        kind: Its class.
        entries: The table.
    """
    if kind in entries:
        return entries[kind]
    return next((function for other, function in entries.items() if isinstance(item, other)), None)


def why_changed(kinds: Iterable[type], holders: Iterable[type], loader: Any) -> str | None:
    """Return why torch's table does not give what penstock gives, None if it does.

    Args:
        kinds: The classes that samples' images may be of.
        holders: What samples hold images in, if they are no pairs of an image and a target.
        loader: Whose batches are collated.
    """
    entries = entries_of(default_collate_fn_map)
    for holder in {tuple, *holders}:
        if function_for(holder(), holder, entries) is not None:
            return f"an entry was added that takes {holder.__name__}s"
    for kind in kinds:
        if function_for(_IMAGES[kind], kind, entries) is not collate_tensor_fn:
            return f"its entry for {kind.__name__} was changed"
    if function_for(0, int, entries) is not collate_int_fn:
        return "its entry for int was changed"
    if loader.num_workers > 0 and start_method(loader) != "fork":
        # Those workers have torch's own table, and the caller's process another one.
        for other, function in _AT_FIRST.items():
            if entries.get(other) is not function:
                return f"its entry for {other} was changed, which workers that are not forked do not see"
    return None


def start_method(loader: Any) -> str:
    """Return how a loader's workers are started."""
    context = loader.multiprocessing_context or torch.multiprocessing
    # Asked in another way it would be settled from now on.
    return context.get_start_method(allow_none=True) or multiprocessing.get_all_start_methods()[0]
