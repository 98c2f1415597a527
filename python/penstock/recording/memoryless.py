"""Tensors without memory, each of which stands for a plain one: what all kinds of them have in common."""

import operator
import types
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from penstock import calls
from penstock.compat.torch import function_modes, swap_tensor_impl

if TYPE_CHECKING:
    from penstock.recording.sources import Trace

__all__ = ["METADATA", "Memoryless", "is_torch_plain", "materialized", "own_of", "swapped"]

# What is answered without pixels.
METADATA = frozenset(
    {
        *(
            getattr(torch.Tensor, name).__get__
            for name in (
                *("shape", "dtype", "device", "layout", "ndim", "requires_grad", "is_nested", "is_sparse", "is_cuda"),
                *("is_quantized", "is_meta", "is_leaf", "grad", "grad_fn", "itemsize", "nbytes", "is_cpu"),
            )
        ),
        torch.Tensor.size,
        torch.Tensor.dim,
        torch.Tensor.ndimension,
        torch.Tensor.numel,
        torch.Tensor.nelement,
        torch.Tensor.stride,
        torch.Tensor.is_floating_point,
        torch.Tensor.is_complex,
        torch.Tensor.is_contiguous,
        torch.Tensor.element_size,
        torch.Tensor.get_device,
        torch.Tensor.__len__,
        torch.is_floating_point,
        torch.is_complex,
        torch.numel,
        torch.is_tensor,
    }
)


class Memoryless(torch.Tensor):
    """A tensor without memory. What is done to it that nothing says more of is done to the plain one."""

    # The plain tensor, if this one could not be it, because code in C++ holds it.
    _real: torch.Tensor | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        pass

    def materialize(self) -> torch.Tensor:
        """Be, in place, the plain tensor that this one stands for; return that."""
        raise NotImplementedError

    @property
    def traces(self) -> "tuple[Trace, ...]":
        """Of the images that this one is made of, which somebody may keep; none of one that is there by now."""
        return ()

    @classmethod
    def on_plain(cls, func: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Call a function on the plain tensors."""
        return func(*materialized(args, cls, cls.materialize), **materialized(kwargs, cls, cls.materialize))

    @classmethod
    def __torch_dispatch__(  # type: ignore[override]
        cls, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return cls.on_plain(func, args, kwargs or {})

    def as_subclass(self, *arguments: Any, **options: Any) -> Any:
        """Return the same as a tensor of another class; torch calls no `__torch_function__` for it."""
        return torch.Tensor.as_subclass(self.materialize(), *arguments, **options)

    def __reduce_ex__(self, protocol: Any) -> Any:
        return self.materialize().__reduce_ex__(protocol)


def own_of(function: Any) -> Any:
    """Return torch's own function for one that torch says is called on a tensor.

    torch looks it up by its name among the methods of tensors. If somebody has put his own there, that one has been
    called already, and has called torch's.
    """
    if type(function) is not types.FunctionType or calls.is_own(function):
        return function
    name = next((name for name, method in vars(torch.Tensor).items() if method is function), None)
    own = None if name is None else calls.own_method(name)
    return function if own is None else own


def is_torch_plain() -> bool:
    """Whether torch makes tensors as the caller's process does."""
    return torch.get_default_dtype() is torch.float32 and not function_modes()


def swapped(tensor: Any, real: torch.Tensor, own: frozenset[str]) -> torch.Tensor:
    """Put a plain tensor into the place of one without memory; return it.

    Args:
        tensor: Has an attribute `_real` for the plain one, for where it cannot be put there.
        real: The plain one.
        own: The attributes that only a tensor without memory has.
    """
    try:
        swap_tensor_impl(tensor, real)
    except RuntimeError:  # code in C++ has a weak reference to it
        tensor._real = real
        return real
    recorded, attributes = tensor.__dict__, real.__dict__
    attributes.update({name: value for name, value in recorded.items() if name not in own})
    kinds = type(tensor), type(real)
    real.__class__, tensor.__class__ = kinds
    real.__dict__, tensor.__dict__ = recorded, attributes
    # What C++ holds is `real` now; mostly nothing does, and it is gone with the end of this function.
    real.__dict__["_real"] = tensor
    plain: torch.Tensor = tensor
    return plain


def materialized(value: Any, kind: type, make: Callable[[Any], Any]) -> Any:
    """Return a structure of arguments in which tensors without memory are real.

    Args:
        value: The structure.
        kind: The class of such tensors.
        make: Makes one real.
    """
    if isinstance(value, kind):
        return make(value)
    if isinstance(value, (tuple, list)):
        items: Any = [materialized(item, kind, make) for item in value]
        if all(map(operator.is_, items, value)):
            return value
        return type(value)(items) if type(value) in (tuple, list) else type(value)(*items)
    if type(value) is dict:
        items = {key: materialized(item, kind, make) for key, item in value.items()}
        # Functions write into such as they are given, as those that copy do.
        return value if all(map(operator.is_, items.values(), value.values())) else items
    return value
