"""`penstock.install`: penstock's loader for code that asks for torch's.

Frameworks rebuild a loader of the user's as torch's own class, by whatever name they have of it: Accelerate and
Hugging Face's Trainer always, Ray Train on several workers. So the class is exchanged where that name is looked up:
in torch, and in those modules of these frameworks that took it from there by value before. A module that is imported
later takes ours by itself, which is why nothing has to watch imports.

Loaders that torch's class made before stay what they are. They are instances of `torch.utils.data.DataLoader` as
before, though that is our class now, and they can be pickled as before, though their class is no longer found where it
says that it is.
"""

import contextlib
import copyreg
import importlib
import threading
from collections.abc import Iterator
from typing import Any

from penstock.holders import TORCHDATA, TORCHS, holders

__all__ = ["install", "installed", "uninstall"]

_lock = threading.Lock()


def install(**defaults: Any) -> None:
    """Make `torch.utils.data.DataLoader` penstock's class, for code that cannot be told to import it from penstock.

    Call it before the imports of what makes loaders. A module that has taken torch's class by
    `from torch.utils.data import DataLoader` before keeps it, but for those of Accelerate, Hugging Face's transformers,
    Ignite, Lightning, Ray Train and timm, in which each global that is the class is exchanged, whatever its name. What
    has the class otherwise keeps it: a subclass, a default argument, an attribute. So do processes that are spawned
    later, unless they call it, too; forked ones have what their parent has.

    Where torchdata is installed, the name of its `StatefulDataLoader` is exchanged in the same way, for Accelerate.

    Args:
        defaults: Of penstock's own arguments for delivery and for bad samples, for loaders that are made without them
            while it is installed, as frameworks make theirs: `install(device="cuda", on_error="replace")`. Bad samples
            raise all the same where samples have no indices.

    Raises:
        TypeError: If one of them is none of these arguments; otherwise what `DataLoader` raises for it.

    A second call changes nothing but these. With `PENSTOCK=0` in the environment, or with a version of torch that
    penstock does not know, no call changes anything.

    Example:
        >>> import penstock
        >>> penstock.install()
        >>> from accelerate import Accelerator
    """
    _install(defaults)


def uninstall() -> None:
    """Undo `install`: names that hold penstock's class for torch's hold torch's again.

    Loaders that were made in the meantime go on. A module of the user's that took the class meanwhile keeps it.
    """
    ours = _ours()
    if ours is TORCHS:
        return
    with _lock:
        for theirs, wanted in _pairs(ours):
            _exchange(wanted, theirs)
        type(ours).stands_in, type(ours).defaults = False, {}
        if copyreg.dispatch_table.get(TORCHS) is _reduce:
            del copyreg.dispatch_table[TORCHS]


@contextlib.contextmanager
def installed(**defaults: Any) -> Iterator[None]:
    """Install for the time of a `with` block, unless it is installed already.

    Args:
        defaults: As for `install`; those of before are back after the block.

    Example:
        >>> with penstock.installed():
        ...     loader = timm.data.create_loader(dataset, (3, 224, 224), 64, use_prefetcher=False)
    """
    before = getattr(type(_ours()), "defaults", {})
    changed = _install(defaults)
    try:
        yield
    finally:
        if changed:
            uninstall()
        elif _ours() is not TORCHS:
            type(_ours()).defaults = before


def _ours() -> Any:
    from penstock import DataLoader  # torch's where penstock is switched off

    return DataLoader


def _install(defaults: dict[str, Any]) -> bool:
    from penstock.delivery import form
    from penstock.tolerance import policy

    if unknown := defaults.keys() - (form.OPTIONS | policy.OPTIONS):
        raise TypeError(f"install() got an unexpected keyword argument {min(unknown)!r}")
    for room in (form, policy):
        room.check(**{name: defaults.get(name, value) for name, value in room.OPTIONS.items()})
    ours = _ours()
    if ours is TORCHS:
        return False
    pairs = _pairs(ours)
    with _lock:
        changed = not type(ours).stands_in
        type(ours).stands_in, type(ours).defaults = True, defaults
        copyreg.pickle(TORCHS, _reduce)
        for theirs, wanted in pairs:
            _exchange(theirs, wanted)
    return changed


def _pairs(ours: Any) -> list[tuple[Any, Any]]:
    """Return the classes whose names are exchanged, each with ours."""
    pairs = [(TORCHS, ours)]
    # Accelerate imports torchdata's class in a function. It is imported here first, so that it derives from torch's.
    with contextlib.suppress(Exception):  # it is not installed, or not for this version of torch
        theirs = importlib.import_module(f"{TORCHDATA}.stateful_dataloader").StatefulDataLoader
        from penstock.stateful import StatefulDataLoader

        pairs.append((theirs, StatefulDataLoader))
    return pairs


def _exchange(held: Any, wanted: Any) -> None:
    for module, name in holders(held):
        vars(module)[name] = wanted


def _reduce(loader: Any) -> Any:
    """Pickle a loader of torch's own class without its name, under which there is another one now."""
    reduced: Any = object.__reduce_ex__(loader, 2)
    return _new, (), *reduced[2:]


def _new() -> Any:
    return TORCHS.__new__(TORCHS)
