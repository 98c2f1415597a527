"""Recipes: things yet to be made, whose `repr` is the source that makes them."""

import dataclasses
import functools
import operator
import warnings
from typing import Any

import torch
import torchvision.transforms as v1
from PIL import Image
from torch import nn
from torchvision import tv_tensors
from torchvision.transforms import v2

from support import own_transforms

_NAMESPACES = {
    "own": own_transforms,
    "v1": v1,
    "v2": v2,
    "nn": nn,
    "operator": operator,
    "functools": functools,
    "tv_tensors": tv_tensors,
    "Image": Image,
    "torch": torch,
}


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A call, or if `args` is None a name, as "module.name"."""

    name: str
    args: tuple[Any, ...] | None = ()
    kwargs: tuple[tuple[str, Any], ...] = ()

    def make(self) -> Any:
        """Make it; two calls make two objects."""
        module, _, attribute = self.name.partition(".")
        thing = getattr(_NAMESPACES[module], attribute)
        if self.args is None:
            return thing
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r"The transform `ToTensor\(\)` is deprecated", UserWarning)
            return thing(*map(_made, self.args), **{key: _made(value) for key, value in self.kwargs})

    def _repr_pretty_(self, printer: Any, _: bool) -> None:  # hypothesis shows cases by it
        printer.text(repr(self))

    def __repr__(self) -> str:
        if self.args is None:
            return self.name
        parts = [*map(repr, self.args), *(f"{key}={value!r}" for key, value in self.kwargs)]
        return f"{self.name}({', '.join(parts)})"


def call(name: str, *args: Any, **kwargs: Any) -> Recipe:
    """A recipe for `name(*args, **kwargs)`."""
    return Recipe(name, args, tuple(kwargs.items()))


def _made(value: Any) -> Any:
    if isinstance(value, Recipe):
        return value.make()
    if isinstance(value, (list, tuple)):
        return type(value)(map(_made, value))
    if isinstance(value, dict):
        return {_made(key): _made(item) for key, item in value.items()}
    return value
