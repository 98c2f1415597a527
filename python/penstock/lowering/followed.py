"""What a callable of the user's own makes of an image: known transforms and arithmetic, one after another.

    class Preset:
        def __call__(self, image):
            return self.normalize(self.augment(image) * 2 - 1)

Its code runs once in a `Sandbox`, on what stands for an image: known transforms and functions that are called with it,
and arithmetic that looks at one value at a time, are written down, and what comes of them stands for an image again.
Whatever the code does besides is refused, so that it is known to do the same for every image, and to draw nothing by
itself. Code that would see an exception of a transform's is not followed.

It may return several views of the image, in a tuple, a list or a dictionary, if it has made one after the other.
"""

import copy
import dataclasses
import dis
import functools
import inspect
import itertools
import operator
import types
from collections.abc import Callable, Mapping
from typing import Any

import torch
import torchvision.transforms as v1
from PIL import Image
from torch import nn
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

from penstock import calls
from penstock.conversion import converts
from penstock.lowering.constants import Constant, unwrapped
from penstock.lowering.known import is_pristine, module_hooks, shadowed, unhooked
from penstock.lowering.sandbox import Refused, Sandbox, StandIn
from penstock.lowering.targets import is_data
from penstock.ops.opaque import Opaque
from penstock.ops.table import operation_of

__all__ = ["Followed", "Following", "Known", "Values", "catches", "follow", "is_own"]

_PACKAGES = ("torch", "torchvision")
_LAMBDAS = (v1.Lambda, v2.Lambda)
_MODULE_CALLS = tuple(module_hooks())
_MODULE_LOOKUPS = ("__call__", "__getattr__", "__getattribute__")
# What stand-ins for images stand for, by its name.
_IMAGE = type("an image", (), {})()
# Functions of one image and constants, each with the transform that calls it with these.
_FUNCTIONS: tuple[tuple[Any, Callable[..., Any]], ...] = (
    (F.to_tensor, v1.ToTensor),
    (F.pil_to_tensor, v1.PILToTensor),  # which is `F2.pil_to_tensor` too
    (F.convert_image_dtype, v1.ConvertImageDtype),
    (F.normalize, v1.Normalize),
    (F.resize, v1.Resize),
    (F.center_crop, v1.CenterCrop),
    (F.pad, v1.Pad),
    (F2.to_image, v2.ToImage),
    (F2.to_dtype, v2.ToDtype),
    (F2.normalize, v2.Normalize),
    (F2.resize, v2.Resize),
    (F2.center_crop, v2.CenterCrop),
    (F2.pad, v2.Pad),
)
# Those that raise for what is no tensor, where the transform returns it.
_OF_TENSORS = (F2.to_dtype,)
# What a function's parameter is called where the transform of it calls it otherwise.
_RENAMED = {"output_size": "size"}
# What an argument of theirs may be, besides tuples and lists of such.
_CONSTANTS = (bool, int, float, str, type(None), torch.dtype, InterpolationMode)
# Transforms that were made, and how many are kept.
_MADE: dict[tuple[Any, str], Any] = {}
_MOST_MADE = 512
# Operators of tensors by the methods of `torch.Tensor` behind them.
_OPERATORS = {
    **{f"__{name}__": f"Tensor.{name}" for name in ("add", "sub", "mul", "neg", "abs")},
    **{f"__i{name}__": f"Tensor.{name}_" for name in ("add", "sub", "mul")},
    "__truediv__": "Tensor.div",
    "__itruediv__": "Tensor.div_",
    "__radd__": "Tensor.add",
    "__rmul__": "Tensor.mul",
    "__rsub__": "Tensor.__rsub__",
}
# Methods of tensors as they are before anybody has put others in their place.
_METHODS = {
    name: getattr(torch.Tensor, name)
    for name in (*_OPERATORS, *(name.removeprefix("Tensor.") for name in calls.FUNCTIONS if name.startswith("Tensor.")))
}


@dataclasses.dataclass(frozen=True)
class Values:
    """A call of torch's that looks at one value at a time, as a transform.

    Attributes:
        call: As `calls.call_of` gave it.
    """

    call: Any

    def __call__(self, tensor: torch.Tensor) -> torch.Tensor:
        """Call it with another tensor.

        Raises:
            Opaque: If what it gives depends on more than the value, or it is given no tensor.
        """
        if not isinstance(tensor, torch.Tensor):
            raise Opaque(f"{self} of a {type(tensor).__name__}")
        made: Any = calls.repeat(tensor.clone(), *self.call)
        if not isinstance(made, torch.Tensor) or made.shape != tensor.shape:
            raise Opaque(f"{self}: it makes something else than a value of each")
        if not calls.is_exact(self.call, tensor, made):
            raise Opaque(f"{self}: what torch makes of a value depends on where it lies")
        return made

    def __repr__(self) -> str:
        return str(self.call[0]).removeprefix("Tensor.")


@dataclasses.dataclass(frozen=True)
class Followed:
    """What was found.

    Attributes:
        views: For each view of the image its parts: transforms of torchvision's, as the user has them, `Values`, and
            transforms that stand for functions; these are the same objects each time that the same is found.
        held: What the views are returned in, `list` or `tuple`, or the keys of a dictionary; None for a single one.
        reads_process: Whether the code has looked at what a process that was started anew might not have.
    """

    views: tuple[tuple[Any, ...], ...]
    held: type | tuple[Any, ...] | None
    reads_process: bool


def is_own(transform: Any) -> bool:
    """Whether a transform is code of the user's own, or torchvision's that does nothing but call such code."""
    kind = type(transform)
    if kind in _LAMBDAS:
        return is_pristine(kind) and shadowed(transform) is None
    known = kind.__module__.partition(".")[0] in _PACKAGES or converts(kind) or operation_of(kind) is not None
    return not known and callable(transform)


def follow(transform: Any, mode: str | None) -> Followed:
    """Return what a callable of the user's own makes of an image.

    Args:
        transform: The callable.
        mode: Pillow's, of the image that it is called with; None if that is a tensor.

    Raises:
        Opaque: If it is not known to do the same for every image.
    """
    if type(transform) in _LAMBDAS:
        if type(transform) is v2.Lambda and transform.types != (object,):
            raise Opaque("code that penstock does not know: it goes by the image's type")
        transform = transform.lambd
    sandbox = Following(mode)
    try:
        result = sandbox.call(transform, sandbox.image)
        held = sandbox.held(result)
    except Refused as refused:
        raise Opaque(f"code that penstock does not know: {refused}") from None
    except Exception as error:  # whatever it does with what is no image
        raise Opaque(f"code that penstock does not know: {type(error).__name__}") from None
    finally:
        sandbox.close()
    return Followed(tuple(map(tuple, sandbox.views)), held, sandbox.reads_process)


class Following(Sandbox):
    """Runs a callable.

    Attributes:
        image: Stands for the image that the callable is given.
        views: What was written down.
    """

    def __init__(self, mode: str | None) -> None:
        known = {id(function): self._function(function, transform) for function, transform in _FUNCTIONS}
        known |= {id(function): self._torchs(name) for name, function in calls.FUNCTIONS.items() if "." not in name}
        super().__init__(known, {})
        self._mode = mode
        self.image = ImageStandIn(self, _IMAGE)
        self.views: list[list[Any]] = []
        # What the views are as far as they have come; only the last one may be used.
        self._latest: list[ImageStandIn] = []
        # Lists and dictionaries that it was given, each with what was in it.
        self._given: list[tuple[Any, tuple[Any, ...]]] = []

    def close(self) -> None:
        """See `Sandbox`."""
        super().close()
        self._given.clear()

    def add(self, image: Any, part: Any) -> "ImageStandIn":
        """Write down that a part is made of an image."""
        if image is self.image:
            self.views.append([])
            self._latest.append(self.image)
        elif not self._latest or image is not self._latest[-1]:
            self.refuse("an image is used twice")
        self.views[-1].append(part)
        self._latest[-1] = ImageStandIn(self, _IMAGE)
        return self._latest[-1]

    def held(self, result: Any) -> type | tuple[Any, ...] | None:
        """Return what a result holds the views in; None if it is the only one.

        Raises:
            Refused: If it is something else.
        """
        if result is self.image and not self.views:
            self.views.append([])
            return None
        if len(self._latest) == 1 and result is self._latest[0]:
            return None
        values = [*result.values()] if type(result) is dict else result
        if type(values) not in (list, tuple) or len(values) != len(self._latest):
            raise Refused("it returns something else than the image")
        if not all(value is made for value, made in zip(values, self._latest, strict=True)):
            raise Refused("it returns views in another order than it has made them")
        return _keys(tuple(result), tuple(map(type, result))) if type(result) is dict else type(result)

    def method(
        self, name: str, function: str, arguments: tuple[Any, ...], options: Mapping[str, Any]
    ) -> "ImageStandIn":
        """Write down a call of a tensor's method, which comes to a function."""
        if getattr(torch.Tensor, name) is not _METHODS[name]:
            self.refuse(f"torch.Tensor.{name}, which was replaced")
        return self.values(function, arguments, options)

    def values(self, name: str, arguments: tuple[Any, ...], options: Mapping[str, Any]) -> "ImageStandIn":
        """Write down a call of torch's that is given an image."""
        arguments = tuple(map(self.given, arguments))
        options = {key: self.given(value) for key, value in options.items()}
        places = [place for place, value in enumerate(arguments) if isinstance(value, ImageStandIn)]
        call = calls.call_of(name, places[0], arguments, options) if len(places) == 1 else None
        if call is None:
            self.refuse(name)
        return self.add(arguments[places[0]], _values(call))

    def converted(self, image: Any, mode: Any) -> "ImageStandIn":
        """Return what `convert` gives of an image that is of the mode."""
        if image is not self.image or mode != self._mode or type(mode) is not str:
            self.refuse("convert")
        return self.image

    def check(self, code: types.CodeType) -> None:
        """See `Sandbox`: code that goes on where a transform raises is refused, and what is in a `with` statement."""
        # A generator expression is used up where it stands, and handles no exceptions of others.
        if code.co_name != "<genexpr>":
            super().check(code)
            if self.sees_exceptions(code):
                self.refuse(f"what {code.co_name} does where a transform raises")
        for within in code.co_consts:
            if isinstance(within, types.CodeType):
                self.check(within)

    def sees_exceptions(self, code: types.CodeType) -> bool:
        """Whether code may go on where something raises."""
        return catches(code)

    def given(self, value: Any) -> Any:
        """Return what a library's function is given where the code gives it something."""
        return unwrapped(value)

    def _is_as_before(self) -> bool:
        given = [(_contents(mine), contents) for mine, contents in self._given]
        same = all(len(now) == len(then) and all(map(operator.is_, now, then)) for now, then in given)
        return same and super()._is_as_before()

    def _getattr(self, value: Any, name: str, *default: Any) -> Any:
        # What these have besides depends on what they stand for.
        if default and issubclass(type(value), (ImageStandIn, _Modules, functools.partial)):
            self.refuse(f"whether it has {name!r}")
        return super()._getattr(value, name, *default)

    def _isinstance(self, value: Any, kind: Any) -> bool:
        named = object.__getattribute__(kind, "_real") if issubclass(type(kind), StandIn) else kind
        if type(value) is _Modules:
            self.refuse("isinstance")
        # Of what kind others are depends on what has made them.
        if value is self.image and named is Image.Image:
            return self._mode is not None
        return super()._isinstance(value, kind)

    def _make(self, value: Any) -> Any:
        value, kind = unhooked(value), type(value)
        if kind in (list, tuple, nn.ModuleList) and not is_data(value):
            mine: Any = (_Modules if kind is nn.ModuleList else kind)(self.stand_in(item) for item in value)
            self._given.append((mine, _contents(mine)))
            return mine
        if kind is dict and not is_data(value) and is_data([*value]):
            mine = {key: self.stand_in(item) for key, item in value.items()}
            self._given.append((mine, _contents(mine)))
            return mine
        if kind is torch.Tensor and not vars(value):
            return value.clone().as_subclass(Constant)
        if kind is InterpolationMode:
            return value
        if value is InterpolationMode:
            return types.SimpleNamespace(**InterpolationMode.__members__)
        if isinstance(value, type) and value.__module__.startswith("torchvision.transforms"):
            return functools.partial(self._transform_of, value)
        if callable(value) and not isinstance(value, (type, types.FunctionType)) and hasattr(value, "__dict__"):
            if kind.__module__.partition(".")[0] in _PACKAGES and kind.__module__ != nn.Module.__module__:
                return _Transform(self, value)
            if isinstance(value, nn.Module):
                plain = all(getattr(kind, name) is getattr(nn.Module, name) for name in _MODULE_LOOKUPS)
                return _Module(self, value) if plain else self.refuse(kind.__name__)
        made = super()._make(value)
        if type(made) is types.FunctionType:
            return Known(self, made)
        if type(made) is functools.partial:
            self._given.append((made, tuple(vars(value).values()) if kind is functools.partial else ()))
        return made

    def _transform_of(self, kind: type, *arguments: Any, **options: Any) -> Any:
        """Make a transform in the call; with the same parameters it is the same one."""
        try:
            given = inspect.signature(kind).bind(*arguments, **options).arguments
            return self.stand_in(_transform(kind, {name: self.given(value) for name, value in given.items()}))
        except (TypeError, ValueError):
            return self.refuse(f"{kind.__name__}(...)")

    def _function(self, function: Any, transform: Callable[..., Any]) -> Callable[..., Any]:
        def call(image: Any, *arguments: Any, **options: Any) -> Any:
            if not is_pristine(function):
                self.refuse(f"{function.__name__}, which was replaced")
            given = inspect.signature(function).bind(image, *arguments, **options).arguments
            _, *rest = given.items()
            try:
                made = _transform(transform, {_RENAMED.get(name, name): self.given(value) for name, value in rest})
            except TypeError:
                return self.refuse(f"arguments of {function.__name__}")
            if function in _OF_TENSORS:
                image = self.values("Tensor.clone", (image,), {})
            return self.add(image, made)

        return call

    def _torchs(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            if not any(isinstance(value, ImageStandIn) for value in arguments):
                self.refuse(f"torch.{name}")
            return self.values(name, arguments, options)

        return call


class ImageStandIn(StandIn):
    """Stands for an image, or the tensor of one."""

    __slots__ = ()

    @staticmethod
    def _find(sandbox: Any, me: Any, real: Any, name: str) -> Any:
        if name == "convert":
            return functools.partial(sandbox.converted, me)
        if f"Tensor.{name}" in calls.FUNCTIONS:
            return lambda *arguments, **options: sandbox.method(name, f"Tensor.{name}", (me, *arguments), options)
        return StandIn._find(sandbox, me, real, name)


def _operator(name: str, function: str) -> Callable[..., Any]:
    def call(self: ImageStandIn, *arguments: Any) -> Any:
        sandbox = object.__getattribute__(self, "_sandbox")
        return sandbox.method(name, function, (self, *arguments), {})

    return call


for _name, _method in _OPERATORS.items():
    setattr(ImageStandIn, _name, _operator(_name, _method))


class Known(StandIn):
    """A function that is known; there is no more to it than that it may be called."""

    __slots__ = ()

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Call it."""
        return object.__getattribute__(self, "_real")(*arguments, **options)


class _Transform(StandIn):
    """A transform that is known; there is no more to it than that it may be called with an image."""

    __slots__ = ()

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        sandbox, real = (object.__getattribute__(self, slot) for slot in ("_sandbox", "_real"))
        if len(arguments) != 1 or options:
            sandbox.refuse(f"{type(real).__name__} of {len(arguments)} arguments")
        return sandbox.add(arguments[0], real)

    def __bool__(self) -> bool:
        sandbox, real = (object.__getattribute__(self, slot) for slot in ("_sandbox", "_real"))
        if hasattr(type(real), "__len__"):
            sandbox.refuse(f"whether {type(real).__name__} is empty")
        return True


class _Module(StandIn):
    """A module of the user's own, whose parts are looked up as `torch.nn.Module` does."""

    __slots__ = ()

    @staticmethod
    def _find(sandbox: Any, me: Any, real: Any, name: str) -> Any:
        nothing = object()
        on_class = inspect.getattr_static(type(real), name, nothing)
        if name in vars(real) and not hasattr(on_class, "__get__"):
            return sandbox.stand_in(vars(real)[name])
        if isinstance(on_class, types.FunctionType) and name not in vars(real):
            return functools.partial(sandbox.stand_in(on_class), me)
        if on_class is not nothing and not hasattr(on_class, "__get__"):
            return sandbox.look_up(on_class)
        for place in ("_buffers", "_modules"):
            if on_class is nothing and name in vars(real)[place]:
                return sandbox.stand_in(vars(real)[place][name])
        return StandIn._find(sandbox, me, real, name)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        sandbox, real = (object.__getattribute__(self, slot) for slot in ("_sandbox", "_real"))
        kind: Any = type(real)
        forward = inspect.getattr_static(kind, "forward", None)
        is_known = isinstance(forward, types.FunctionType) and tuple(module_hooks()) == _MODULE_CALLS
        if not is_known or shadowed(real) is not None:
            sandbox.refuse(type(real).__name__)
        return sandbox.stand_in(forward)(self, *arguments, **options)


class _Modules(tuple[Any, ...]):
    """Stands for a list of modules: it may be gone through."""

    __slots__ = ()


def _contents(given: Any) -> tuple[Any, ...]:
    if type(given) is functools.partial:
        return tuple(vars(given).values())
    return (*given, *given.values()) if type(given) is dict else tuple(given)


@functools.lru_cache(maxsize=512)
def catches(code: types.CodeType, *, surrounds: bool = True) -> bool:
    """Whether code looks at exceptions: those of comprehensions in it only pass through what Python has put there.

    Args:
        code: The code.
        surrounds: Whether that goes for what leaves a `with` statement, too.
    """
    if not code.co_exceptiontable:
        return False
    names = [each.opname for each in dis.get_instructions(code)]
    looks = [following for name, following in itertools.pairwise(names) if name == "PUSH_EXC_INFO"]
    return any(surrounds or name != "WITH_EXCEPT_START" for name in looks)


def _check_constant(value: Any) -> None:
    if type(value) in (list, tuple):
        for item in value:
            _check_constant(item)
    elif type(value) not in _CONSTANTS:
        raise TypeError(value)


def _transform(kind: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
    """Return a transform with these parameters, which is the same one as at the last call with them.

    Raises:
        TypeError: If they are more than constants.
    """
    _check_constant([*arguments.values()])
    # Numbers of several types are equal, but not as they are written.
    key = kind, repr(arguments)
    if key not in _MADE:
        if len(_MADE) >= _MOST_MADE:
            _MADE.clear()
        _MADE[key] = kind(**copy.deepcopy(dict(arguments)))
    return _MADE[key]


@functools.lru_cache(maxsize=512)
def _values(call: Any) -> Values:
    return Values(call)


@functools.lru_cache(maxsize=512)
def _keys(keys: tuple[Any, ...], _kinds: tuple[type, ...]) -> tuple[Any, ...]:
    return keys
