"""Is a piece of torch or torchvision what it was when penstock was written?

Lowering replaces code by its meaning, so it must know that the code is the known one: not overridden, not
patched, not hooked. A class counts as pristine if every function on it comes from the package's own files; the
versions of torchvision whose files were compared with penstock are listed in `TESTED`.
"""

import functools
import inspect
import random
import types
from pathlib import Path
from typing import Any

import torch
import torchvision
from torch.nn.modules import module as nn_module

from penstock.compat import timm

__all__ = [
    "HOOKED",
    "HOOKS",
    "SHADOWS",
    "TESTED",
    "instance_attribute",
    "is_pristine",
    "methods_of",
    "module_hooks",
    "plain_lookup",
    "shadowed",
    "tested_torchvision",
    "unhooked",
]

# Minor versions of torchvision with which the parity suite passed.
TESTED = frozenset({"0.26", "0.27", "0.28", "0.29"})

_LIBRARIES = ("torch", "torchvision", "timm")
_PACKAGES = tuple(str(Path(str(package.__file__)).parent) for package in (torch, torchvision))
# What calling a module means; tracers replace it for a while.
_CALL = torch.nn.Module.__call__
# Names that torchvision's own code looks up on the transform before its class.
SHADOWS = (
    "forward",
    "__call__",
    "get_params",
    "make_params",
    "check_inputs",
    "transform",
    "_call_kernel",
    "_call_impl",
    "_needs_transform_list",
    "_augmentation_space",
    "_AUGMENTATION_SPACE",
    "_get_random_item",
    "_flatten_and_extract_image_or_video",
    "_apply_image_or_video_transform",
)
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
_GLOBAL_HOOKS = (
    "_global_forward_hooks",
    "_global_forward_pre_hooks",
    "_global_backward_hooks",
    "_global_backward_pre_hooks",
)

# Functions of the libraries by what stands before them while images record; None for what stands where nothing was.
HOOKED: dict[Any, Any] = {}


def unhooked(function: Any) -> Any:
    """Return the function that a hook of ours stands before, or the function itself."""
    try:
        return HOOKED.get(function, function)
    except TypeError:  # it is not hashable, and none of ours
        return function


def tested_torchvision() -> bool:
    """Whether the installed torchvision is one of the versions in `TESTED`."""
    return ".".join(torchvision.__version__.split(".")[:2]) in TESTED


def is_pristine(item: Any) -> bool:
    """Whether a function, or every function of a class and its bases, is of torch's, torchvision's or timm's files.

    Those of Python's module `random` are methods of its one generator.
    """
    if isinstance(item, type):
        return all(
            _from_package(value)
            for base in item.__mro__
            if base.__module__.partition(".")[0] in _LIBRARIES and base is not torch.nn.Module
            for value in vars(base).values()
        )
    if isinstance(item, types.MethodType):
        name = item.__func__.__name__
        return type(item.__self__) is random.Random and vars(random.Random).get(name) is item.__func__
    return isinstance(item, types.FunctionType) and _from_package(item)


def _from_package(value: Any) -> bool:
    if isinstance(value, (staticmethod, classmethod)):
        value = value.__func__
    value = unhooked(value)
    if not isinstance(value, types.FunctionType):
        return True
    filename = value.__code__.co_filename
    if filename.startswith("<"):
        # Generated, by dataclasses and named tuples for instance; or typed at a prompt.
        return str(value.__globals__.get("__name__")).partition(".")[0] in _LIBRARIES
    return _in_files(filename) and not hasattr(value, "__wrapped__")


@functools.cache
def _in_files(filename: str) -> bool:
    own = timm.folder()  # whose code is not run before it is there
    return filename.startswith(_PACKAGES) or (own is not None and filename.startswith(own))


def shadowed(transform: Any) -> str | None:
    """Return why calling `transform` may do other things than its class says, or None."""
    attributes = vars(transform)
    for name in SHADOWS:
        if name in attributes:
            return f"its attribute {name!r} replaces the class's"
    if isinstance(transform, torch.nn.Module):
        if any(attributes.get(name) for name in HOOKS):
            return "it has hooks"
        if torch.nn.Module.__call__ is not _CALL or any(getattr(nn_module, name, None) for name in _GLOBAL_HOOKS):
            return "module hooks are set for all modules"
    return None


def methods_of(cls: type) -> list[Any]:
    """Return what calling a transform of this class leads to, as far as it can be looked up in no time."""
    return [unhooked(getattr(cls, name, None)) for name in SHADOWS]


def module_hooks() -> list[Any]:
    """Return what applies to all modules."""
    return [torch.nn.Module.__call__, *(hook for name in _GLOBAL_HOOKS for hook in getattr(nn_module, name, ()))]


def instance_attribute(owner: Any, name: str) -> bool:
    """Whether `owner.name` is plain data of the instance: no property, no `__getattr__`."""
    if name not in vars(owner):
        return False
    static = inspect.getattr_static(type(owner), name, None)
    return not hasattr(static, "__set__") and not hasattr(static, "__get__")


def plain_lookup(cls: type) -> bool:
    """Whether attributes of `cls` are looked up in the ordinary way."""
    lookup: Any = cls.__getattribute__
    return lookup is object.__getattribute__ and not hasattr(cls, "__getattr__")
