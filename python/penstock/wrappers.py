"""From what a framework wraps around a loader to the loader, and whether that asks penstock for its iterators.

Frameworks hand out wrappers that move batches to a device, synchronise generators or repeat an epoch. What makes the
batches is the loader inside, and it is what `explain` and `stats` are about.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch.utils.data

__all__ = ["is_ours", "own_iterators", "unwrap"]

_TORCHS: Any = torch.utils.data.DataLoader
# Attributes in which wrappers keep what they iterate over, and how it is reached. The first that leads to a loader is
# followed.
_HOLDERS = {
    "base_dataloader": "base_dataloader",  # Accelerate
    "_dataloader": "_dataloader",  # Lightning Fabric, Ray Train
    "loader": "loader",  # timm, DeepSpeed
    "_loader": "_loader",  # PyTorch/XLA, and so Ignite
    "_flattened": "flattened",  # Lightning's CombinedLoader; a list
    "dataloader": "dataloader",
    "data_loader": "data_loader",
    "iterable": "iterable",  # tqdm
}


def unwrap(loader: Any, asked: str) -> Any:
    """Return the loader inside of what frameworks or the user's own classes wrap around one.

    Args:
        loader: A loader, or anything that keeps one in an attribute.
        asked: Name of the function that was called with it, for the message.

    Raises:
        TypeError: If there is no loader in it, or more than one.
    """
    found = dict(_inside(loader, set()))
    if len(found) == 1:
        return next(iter(found.values()))
    name = type(loader).__name__
    if found:
        places = " or ".join(f"loader{place}" for place in found)
        raise TypeError(f"{asked}() takes one DataLoader, and this {name} holds {len(found)}: pass {places}")
    items = loader.values() if isinstance(loader, Mapping) else loader if isinstance(loader, (list, tuple)) else ()
    hint = "; pass its items one by one" if any(dict(_inside(item, set())) for item in items) else ""
    raise TypeError(f"{asked}() takes a DataLoader, got {name}{hint}")


def _inside(wrapper: Any, seen: set[int]) -> Iterator[tuple[str, Any]]:
    """Yield the loaders that a wrapper iterates over, each once, with its place.

    Args:
        wrapper: Any object.
        seen: Ids of those that were looked at before; a wrapper may lead back to itself.
    """
    if id(wrapper) in seen:
        return
    seen.add(id(wrapper))
    is_loader = issubclass(type(wrapper), _TORCHS)  # not isinstance: Accelerate's wrappers feign the class
    if is_loader and type(wrapper).__iter__ is _TORCHS.__iter__:
        yield "", wrapper
        return
    # Not getattr: wrappers pass on what they lack to the loader, and properties run code.
    fields = getattr(wrapper, "__dict__", {})
    for name, shown in _HOLDERS.items():
        held = fields.get(name)
        items = {f"[{k}]": item for k, item in enumerate(held)} if isinstance(held, (list, tuple)) else {"": held}
        found = [
            (f".{shown}{index}{place}", loader)
            for index, item in items.items()
            for place, loader in _inside(item, seen)
        ]
        if found:
            yield from found
            return
    if is_loader:
        yield "", wrapper
        return
    for name, held in list(fields.items()):
        if isinstance(held, _TORCHS):
            yield from ((f".{name}{place}", loader) for place, loader in _inside(held, seen))


def is_ours(loader: Any) -> bool:
    """Whether a loader is of penstock's class or of one that derives from it."""
    import penstock

    return penstock.DataLoader in type(loader).__mro__  # isinstance also takes torch's, while installed


def own_iterators(loader: Any) -> str | None:
    """Return the name of a loader's class if it makes its iterators itself, so that penstock is not asked for any.

    Such a class has a `_get_iterator` of its own which calls no other one, as torchdata's `StatefulDataLoader`.
    """
    import penstock

    for cls in (loader, *type(loader).__mro__):
        if cls is penstock.DataLoader or cls is _TORCHS:
            return None
        own = getattr(cls, "__dict__", {}).get("_get_iterator")
        if own is not None and "_get_iterator" not in getattr(getattr(own, "__code__", None), "co_names", ()):
            return (type(loader) if cls is loader else cls).__name__
    return None
