"""Tensors that a callable of the user's own has, as it may use them: looked at and computed with, nothing more."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from penstock.compat.torch import DisableTorchFunctionSubclass
from penstock.lowering.sandbox import Refused

__all__ = ["Constant", "unwrapped"]

_OPERATIONS = ("abs", "add", "div", "eq", "ge", "gt", "le", "lt", "mul", "ne", "neg", "pow", "sub", "truediv")
# Those that neither change a tensor nor draw; what they return is guarded again. `__get__` is of all properties.
_ALLOWED = frozenset(
    {
        *("__bool__", "__float__", "__get__", "__getitem__", "__index__", "__int__", "__len__", "item", "tolist"),
        *("bfloat16", "bool", "byte", "clone", "contiguous", "cpu", "dim", "double", "expand", "flatten", "float"),
        *(
            "half",
            "int",
            "long",
            "numel",
            "permute",
            "reciprocal",
            "reshape",
            "size",
            "sqrt",
            "squeeze",
            "to",
            "type_as",
        ),
        *("type_as", "unsqueeze", "view"),
        *_OPERATIONS,
        *(f"__{side}{name}__" for side in ("", "r") for name in _OPERATIONS),
    }
)


class Constant(torch.Tensor):
    """A copy of such a tensor, which refuses to be changed or drawn from, as nobody would see it."""

    @classmethod
    def __torch_function__(
        cls, func: Callable[..., Any], _types: Any, args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Call a function of torch's, if it does neither.

        Raises:
            Refused: If it is not known to.
        """
        if func.__name__ not in _ALLOWED or "out" in (kwargs or {}):
            raise Refused(f"{func.__name__} of a tensor")
        with DisableTorchFunctionSubclass():
            made = func(*args, **(kwargs or {}))
            return made.as_subclass(cls) if isinstance(made, torch.Tensor) else made

    def __setattr__(self, name: str, value: Any) -> None:
        raise Refused(f"Tensor.{name} = ...")


def unwrapped(value: Any) -> Any:
    """Return the tensor that a guarded one is; any other value as it is."""
    if type(value) is not Constant:
        return value
    with DisableTorchFunctionSubclass():
        return value.as_subclass(torch.Tensor)
