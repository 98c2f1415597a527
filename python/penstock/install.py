"""`penstock.install`: penstock's loader for code that asks for torch's.

Frameworks rebuild a loader of the user's as torch's own class, by whatever name they have of it: Accelerate and
Hugging Face's Trainer always, Ray Train on several workers. So the class is exchanged where that name is looked up:
in torch, and in those modules that took it from there by value before. A module that is imported later takes ours by
itself, which is why nothing has to watch imports.

Loaders that torch's class made before stay what they are. They are instances of `torch.utils.data.DataLoader` as
before, though that is our class now, and they can be pickled as before, though their class is no longer found where it
says that it is.
"""

import contextlib
import copyreg
import sys
import threading
from collections.abc import Iterator
from typing import Any

import torch.utils.data

__all__ = ["install", "installed", "uninstall"]

# Modules whose global `DataLoader` is torch's; the first two are torch's own names of it.
_HOLDERS = (
    "torch.utils.data",
    "torch.utils.data.dataloader",
    "accelerate.data_loader",
    "transformers.trainer",
    "transformers.trainer_seq2seq",
    "ray.train.torch.train_loop_utils",
)
_TORCHS: Any = torch.utils.data.DataLoader
_lock = threading.Lock()


def install() -> None:
    """Make `torch.utils.data.DataLoader` penstock's class, for code that cannot be told to import it from penstock.

    Call it before the imports of what makes loaders. A module that has taken torch's class by
    `from torch.utils.data import DataLoader` before keeps it, but for those of Accelerate, Hugging Face's Trainer and
    Ray Train, in which the name is exchanged. So do processes that are spawned later, unless they call it, too; forked
    ones have what their parent has.

    A second call changes nothing. With `PENSTOCK=0` in the environment, or with a version of torch that penstock does
    not know, no call changes anything.

    Example:
        >>> import penstock
        >>> penstock.install()
        >>> from accelerate import Accelerator
    """
    _install()


def uninstall() -> None:
    """Undo `install`: names that hold penstock's class for torch's hold torch's again.

    Loaders that were made in the meantime go on. A module of the user's that took the class meanwhile keeps it.
    """
    ours = _ours()
    if ours is _TORCHS:
        return
    with _lock:
        _exchange(ours, _TORCHS)
        type(ours).stands_in = False
        if copyreg.dispatch_table.get(_TORCHS) is _reduce:
            del copyreg.dispatch_table[_TORCHS]


@contextlib.contextmanager
def installed() -> Iterator[None]:
    """Install for the time of a `with` block, unless it is installed already.

    Example:
        >>> with penstock.installed():
        ...     loader = timm.data.create_loader(dataset, (3, 224, 224), 64, use_prefetcher=False)
    """
    changed = _install()
    try:
        yield
    finally:
        if changed:
            uninstall()


def _ours() -> Any:
    from penstock import DataLoader  # torch's where penstock is switched off

    return DataLoader


def _install() -> bool:
    ours = _ours()
    if ours is _TORCHS:
        return False
    with _lock:
        changed = not type(ours).stands_in
        type(ours).stands_in = True
        copyreg.pickle(_TORCHS, _reduce)
        _exchange(_TORCHS, ours)
    return changed


def _exchange(held: Any, wanted: Any) -> None:
    for name in _HOLDERS:
        module = sys.modules.get(name)
        if module is not None and vars(module).get("DataLoader") is held:
            vars(module)["DataLoader"] = wanted


def _reduce(loader: Any) -> Any:
    """Pickle a loader of torch's own class without its name, under which there is another one now."""
    reduced: Any = object.__reduce_ex__(loader, 2)
    return _new, (), *reduced[2:]


def _new() -> Any:
    return _TORCHS.__new__(_TORCHS)
