"""What of the user's program looked at an image's pixels, in words that he can act on.

It is told from the stack, from the inside to the outside. A transform of a known library is named by its class. Else it
is what the user's code called of Pillow, NumPy, torch or torchvision; what has no frame of its own is found in the
user's line. If that calls nothing of theirs, it is the line.
"""

import ast
import functools
import linecache
import os
import sys
import types
from typing import Any

import torch
from PIL import Image
from torch.overrides import resolve_name

__all__ = ["cause"]

# Packages whose frames are never the user's.
_LIBRARIES = ("PIL", "numpy", "torch", "torchvision", "timm", "albumentations", "albucore", "penstock")
# Where transforms are that users put together.
_TRANSFORMS = ("torchvision.transforms", "timm.data", "albumentations")
# Those of them that call others, of which one has a name that says more.
_CONTAINERS = frozenset(
    (
        *("Compose", "RandomApply", "RandomChoice", "RandomOrder", "Sequential", "ReplayCompose", "BaseCompose"),
        *("OneOf", "SomeOf", "OneOrOther", "SelectiveChannelTransform", "AugmentOp", "Lambda"),
    )
)
# Files from which a data set's code is called, and data sets of the libraries' own.
_CALLERS = (
    *(os.path.join("torch", "utils", "data", name) for name in ("_utils/fetch", "_utils/worker", "dataset")),  # noqa: PTH118
    os.path.join("torchvision", "datasets"),  # noqa: PTH118
)
_STANDARD = os.path.dirname(os.__file__)  # noqa: PTH120
_PENSTOCK = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120


class _Place:
    """What is known of a function by its code.

    Attributes:
        library: The package that it is part of: "" for the user's own, "standard" for Python's.
        is_caller: Whether it calls the user's data set, or is a data set's.
        has_self: Whether it is a method.
        name: What users call it.
    """

    __slots__ = ("has_self", "is_caller", "library", "name")

    def __init__(self, code: types.CodeType) -> None:
        path = code.co_filename
        inside = path.rpartition(f"-packages{os.sep}")[2]
        package = inside.partition(os.sep)[0]
        if path.startswith(_PENSTOCK + os.sep):
            self.library = "penstock"
        elif inside != path:
            self.library = package if package in _LIBRARIES else ""
        else:
            self.library = "standard" if path.startswith((_STANDARD + os.sep, "<frozen ")) else ""
        self.is_caller = not self.library or inside.startswith(_CALLERS)
        self.has_self = code.co_argcount > 0 and code.co_varnames[0] == "self"
        function = code.co_qualname.removesuffix(".__init__").removesuffix(".__call__").removesuffix(".forward")
        module = os.path.splitext(os.path.basename(path))[0]  # noqa: PTH119, PTH122
        if self.library == "numpy":
            self.name = f"np.{function}"
        elif "functional" in inside:
            self.name = f"functional.{function}"
        elif self.library == "PIL":
            self.name = function if function.startswith(f"{module}.") else f"{module}.{function}"
        else:
            self.name = f"{self.library}.{function}"


# By the ids of their codes, which are kept for that; to ask a code for its hash takes longer than all of this.
_places: dict[int, tuple[types.CodeType, _Place]] = {}


def _place(code: types.CodeType) -> _Place:
    found = _places.get(id(code))
    if found is None:
        found = _places[id(code)] = code, _Place(code)
    return found[1]


def cause(function: Any = None) -> str:
    """Return what of the user's program has led here.

    Args:
        function: Of torch's, called on a tensor, if that is what was noticed.
    """
    frame: Any = sys._getframe(1)
    entry: Any = None
    ours: Any = None
    kind: Any
    while frame is not None:
        place = _place(frame.f_code)
        if place.is_caller:
            break
        if place.library == "penstock":
            ours = frame
        elif place.library != "standard":
            if place.has_self and _is_transform(kind := frame.f_locals["self"].__class__):
                return str(kind.__name__)
            entry, ours = frame, None
        frame = frame.f_back
    if function is not None and (entry is None or entry.f_code.co_filename.endswith(_BEHIND_TENSORS)):
        return _name_of(function)
    if entry is not None:
        return _place(entry.f_code).name
    method = None if ours is None else ours.f_locals.get("method")
    if method is not None and not method.__name__.startswith("_"):
        return f"Image.{method.__name__}"
    if frame is None or _place(frame.f_code).library:
        return "sent as an image"
    return _called_in(frame)


# Where torch calls what a tensor's class has of its own.
_BEHIND_TENSORS = (os.path.join("torch", "_tensor.py"), os.path.join("torch", "overrides.py"))  # noqa: PTH118


@functools.cache
def _is_transform(kind: Any) -> bool:
    if kind.__name__ in _CONTAINERS or not callable(getattr(kind, "__call__", None)):  # noqa: B004 - of its instances
        return False
    return any(base.__module__.startswith(_TRANSFORMS) for base in kind.__mro__)


def _name_of(function: Any) -> str:
    if isinstance(function, torch._ops.OpOverload):
        return f"torch.{function.overloadpacket.__name__}"
    name = str(resolve_name(function) or getattr(function, "__name__", "torch"))
    if name.endswith(".__get__"):
        name = name.removesuffix(".__get__")
    return name.removeprefix("torch.") if ".Tensor." in name else name


_called: dict[tuple[int, int], tuple[types.CodeType, str]] = {}


def _called_in(frame: Any) -> str:
    key = id(frame.f_code), frame.f_lasti
    found = _called.get(key)
    if found is None:
        found = _called[key] = frame.f_code, _callee(frame) or _line(frame)
    return found[1]


def _line(frame: Any) -> str:
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"  # noqa: PTH119


def _callee(frame: Any) -> str | None:
    """Return what a frame calls, if that is a library's; None if it cannot be told."""
    positions = [*frame.f_code.co_positions()][frame.f_lasti // 2]
    if None in positions:
        return None
    first, last, start, end = positions
    lines = [
        linecache.getline(frame.f_code.co_filename, line, frame.f_globals).encode() for line in range(first, last + 1)
    ]
    lines[-1] = lines[-1][:end]
    lines[0] = lines[0][start:]
    try:
        call = ast.parse(b"(" + b"".join(lines) + b")", mode="eval").body
    except (SyntaxError, ValueError):
        return None
    names: list[str] = []
    callee = call.func if isinstance(call, ast.Call) else None
    while isinstance(callee, ast.Attribute):
        names.insert(0, callee.attr)
        callee = callee.value
    value = frame.f_globals.get(callee.id) if isinstance(callee, ast.Name) else None
    if isinstance(value, types.ModuleType):
        return ".".join(["np" if value.__name__ == "numpy" else value.__name__, *names])
    if names:
        kind = next((kind for kind in (Image.Image, torch.Tensor) if hasattr(kind, names[-1])), None)
        return None if kind is None else f"{kind.__name__}.{names[-1]}"
    package = (getattr(value, "__module__", None) or "").partition(".")[0]
    if package not in _LIBRARIES:
        return None
    return f"{'np' if package == 'numpy' else package}.{value.__name__}"  # type: ignore[union-attr]
