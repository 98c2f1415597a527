"""`penstock.DataLoader`: torch's class, with another way of making batches behind it."""

import abc
import dataclasses
import functools
import inspect
import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

import torch.utils.data

from penstock import hints, tolerant
from penstock.compat.torch import _BaseDataLoaderIter
from penstock.counters import counters_of
from penstock.delivery.deliver import Delivery
from penstock.delivery.form import OPTIONS, Form, check, pins
from penstock.delivery.iterator import DeliveringIter
from penstock.iterator import NativeDataLoaderIter
from penstock.lowering import by_index
from penstock.lowering.lower import Lowered, lower
from penstock.lowering.report import Report, Row
from penstock.making import MakingFailed, go_on, making, tell
from penstock.recording.iterators import iterator_for
from penstock.resume import iterators as torchs
from penstock.resume import loaders as resume
from penstock.resume.notes import notes_on
from penstock.tolerance import policy as tolerance
from penstock.tolerance.policy import Policy, policy_of
from penstock.wrappers import is_ours, own_iterators, unwrap

__all__ = ["DataLoader", "explain"]

_T_co = TypeVar("_T_co", covariant=True)
_TORCHS = torch.utils.data.DataLoader
# The keyword arguments that torch's class does not have, and the attributes of the same names.
_OPTIONS: dict[str, Any] = {**OPTIONS, **tolerance.OPTIONS, **by_index.OPTIONS}


class _Kind(abc.ABCMeta):  # an abstract class may derive from torch's loader, so it may from ours
    """The class of our loader's class.

    Attributes:
        stands_in: Whether the name of torch's class stands for ours, so that loaders of torch's have to be instances.
        defaults: What `install` was given for options that loaders are made without.
    """

    stands_in = False
    defaults: ClassVar[dict[str, Any]] = {}

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
    are known runs natively. Code that is not known runs in torch's own workers, unmodified, on images that record
    what is asked of them, and threads make those whose pixels it does not touch. What is left is torch's own
    machinery's, inside this same class; a loader of which nothing is native says why in one line of the logger
    `penstock`. `penstock.explain(loader)` tells in advance, `penstock.stats(loader)` what came of it.

    Differences from torch's class, all of them. On either way a batch of images that was made natively is not in shared
    memory, and cannot be resized in place (`resize_` raises), and loaders have `state_dict` and `load_state_dict`. Of
    lowered loaders:

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
    * A tensor of a mebibyte or more that a worker's `collate_fn` takes by `torch.zeros`, `ones`, `full` or `empty` lies
      in shared memory from the beginning, and cannot be resized.
    * A file that is replaced, or rewritten while the data set keeps an untouched image of it, after its batch was
      sent and before it is rendered is read as it is then.
    * Pixels are made, and Pillow warns of files that are damaged in the middle, in the process that iterates.
    * A loader whose images the library makes in less time is torch's from its next iterator on.

    Arguments beyond torch's, all of them keyword-only and attributes of the same names:

    Args:
        device: Where batches are handed out; None for where they are made. "cuda" is the device that is current at
            `iter()`. Batches go there from page-locked memory on a stream of its own, and the stream that is current
            at `next()` waits for them; to any other device they go by torch's `to`. Whatever a batch is built of goes
            with it: mappings, tuples, sequences, objects with a `to` of their own.
        dtype: Of images (tensors of shape (N, C, H, W)) of floating-point, as of `batch.to(dtype)`.
        memory_format: Of images: `torch.channels_last`, as of `batch.to(memory_format=...)`.
        transfer: "uint8" has bytes go to a CUDA device, where a table makes the same values of them, in every bit.
            Where it cannot be done, floats go, and `explain` says why.
        on_error: What becomes of a sample that cannot be loaded. With "raise" it ends the iteration, as with torch.
            With "replace" the next index that loads takes its place, modulo the length, and draws the numbers that the
            bad one would have drawn; with "skip" nothing does, so that a batch is shorter, one of which no sample is
            left is not handed out, and `len` is an upper bound. Ten in a row, or more than one in a hundred, raise all
            the same. `penstock.stats(loader).bad` lists them, and no state tells where such a loader is.
        on_error_types: A class of exceptions, or a tuple of them, by which a sample is bad besides `OSError` (of which
            Pillow's `UnidentifiedImageError` is one) and Pillow's `DecompressionBombError`.
        rng: With "index" the numbers of a sample depend on `seed`, the epoch and the sample's index, and on nothing
            else: they are the same for any number of workers, ranks and samples in a batch, and after any resume. They
            are others than torch's, and `generator` and `worker_init_fn` have nothing to do with them; the order and
            the base seed are drawn as ever. The epoch is the attribute `epoch` of the outermost sampler that has one,
            as `DistributedSampler.set_epoch` sets it; otherwise iterators are counted, and a state keeps the count.
            All of the loader has to be native: if not, `iter()` raises ValueError with what `explain` says. So does a
            batch of which an index is no whole number. What takes a bad sample's place has its own numbers.
        seed: Of `rng="index"`, from 0 to 2^32 - 1.

    With `device`, errors come with their own batches, and the sampler and generators are asked when torch's loader asks
    them: with workers what is under way is copied ahead, with `num_workers=0` nothing. Without it, the other three
    raise ValueError. One says as well that `on_error` or `rng` is none of its values, that the data set's
    samples have no indices, that samples would be skipped of a distributed sampler's, or that there is no use for
    `seed`; a `TypeError` that `on_error_types` are none, or that `seed` is no whole number.

    The environment variable `PENSTOCK=0`, read when penstock is imported, makes this name torch's class, which has
    none of these arguments: the switch for a debugger that should stop in a transform, or a profiler that should see
    it. `PENSTOCK_NUM_THREADS` overrides the number of threads; it never changes a batch.

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
            device: torch.device | str | int | None = None,
            dtype: torch.dtype | None = None,
            memory_format: torch.memory_format | None = None,
            transfer: Literal["uint8"] | None = None,
            on_error: Literal["raise", "skip", "replace"] = "raise",
            on_error_types: type[Exception] | tuple[type[Exception], ...] = (),
            rng: Literal["torch", "index"] = "torch",
            seed: int = 0,
        ) -> None: ...

    def __iter__(self) -> _BaseDataLoaderIter:
        if resume.is_loaded(self):
            self._iterator = None  # workers that stay are started anew, where the state has them
        try:
            return super().__iter__()
        except MakingFailed as failed:
            # A persistent iterator could not begin another epoch.
            iterator = _torchs(self, failed)
            self._iterator = _delivering(self, lambda _: iterator)
            return self._iterator

    def state_dict(self) -> dict[str, Any]:
        """Return where the most recent iterator is, so that a loader like this one can go on from there.

        That is the batches it has handed out, the order, and every random stream: of `generator`, of the samplers, of
        the workers. With `num_workers=0` dataset code draws from the process's generators; save these as well.

        Returns:
            Plain data that `torch.save` and `pickle` store, besides what the user's own samplers give.
        """
        return resume.state_of(self)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Have the next iterator go on from a state, as if the loader that it is of had never been stopped.

        After the last batch of an epoch, that is the beginning of the next one.

        Args:
            state_dict: What `state_dict` of a loader with the same arguments has returned.

        Raises:
            ValueError: If the state is of another loader, another version, or cannot be gone on from; with the reason.
                Nothing was loaded then.
        """
        resume.load(self, state_dict)

    def _get_iterator(self) -> _BaseDataLoaderIter:
        hints.iterated(self)
        return _delivering(self, self._make_iterator)

    def _make_iterator(self, form: Form | None) -> _BaseDataLoaderIter:
        try:
            iterator = _make(self, form)
        except MakingFailed as failed:
            return _torchs(self, failed)
        if iterator is not None:
            return iterator
        if (policy := policy_of(self)) is not None:
            return _tolerating(self, policy, tolerant.torchs)
        others = getattr(super()._get_iterator, "__func__", None) is not _TORCHS._get_iterator
        if others:
            resume.lose(self, "a class that the loader derives from makes its iterators")
        try:
            iterator = None if others else torchs.iterator_for(self)
        except MakingFailed as failed:
            return _torchs(self, failed)
        return super()._get_iterator() if iterator is None else iterator

    # Iterators read it when they are made. The attribute is what the user gave, for frameworks that rebuild a loader.
    @property
    def pin_memory(self) -> bool:
        """Whether batches are made in page-locked memory: if asked for, or on their way to a CUDA device."""
        if "pin_memory" not in vars(self):  # of a framework's wrapper, which looks it up elsewhere then
            raise AttributeError("pin_memory")
        return bool(vars(self)["pin_memory"]) or pins(vars(self).get("device"))

    @pin_memory.setter
    def pin_memory(self, pin: bool) -> None:
        vars(self)["pin_memory"] = pin


@functools.wraps(_TORCHS.__init__)
def _init(self: Any, *args: Any, **kwargs: Any) -> None:
    is_default = "on_error" not in kwargs
    options = {name: kwargs.pop(name, _Kind.defaults.get(name, default)) for name, default in _OPTIONS.items()}
    check(**{name: options[name] for name in OPTIONS})
    by_index.check(**{name: options[name] for name in by_index.OPTIONS})
    super(DataLoader, self).__init__(*args, **kwargs)
    if is_default and not tolerance.has_indices(self.dataset):
        options["on_error"] = "raise"
    # Not as attributes: a subclass of the user's may have a property of that name.
    vars(self).update(options)
    policy_of(self)
    hints.made(self)


def _signature() -> inspect.Signature:
    """Return the arguments of torch's class and ours; frameworks rebuild a loader by them."""
    torchs = inspect.signature(_TORCHS.__init__)
    ours = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=value) for name, value in _OPTIONS.items()]
    return torchs.replace(parameters=[*torchs.parameters.values(), *ours])


_init.__signature__ = _signature()  # type: ignore[attr-defined]
# Not in the class's body, where it could not be torch's signature of whatever version and ours.
DataLoader.__init__ = _init  # type: ignore[method-assign]
if os.environ.get("PENSTOCK_RESUME") == "0":  # frameworks look whether the methods are there
    del DataLoader.state_dict, DataLoader.load_state_dict


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
    lowered = lower(loader, Form.of(loader))
    report = lowered.report if isinstance(lowered, Lowered) else lowered
    maker = own_iterators(loader)
    if maker is not None and counters_of(loader).way is None:
        rows = (*report.rows, Row("loader", maker, False, "it makes its iterators itself and does not ask penstock"))
        return Report(rows, "torch", made_by=f"{maker}'s own iterator")
    policy = policy_of(loader)
    bad = "" if policy is None else policy.says
    return dataclasses.replace(report, hypothetical=not is_ours(loader), resuming=notes_on(loader), bad=bad)


def _delivering(loader: Any, make: Callable[[Form | None], _BaseDataLoaderIter]) -> _BaseDataLoaderIter:
    """Return the iterator that a function makes, given what images are to be, and deliver its batches if asked to."""
    form = Form.of(loader)
    if form is None:
        return make(None)
    delivery = Delivery(loader.device, form)  # before anything is drawn, as it raises where the device is missing
    return DeliveringIter(delivery, make(form), counters_of(loader))


def _make(loader: Any, form: Form | None) -> _BaseDataLoaderIter | None:
    """Make an iterator over a loader; None if it is to be torch's."""
    policy = policy_of(loader)
    if policy is not None:
        form = None  # what loads late is converted when it is delivered
    with making():
        lowered = lower(loader, form)
        counters = counters_of(loader)
        counters.rng = by_index.rng_of(loader)
        for row in lowered.rows if isinstance(lowered, Report) else lowered.report.rows:
            if row.part == "transfer" and not row.native:
                counters.say(f"bytes were asked for: {row.reason}")
        if isinstance(lowered, Report):
            counters.reasons = lowered.reasons
            if lowered.rng == "torch" and (lowered.way != "recorded" or counters.is_torchs):
                counters.way = "torch"
                counters.tell()
                return None
    if isinstance(lowered, Report) and lowered.rng == "index":
        raise by_index.refusal(lowered.reasons)
    if policy is not None:
        make = tolerant.recorded if isinstance(lowered, Report) else functools.partial(tolerant.lowered, found=lowered)
        return _tolerating(loader, policy, make)
    return NativeDataLoaderIter(loader, lowered, form) if isinstance(lowered, Lowered) else iterator_for(loader, form)


def _tolerating(loader: Any, policy: Policy, make: Callable[..., _BaseDataLoaderIter]) -> _BaseDataLoaderIter:
    """Return the iterator that a function makes of a loader whose bad samples do not raise.

    Raises:
        RuntimeError: If it should go on from a state.
    """
    reason = f"with on_error={loader.on_error!r} no state says which samples were bad"
    resume.lose(loader, reason)
    iterator: Any = make(loader, policy=policy)
    resume.lose(loader, reason)
    if hasattr(iterator, "_course"):
        iterator._course.lost = reason
    return iterator  # type: ignore[no-any-return]


def _torchs(loader: Any, failed: MakingFailed) -> _BaseDataLoaderIter:
    """Return torch's iterator, after something of ours has failed; raise that if torch would draw other numbers."""
    if by_index.seed_of(loader) is not None and failed.__cause__ is not None:
        raise failed.__cause__
    resume.lose(loader, f"penstock failed: {failed.__cause__!r}")
    tell(loader, failed)
    if (policy := policy_of(loader)) is not None:
        begun = failed.begun
        return tolerant.torchs(loader, policy) if begun is None else tolerant.going_on(loader, policy, begun)
    return _TORCHS._get_iterator(loader) if failed.begun is None else go_on(loader, failed.begun)
