"""Batches that a collate_fn mixes: MixUp and CutMix of torchvision, in the forms in which its documentation has them.

    def collate_fn(batch):
        return mix(*default_collate(batch))

A function is taken for one of those if its own code, run in a `Sandbox`, does nothing but collate its samples once by
torch's `default_collate`, and return what a known transform makes of that. Draws, targets and errors are then those of
the transform's own code, which is called with numbers of the logical worker's; images are mixed when they are there.
"""

import copy
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import torch
from torch.overrides import TorchFunctionMode
from torch.utils.data import default_collate
from torchvision.transforms import v2

from penstock.compat.torch import sample_dirichlet
from penstock.compat.torchvision import find_labels
from penstock.generators import Streams
from penstock.lowering.known import is_pristine, shadowed
from penstock.lowering.sandbox import Refused, Sandbox
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Mix
from penstock.ops.table import BATCHES

__all__ = ["Mixed", "Mixing", "mixing_of"]

# Functions of torch that the transforms draw by.
_DRAWS = (sample_dirichlet, torch.multinomial, torch.randint)
# What stands for a batch's images and its targets.
_IMAGES, _TARGETS = object(), object()


@dataclasses.dataclass(frozen=True)
class Mixed:
    """What a collate_fn has made of a batch whose images are not there yet.

    Attributes:
        result: With `images` in the images' place.
        images: Has their shape and type, and no values.
        mixes: What is to be done to them.
    """

    result: Any
    images: torch.Tensor
    mixes: list[Mix]

    def with_images(self, images: torch.Tensor) -> Any:
        """Return the batch."""
        return _replaced(self.result, {id(self.images): images})


@dataclasses.dataclass(frozen=True)
class Mixing:
    """What a collate_fn does.

    Attributes:
        transform: By which it mixes, as the user has it.
        arguments: That this is called with; `_IMAGES` and `_TARGETS` are among them.
        copied: The same transform as it was when it was looked at.
        collates: Whether `draw` is given the samples' targets one by one.
    """

    collates: ClassVar[bool] = False
    transform: Any
    arguments: tuple[Any, ...]
    copied: "_Copy"

    def draw(self, shape: tuple[int, ...], dtype: torch.dtype, targets: Any, streams: Streams) -> Mixed:
        """Draw the numbers by which a batch is mixed, and mix its targets.

        Args:
            shape: Of the images.
            dtype: Of the images.
            targets: As `default_collate` returns them.
            streams: The logical worker's, after its samples' draws.

        Raises:
            Exception: What the transform raises.
        """
        images = torch.empty(1, dtype=dtype).expand(shape)
        arguments = _replaced(self.arguments, {id(_IMAGES): images, id(_TARGETS): targets})
        with streams.as_torch() as generator, _DrawingFrom(generator):
            result = self.copied.transform(*arguments)
        mixes = [*self.copied.noted]
        self.copied.noted.clear()
        return Mixed(result, images, mixes)

    def refuse(self, shapes: Sequence[Sequence[int]]) -> None:
        """Leave images of several shapes to `default_collate`, which is asked first."""

    def is_same(self, other: Any) -> bool:
        """Whether another one does the same at this moment."""
        return (
            isinstance(other, Mixing)
            and other.transform is self.transform
            and other.arguments == self.arguments
            and other.copied.settings == self.copied.settings
        )


def mixing_of(collate_fn: Any) -> Mixing:
    """Return what a collate_fn does.

    Raises:
        Opaque: If it is not known to do nothing but mix.
    """
    sandbox, result = _Collating(), None
    try:
        result = sandbox.call(collate_fn, sandbox.batch)
    except Exception as error:  # whatever it does with what is no batch
        if sandbox.mixed is not None and isinstance(error, Refused):
            raise Opaque(f"a collate_fn of the user's own, which does more than to mix: {error}") from None
    finally:
        sandbox.close()
    if sandbox.mixed is None or result is not sandbox.result:
        raise Opaque("a collate_fn of the user's own")
    transform, arguments = sandbox.mixed
    return Mixing(transform, arguments, _Copy(transform))


class _Collating(Sandbox):
    """Runs a collate_fn.

    Attributes:
        batch: Stands for the samples.
        mixed: The transform that was called, and its arguments.
        result: Stands for what that has returned.
    """

    def __init__(self) -> None:
        super().__init__({id(default_collate): self._collate}, {})
        self.batch, self.result = object(), object()
        self.mixed: tuple[Any, tuple[Any, ...]] | None = None
        self._is_collated = False

    def _collate(self, batch: Any) -> list[Any]:
        if batch is not self.batch or self._is_collated:
            self.refuse("default_collate of something else")
        self._is_collated = True
        return [_IMAGES, _TARGETS]

    def _make(self, value: Any) -> Any:
        if type(value) in (*BATCHES, v2.RandomChoice):
            return lambda *arguments: self._mix(value, arguments)
        return super()._make(value)

    def _mix(self, transform: Any, arguments: tuple[Any, ...]) -> Any:
        if self.mixed is not None or not self._is_collated:
            self.refuse("it mixes twice")
        if arguments not in ((_IMAGES, _TARGETS), ([_IMAGES, _TARGETS],)):
            self.refuse(f"{type(transform).__name__} of something else")
        self.mixed = transform, arguments
        return self.result


class _Copy:
    """A transform as it is, whose copy notes how images are mixed and leaves them as they are.

    Args:
        transform: MixUp, CutMix or a RandomChoice of such.

    Attributes:
        transform: The copy.
        noted: What it has noted, of its latest calls.
        settings: What the transform's attributes are.
    """

    def __init__(self, transform: Any) -> None:
        self.noted: list[Mix] = []
        self.settings: list[Any] = []
        self.transform = self._copied(transform)

    def _copied(self, transform: Any) -> Any:
        kind = type(transform)
        name = f"{kind.__name__}(...)"
        if not is_pristine(kind):
            raise Opaque(f"{name}: its class was patched")
        if (reason := shadowed(transform)) is not None:
            raise Opaque(f"{name}: {reason}")
        mine = copy.copy(transform)
        if kind is v2.RandomChoice:
            if type(transform.transforms) not in (list, tuple):
                raise Opaque(f"{name}: its transforms are a {type(transform.transforms).__name__}")
            mine.transforms = [*map(self._copied, transform.transforms)]
            self.settings += [*transform.transforms, [*transform.p]]
            mine.p = [*transform.p]
        elif kind not in BATCHES:
            raise Opaque(f"{kind.__name__}, which penstock does not know")
        elif transform._labels_getter is not find_labels:
            raise Opaque(f"{name}: its labels_getter is the user's own")
        else:
            mine.transform = self._noting(mine)
            self.settings += [transform.num_classes, transform._dist]
        return mine

    def _noting(self, mine: Any) -> Callable[[Any, dict[str, Any]], Any]:
        transforms, records = type(mine).transform, BATCHES[type(mine)]

        def transform(inpt: Any, params: dict[str, Any]) -> Any:
            if inpt is params["labels"]:
                return transforms(mine, inpt, params)
            mine._check_image_or_video(inpt, batch_size=params["batch_size"])
            mix = records(params, inpt)
            assert mix is not None  # noqa: S101 - the type was asked for beforehand
            self.noted.append(mix)
            return inpt

        return transform


class _DrawingFrom(TorchFunctionMode):
    """Has torch's functions draw from a generator, in this thread."""

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self._generator = generator

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        return func(*args, **kwargs, generator=self._generator) if func in _DRAWS else func(*args, **kwargs)


def _replaced(value: Any, others: dict[int, Any]) -> Any:
    """Return a structure of tuples, lists and dictionaries in which some objects are others."""
    if id(value) in others:
        return others[id(value)]
    if type(value) in (list, tuple):
        return type(value)(_replaced(item, others) for item in value)
    return value
