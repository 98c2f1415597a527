"""`penstock.DataLoader`: torch's class, with another way of making batches behind it."""

import abc
import dataclasses
import functools
import inspect
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import torch.utils.data

from penstock import hints, tolerant
from penstock.compat.torch import _BaseDataLoaderIter
from penstock.counters import counters_of
from penstock.iterator import NativeDataLoaderIter
from penstock.lowering.lower import Lowered, lower
from penstock.lowering.report import Report, Row
from penstock.making import MakingFailed, go_on, making, tell
from penstock.recording.iterators import iterator_for
from penstock.tolerance.policy import policy_of
from penstock.wrappers import is_ours, own_iterators, unwrap

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["DataLoader", "explain"]

_T_co = TypeVar("_T_co", covariant=True)
_TORCHS = torch.utils.data.DataLoader
# The keyword arguments that torch's class does not have, and the attributes of the same names.
_OPTIONS: dict[str, Any] = {"on_error": "raise", "on_error_types": ()}


class _Kind(abc.ABCMeta):  # an abstract class may derive from torch's loader, so it may from ours
    """The class of our loader's class.

    Attributes:
        stands_in: Whether the name of torch's class stands for ours, so that loaders of torch's have to be instances.
    """

    stands_in = False

    # Torch's class is asked first: what the base class finds it remembers, and that has to hold after `uninstall`.
    def __instancecheck__(cls, instance: Any) -> bool:
        return (cls._stands_for_torchs() and isinstance(instance, _TORCHS)) or super().__instancecheck__(instance)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return (cls._stands_for_torchs() and issubclass(subclass, _TORCHS)) or super().__subclasscheck__(subclass)

    def __subclasses__(cls) -> list[type]:
        """Return the subclasses; Lightning patches them all, those of torch's class too, to rebuild their loaders."""
        others = _TORCHS.__subclasses__() if cls._stands_for_torchs() else []
        return super().__subclasses__() + [each for each in others if each is not cls]

    def _stands_for_torchs(cls) -> bool:
        return _Kind.stands_in and cls is DataLoader


class DataLoader(torch.utils.data.DataLoader[_T_co], metaclass=_Kind):
    """`torch.utils.data.DataLoader` whose batches are made by Rust threads, bit for bit the same.

    Arguments, attributes, errors and random numbers are torch's. A loader whose dataset, transforms and collation
    are known runs natively. Code that is not known runs in torch's own workers, unmodified, on pictures that record
    what is asked of them, and threads make those whose pixels it does not touch. What is left is torch's own
    machinery's, inside this same class; a loader of which nothing is native says why in one line of the logger
    `penstock`. `penstock.explain(loader)` tells in advance, `penstock.stats(loader)` what came of it.

    Two keyword arguments, and attributes of the same names, are not torch's. They change nothing by default:

    * `on_error`: what becomes of a sample that cannot be loaded. With "raise" it ends the iteration, as with torch.
      With "replace" the next index that loads takes its place, modulo the length, and draws the numbers that the bad
      one would have drawn; with "skip" nothing does, so that a batch is shorter, one of which no sample is left is
      not handed out, and `len` is an upper bound. Ten in a row, or more than one in a hundred, raise all the same.
      `penstock.stats(loader).bad` lists them.
    * `on_error_types`: a class of exceptions, or a tuple of them, by which a sample is bad besides `OSError` (of which
      Pillow's `UnidentifiedImageError` is one) and Pillow's `DecompressionBombError`.

    A `ValueError` says that `on_error` is none of these values, that the data set's samples have no indices, or that
    samples would be skipped of a distributed sampler's, a `TypeError` that `on_error_types` are none.

    Differences from torch's class, all of them. On either way a batch of images that was made natively is not in shared
    memory, and cannot be resized in place (`resize_` raises). Of lowered loaders:

    * There are no worker processes: `num_workers` is the number of random streams and of threads,
      `multiprocessing_context` is accepted and not used, samplers and `ImageDataset.locate` run in the thread that
      iterates.
    * Pixel memory edited while an iterator lives may be seen before or after the edit.
    * Files are read, and what Pillow warns of is warned of, in the process itself.
    * An exception carries a note that names the sample; a wrapped one has another traceback text.
    * With `in_order=False` batches come in order all the same.

    Of recorded ones, whose workers are torch's:

    * `type(image) is PIL.Image.Image` and `type(tensor) is torch.Tensor` are false for what records, until its pixels
      are touched; `isinstance` is true, and batches are plain tensors. C++ code that takes a tensor's memory past
      torch's dispatcher is refused it.
    * A file that is replaced, or rewritten while the data set keeps an untouched picture of it, after its batch was
      sent and before it is rendered is read as it is then.
    * Pixels are made, and Pillow warns of files that are damaged in the middle, in the process that iterates.
    * A loader whose pictures the library makes in less time is torch's from its next iterator on.

    The environment variable `PENSTOCK=0`, read when penstock is imported, makes this name torch's class: the switch
    for a debugger that should stop in a transform, or a profiler that should see it. `PENSTOCK_NUM_THREADS`
    overrides the number of threads; it never changes a batch.

    Example:
        >>> from penstock import DataLoader
        >>> loader = DataLoader(dataset, batch_size=128, shuffle=True, num_workers=2)
        >>> for images, targets in loader:
        ...     ...
    """

    if TYPE_CHECKING:

        def __init__(  # noqa: PLR0917 - torch's own
            self,
            dataset: torch.utils.data.Dataset[_T_co],
            batch_size: int | None = 1,
            shuffle: bool | None = None,
            sampler: torch.utils.data.Sampler[Any] | Iterable[Any] | None = None,
            batch_sampler: torch.utils.data.Sampler[list[Any]] | Iterable[list[Any]] | None = None,
            num_workers: int = 0,
            collate_fn: Callable[[list[Any]], Any] | None = None,
            pin_memory: bool = False,
            drop_last: bool = False,
            timeout: float = 0,
            worker_init_fn: Callable[[int], None] | None = None,
            multiprocessing_context: Any = None,
            generator: torch.Generator | None = None,
            *,
            prefetch_factor: int | None = None,
            persistent_workers: bool = False,
            pin_memory_device: str = "",
            in_order: bool = True,
            on_error: Literal["raise", "skip", "replace"] = "raise",
            on_error_types: type[Exception] | tuple[type[Exception], ...] = (),
        ) -> None: ...

    def __iter__(self) -> _BaseDataLoaderIter:
        try:
            return super().__iter__()
        except MakingFailed as failed:
            # A persistent iterator could not begin another epoch.
            self._iterator = _torchs(self, failed)
            return self._iterator

    def _get_iterator(self) -> _BaseDataLoaderIter:
        hints.iterated(self)
        try:
            iterator = _make(self)
        except MakingFailed as failed:
            return _torchs(self, failed)
        if iterator is not None:
            return iterator
        policy = policy_of(self)
        return super()._get_iterator() if policy is None else tolerant.torchs(self, policy)


@functools.wraps(_TORCHS.__init__)
def _init(self: Any, *args: Any, **kwargs: Any) -> None:
    options = {name: kwargs.pop(name, default) for name, default in _OPTIONS.items()}
    super(DataLoader, self).__init__(*args, **kwargs)
    vars(self).update(options)
    policy_of(self)
    hints.made(self)


# Frameworks ask the signature which attributes a loader is rebuilt from.
_SIGNATURE = inspect.signature(_TORCHS.__init__)
_ADDED = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=value) for name, value in _OPTIONS.items()]
_init.__signature__ = _SIGNATURE.replace(parameters=[*_SIGNATURE.parameters.values(), *_ADDED])  # type: ignore[attr-defined]
# Not in the class's body, where type checkers read the arguments.
DataLoader.__init__ = _init  # type: ignore[method-assign]


def explain(loader: Any) -> Report:
    """Return how a loader's batches are made, part by part; print it for a table.

    Args:
        loader: A `penstock.DataLoader`, or torch's, for which it says what penstock's would do, or what a framework
            has wrapped around one.

    Returns:
        A `Report` with the fields `native` (bool), `way` ("lowered", "recorded" or "torch") and `rows`.

    Raises:
        TypeError: If there is no `torch.utils.data.DataLoader` in it, or more than one.

    Example:
        >>> report = penstock.explain(loader)
        >>> print(report)
        >>> assert report.native
    """
    loader = unwrap(loader, "explain")
    lowered = lower(loader)
    report = lowered.report if isinstance(lowered, Lowered) else lowered
    maker = own_iterators(loader)
    if maker is not None and counters_of(loader).way is None:
        rows = (*report.rows, Row("loader", maker, False, "it makes its iterators itself and does not ask penstock"))
        return Report(rows, "torch", made_by=f"{maker}'s own iterator")
    return dataclasses.replace(report, hypothetical=not is_ours(loader))


def _make(loader: Any) -> _BaseDataLoaderIter | None:
    """Make an iterator over a loader; None if it is to be torch's."""
    with making():
        lowered = lower(loader)
        counters = counters_of(loader)
        if isinstance(lowered, Report):
            counters.reasons = lowered.reasons
            if lowered.way != "recorded" or counters.is_torchs:
                counters.way = "torch"
                counters.tell()
                return None
    policy = policy_of(loader)
    if isinstance(lowered, Lowered):
        return NativeDataLoaderIter(loader, lowered) if policy is None else tolerant.lowered(loader, lowered, policy)
    return iterator_for(loader) if policy is None else tolerant.recorded(loader, policy)


def _torchs(loader: Any, failed: MakingFailed) -> _BaseDataLoaderIter:
    """Return torch's iterator, after something of ours has failed."""
    tell(loader, failed)
    if (policy := policy_of(loader)) is not None:
        begun = failed.begun
        return tolerant.torchs(loader, policy) if begun is None else tolerant.going_on(loader, policy, begun)
    return _TORCHS._get_iterator(loader) if failed.begun is None else go_on(loader, failed.begun)
