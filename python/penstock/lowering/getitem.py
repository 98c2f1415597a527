"""What the `__getitem__` of somebody's own data set does, if it is known to do the same for every index.

    def __getitem__(self, index):
        path, label = self.samples[index]
        image = Image.open(self.root / path).convert("RGB")
        return self.transform(image), label

Its code runs once in a `Sandbox`, on what stands for an index. What is looked up with that, and computed of it by known
functions, becomes a list of steps (`lookups.py`); the image that is opened stands for any, and what is done to it is
followed as in a callable. Whatever else the code does, and a branch on what it has looked up, is refused.
"""

import builtins
import copy
import dataclasses
import functools
import inspect
import io
import sys
import types
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import nn
from torch.utils.data import Dataset
from torchvision.datasets import folder

from penstock.lowering import looked_up, lookups
from penstock.lowering.followed import Following, ImageStandIn, Known, catches
from penstock.lowering.frames import Frame, is_frame
from penstock.lowering.identity import compared
from penstock.lowering.layout import Layout, Place, same
from penstock.lowering.looked_up import Called, Holding, HoldingTensor, LookedUp, is_looked_up, real_of, slot_of
from penstock.lowering.lookups import Steps, Unproved
from penstock.lowering.sandbox import Object, Refused, StandIn, Stopped, has_plain_attributes
from penstock.lowering.targets import is_data
from penstock.ops.opaque import Opaque

__all__ = ["Found", "How", "follow_getitem"]

# By what a file is opened: its path, an open file, its content, torchvision's loader.
How = Literal["path", "file", "bytes", "default_loader", "pil_loader"]
_OPEN = Image.open
_BUILTINS = ("int", "float", "str", "len")
_LAZY = ("filter", "iter", "map")
_COMPARES = "it asks whether what it has looked up, or made, is a certain object, such as None"
_MAKES_TENSORS = (torch.tensor, torch.as_tensor)
_CONTAINERS = (list, tuple, dict, range, np.ndarray, *lookups.PATHS)
_SPECIAL = ("__getitem__", "__len__")
# Entries of a list that is looked through for code.
_MOST_LOOKED_AT = 64


@dataclasses.dataclass(frozen=True)
class Found:
    """What was found.

    Attributes:
        steps: What is looked up.
        opened: How many of the steps are taken before the image is opened.
        converted: How many before it is converted.
        drawn: How many before its first transform.
        where: The slot of what is opened.
        how: By what it is opened.
        views: For each view of the image its parts.
        layout: Of a sample.
        rest: The slots of what else is in a sample.
        asks_kind: Whether it has asked of what kind the index is.
        reads_process: Whether the code has looked at what a process that was started anew might not have.
    """

    steps: Steps
    opened: int
    converted: int
    drawn: int
    where: int
    how: How
    views: tuple[tuple[Any, ...], ...]
    layout: Layout
    rest: tuple[int, ...]
    asks_kind: bool
    reads_process: bool

    def signature(self) -> Iterator[Any]:
        """Yield the objects that a sample depends on, but for the transforms, to be compared by identity."""
        yield from (self.opened, self.converted, self.drawn, self.where, self.how, *self.rest)
        yield same(self.layout, repr(self.layout))
        for operation, operands, slot in self.steps.steps:
            yield from (operation, slot, *operands)
        for value in self.steps.values:
            yield looked_up.interned(value)


def follow_getitem(dataset: Any) -> Found:
    """Return what a data set's `__getitem__` does; where it asks, an index is an int.

    Args:
        dataset: The data set.

    Raises:
        Opaque: If it is not known to do the same for every index.
    """
    sandbox = _Getting()
    try:
        result = sandbox.call(type(dataset).__getitem__, sandbox.stand_in(dataset), sandbox.index)
        return sandbox.found(result)
    except Refused as refused:
        raise Opaque(str(refused)) from None
    except Exception as error:  # whatever it does with what is no index and no image
        raise Opaque(type(error).__name__) from None
    finally:
        sandbox.close()


class _Getting(Following):
    """Runs a `__getitem__`.

    Attributes:
        index: Stands for an index.
    """

    def __init__(self) -> None:
        super().__init__("RGB")
        own: dict[int, Any] = {id(function): Called(self, function) for function in lookups.FUNCTIONS}
        own |= {
            id(torch.is_tensor): Known(self, functools.partial(self._isinstance, kind=torch.Tensor)),
            id(_OPEN): Known(self, self.open_image),
            id(io.BytesIO): Known(self, self._content),
            id(folder.default_loader): Known(self, functools.partial(self.load, "default_loader")),
            id(folder.pil_loader): Known(self, functools.partial(self.load, "pil_loader")),
        }
        self._known = {**self._known, **own}
        self._asks_kind = False
        self.steps = Steps.of_index()
        self.index = LookedUp(self, 0)
        # Where ints are, if the index is one.
        self._whole = {0}
        # By what they are, where constants stand.
        self._slots: dict[Any, int] = {}
        # What is known of the image: where it is, how it was opened, how far the steps had come then.
        self._where: int | None = None
        self._how: How = "path"
        self._opened: _Opened | None = None
        # A file, or content, of which no image was opened yet.
        self._unopened: _Source | None = None
        self._open_at = self._converted_at = 0
        self._is_converted = False
        self._parts_at: list[int] = []
        self.closed: list[Any] = []

    def allows(self, name: str) -> bool:
        """See `Sandbox`."""
        return name in _SPECIAL or super().allows(name)

    def sees_exceptions(self, code: types.CodeType) -> bool:
        """See `Following`: what may stand in a `with` statement here lets exceptions pass."""
        return catches(code, surrounds=False)

    def check(self, code: types.CodeType) -> None:
        """See `Following`."""
        super().check(code)
        for within in code.co_consts:
            if isinstance(within, types.CodeType) and compared(within, within=True) is None:
                self.refuse(_COMPARES)

    def enter(self, code: types.CodeType, arguments: tuple[Any, ...], keywords: Mapping[str, Any]) -> None:
        """See `Sandbox`."""
        asked = compared(code)
        if asked is None:
            self.refuse(_COMPARES)
        assert asked is not None  # noqa: S101 - it was refused
        given = {**dict(zip(code.co_varnames, arguments, strict=False)), **keywords}
        if any(is_looked_up(given.get(name)) for name in asked.names):
            self.refuse(_COMPARES)
        # Python's own objects may hold what was looked up.
        owners = [type(given[name]) for name in asked.owners if name in given]
        if any(kind is LookedUp or not issubclass(kind, StandIn) for kind in owners):
            self.refuse(_COMPARES)

    def given(self, value: Any) -> Any:
        """See `Following`."""
        return super().given(looked_up.plain(value))

    def builtin(self, name: str) -> Any:
        """See `Sandbox`."""
        if name in _BUILTINS:
            return Called(self, vars(builtins)[name])
        if name in _LAZY:
            return Known(self, functools.partial(self._lazily, vars(builtins)[name]))
        if name == "open":
            return Known(self, self._open_file)
        return Known(self, self._of_base) if name == "super" else super().builtin(name)

    def add(self, image: Any, part: Any) -> ImageStandIn:
        """See `Following`."""
        if not self._is_converted:
            self.refuse("a transform of an image that is not converted to RGB")
        self._parts_at.append(len(self.steps.steps))
        return super().add(image, part)

    def step(self, operation: lookups.Operation | None, name: str, *operands: Any) -> LookedUp:
        """Write down a step, and return what stands for what it gives."""
        if self._unopened is not None:
            self.refuse("what it does before it makes an image of an open file")
        if operation is None:
            self.refuse(f"{name} of what it looks up")
        assert operation is not None  # noqa: S101 - it was refused
        slots = [self.slot(operand) for operand in operands]
        try:
            made = self.steps.add(operation, *slots)
        except Unproved as unproved:
            self.refuse(str(unproved))
        if operation.is_whole and all(slot in self._whole or type(self.steps.values[slot]) is int for slot in slots):
            self._whole.add(made)
        return LookedUp(self, made)

    def slot(self, value: Any) -> int:
        """Return where something that a step is given, or a sample holds, stands."""
        kind = type(value)
        if kind is LookedUp:
            return slot_of(value)
        if kind in (list, tuple) and any(map(is_looked_up, lookups.nested(value))):
            return slot_of(self.step(lookups.built(kind), kind.__name__, *value))
        real: Any = value
        key: Any = kind, repr(value) if is_data(value) else ""
        if issubclass(type(value), Holding):
            real = real_of(value)
            key = type(real), id(real)
        elif not is_data(value):
            self.refuse(f"what it does with {_name_of(value)}")
        if key not in self._slots:
            self._slots[key] = self.steps.constant(real if issubclass(type(value), Holding) else copy.deepcopy(real))
        return self._slots[key]

    def called(self, function: Any, arguments: tuple[Any, ...], options: dict[str, Any]) -> Any:
        """Return what a known function gives."""
        given = [*lookups.nested([*arguments, *options.values()])]
        if any(map(is_looked_up, given)) or function in _MAKES_TENSORS:
            operation = lookups.called(function, {name: self.given(value) for name, value in options.items()})
            return self.step(operation, getattr(function, "__name__", "a call"), *arguments)
        reals = [real_of(each) if issubclass(type(each), Holding) else looked_up.plain(each) for each in arguments]
        made = function(*reals, **options)
        return Holding(self, looked_up.interned_path(made)) if type(made) in lookups.PATHS else made

    def _lazily(self, function: Any, first: Any, *others: Any) -> Any:
        # What goes through a stand-in has to be the code itself, not what is called while that takes a value apart.
        is_code = issubclass(type(first), (types.FunctionType, functools.partial, StandIn))
        if not is_code and (function is not iter or others):
            self.refuse(f"{function.__name__}() of what is no code")
        return function(first, *others)

    def _open_file(self, path: Any, mode: Any = "r") -> "_Source":
        if mode != "rb" or type(mode) is not str:
            self.refuse("open")
        return self._source((path, "file"))

    def _content(self, content: Any) -> "_Source":
        return self._source((content, "bytes"))

    def _source(self, real: tuple[Any, How]) -> "_Source":
        # Files are opened where images are, so nothing that may raise comes between, or is opened besides.
        if self._unopened is not None:
            self.refuse("it opens several files")
        self._unopened = _Source(self, real)
        return self._unopened

    def open_image(self, source: Any) -> "_Opened":
        """Stand in for `Image.open`."""
        if source is self._unopened:
            self._unopened = None
        where, how = real_of(source) if type(source) is _Source else (source, "path")
        self._begin_to_open(where, "file" if how == "file" else "bytes" if how == "bytes" else "path")
        self._opened = _Opened(self, source)
        return self._opened

    def load(self, how: How, path: Any) -> ImageStandIn:
        """Stand in for torchvision's loaders."""
        self._begin_to_open(path, how)
        self._converted_at, self._is_converted = len(self.steps.steps), True
        return self.image

    def _begin_to_open(self, where: Any, how: How) -> None:
        if self._where is not None:
            self.refuse("it opens several images")
        self._where, self._how = slot_of(self.step(lookups.OPENED, "", where)), how
        self._open_at = len(self.steps.steps)

    def converted(self, image: Any, mode: Any) -> ImageStandIn:
        """See `Following`: of the image that was opened, the one that its transforms are given."""
        if self._opened is None or image is not self._opened or self._is_converted:
            return super().converted(image, mode)
        if mode != "RGB" or type(mode) is not str:
            self.refuse(f"an image that is converted to {mode!r}")
        if any(image is closed or real_of(image) is closed for closed in self.closed):
            self.refuse("an image whose file is closed")
        self._converted_at, self._is_converted = len(self.steps.steps), True
        return self.image

    def _of_base(self, *arguments: Any) -> "_Base":
        if not arguments:
            frame = sys._getframe(2)  # behind what is known by the name
            arguments = frame.f_locals.get("__class__"), frame.f_locals[frame.f_code.co_varnames[0]]
        if len(arguments) != 2 or not all(issubclass(type(each), Object) for each in arguments):
            self.refuse("super")
        return _Base(self, tuple(map(real_of, arguments)))

    def found(self, result: Any) -> Found:
        """Return what was found.

        Args:
            result: As the method has returned it.

        Raises:
            Refused: If it is no sample.
        """
        rest: list[int] = []
        try:
            layout = self._layout_of(result, rest)
        except Stopped:
            raise Refused(self.refused or "") from None
        if self._where is None:
            raise Refused("it opens no image")
        if self._unopened is not None:
            raise Refused("it opens a file of which it makes no image")
        views = [*layout.views()]
        if not views or sorted(views) != [*range(len(self.views))]:
            raise Refused("it does not return each view of its image once")
        if len({*self._parts_at}) > 1:
            raise Refused("it looks something up between two transforms")
        return Found(
            *(self.steps, self._open_at, self._converted_at, self._parts_at[0], self._where, self._how),
            *(tuple(map(tuple, self.views)), layout, tuple(rest), self._asks_kind, self.reads_process),
        )

    def _layout_of(self, result: Any, rest: list[int]) -> Layout:
        kind = type(result)
        if kind is ImageStandIn:
            made = [view for view, image in enumerate(self._latest) if image is result]
            if not made:
                self.refuse("it returns an image that no transform has made, or that goes on from there")
            return Layout(Place, made[0])
        if kind in (list, tuple):
            return Layout(kind, parts=tuple(self._layout_of(each, rest) for each in result))
        if kind is dict and is_data([*result]):
            return Layout(dict, 0, tuple(result), tuple(self._layout_of(each, rest) for each in result.values()))
        rest.append(self.slot(result))
        return Layout(None, len(rest) - 1)

    def _getattr(self, value: Any, name: str, *default: Any) -> Any:
        # What these have depends on what is looked up, or is more than is known.
        if default and issubclass(type(value), (LookedUp, Holding, _Closing, _Base)):
            self.refuse(f"whether it has {name!r}")
        return super()._getattr(value, name, *default)

    def _isinstance(self, value: Any, kind: Any) -> bool:
        kinds = kind if type(kind) is tuple else (kind,)
        asked = tuple(real_of(each) if issubclass(type(each), (Called, Object)) else each for each in kinds)
        if type(value) is LookedUp and slot_of(value) in self._whole:
            self._asks_kind = True
            return issubclass(int, asked)
        if issubclass(type(value), Holding):
            return isinstance(real_of(value), asked)
        return super()._isinstance(value, asked[0] if len(asked) == 1 else asked)

    def _make(self, value: Any) -> Any:
        kind = type(value)
        if kind in _CONTAINERS and not _holds_code(value):
            return Holding(self, value)
        if is_frame(value):
            return Frame(self, value)
        if kind is torch.Tensor and value.ndim and not vars(value):
            return HoldingTensor(self, value)
        if isinstance(value, Dataset) and not isinstance(value, nn.Module) and has_plain_attributes(value):
            return _DataSet(self, value)
        return super()._make(value)


class _DataSet(Object):
    """A data set, of which a sample may be asked for."""

    __slots__ = ()

    def __getitem__(self, index: Any) -> Any:
        return _method(self, "__getitem__")(self, index)

    def __len__(self) -> int:
        length: int = _method(self, "__len__")(self)
        return length


def _method(owner: StandIn, name: str) -> Any:
    """Return what runs a method of the class."""
    sandbox: Any = object.__getattribute__(owner, "_sandbox")
    function = inspect.getattr_static(type(real_of(owner)), name, None)
    return sandbox.stand_in(function) if isinstance(function, types.FunctionType) else sandbox.refuse(name)


class _Base(StandIn):
    """Finds methods of the classes behind one, as `super` does."""

    __slots__ = ()

    @staticmethod
    def _find(sandbox: Any, me: Any, real: Any, name: str) -> Any:
        kind, owner = real
        order = type(owner).__mro__
        for base in order[order.index(kind) + 1 :]:
            if isinstance(vars(base).get(name), types.FunctionType):
                return functools.partial(sandbox.stand_in(vars(base)[name]), sandbox.stand_in(owner))
            if name in vars(base):
                break
        return StandIn._find(sandbox, me, real, name)


class _Closing(StandIn):
    """What a `with` statement closes."""

    __slots__ = ()

    def __enter__(self) -> Any:
        return self

    def __exit__(self, *_: object) -> None:
        object.__getattribute__(self, "_sandbox").closed.append(self)


class _Source(_Closing):
    """An open file, or content that is in memory."""

    __slots__ = ()


class _Opened(_Closing):
    """An image that was opened."""

    __slots__ = ()

    @staticmethod
    def _find(sandbox: Any, me: Any, real: Any, name: str) -> Any:  # noqa: ARG004 - as it is looked for
        if name == "convert":
            return functools.partial(sandbox.converted, me)
        return sandbox.refuse(f"an image's {name}, before it is converted to RGB,")


def _holds_code(value: Any) -> bool:
    entries: Any = value.values() if type(value) is dict else value
    is_short = type(value) in (list, tuple, dict) and len(value) <= _MOST_LOOKED_AT
    return is_short and any(callable(each) for each in entries)


def _name_of(value: Any) -> str:
    return "an image" if type(value) is ImageStandIn else f"a {type(value).__name__}"
