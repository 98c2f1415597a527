"""What operations have in common that are one call with a factor, or with nothing, in each of the libraries."""

import functools
import types
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

from penstock import _native, agreement
from penstock.compat.torchvision import tensor_functional
from penstock.ops.arithmetic import LIBRARIES, agreeing
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, Operation, RecordsTensor, Trace
from penstock.ops.parameters import factor_of, library_of

__all__ = ["Adjustment"]

_Tensor = tuple[Trace, Literal["asked"]] | None


class Adjustment:
    """A step that looks the same to those who call it in each library.

    Args:
        step: Its native name, which also tells people of it.
        function: Its name among torchvision's functions.
        factors: What it may be called with, to compare what comes of it; nothing if it is called without.
        given: What it is called with besides.
        least: The number of rows, and of columns, below which torchvision returns the very tensor.
        names: What a library's arithmetic may be, if it is not as in `LIBRARIES`.
        named: Whether the step is told whose arithmetic it has.
        bare: Whether the image that Pillow makes has nothing of the given one's `info`.
        checked: Makes the step's operand of what a function is called with.
    """

    def __init__(
        self,
        step: str,
        function: str,
        factors: Sequence[float] = (),
        *,
        given: tuple[Any, ...] = (),
        least: int = 0,
        names: Mapping[str, Sequence[str]] = types.MappingProxyType({}),
        named: bool = True,
        bare: bool = False,
        checked: Callable[[Any], float] = factor_of,
    ) -> None:
        self.step, self.function = step, function
        self._cases: list[tuple[float, ...]] = [(factor,) for factor in factors] or [()]
        self._least, self._names = least, {**LIBRARIES, **names}
        self._given, self._named, self._bare, self._checked = given, named, bare, checked
        self.arithmetic: Any = agreement.probe(
            f"{function} gives the known pixels",
            f"{step} of images and tensors",
            otherwise=None,
            examples=[(library,) for library in LIBRARIES],
            repeats=lambda library: library == "pillow",
        )(self._agreeing)

    def _agreeing(self, library: str) -> str | None:
        if library != "pillow" and torch.get_default_dtype() is not torch.float32:
            raise agreement.NotNowError("torchvision mixes bytes in the default dtype")
        function = getattr(F2 if library == "torch2" else F, self.function)
        cases = [(case, functools.partial(self._call, function, *case)) for case in self._cases]
        return agreeing(self._names[library], library, self._made, cases)

    def _call(self, function: Any, *arguments: Any) -> Any:
        *operands, image = arguments
        return function(image, *operands, *self._given)

    def _made(self, arithmetic: str, *operands: Any) -> bytes:
        return _native.step(self.step, *operands, *([arithmetic] if self._named else []))

    def arithmetic_for(self, building: Building, transform: Any) -> str:
        """Return the native name of a transform's arithmetic; Opaque if the installed library gives other pixels."""
        library = library_of(building, transform)
        name: str | None = self.arithmetic(library)
        if name is None:
            whose = "Pillow" if library == "pillow" else "torch"
            raise Opaque(f"the installed {whose} gives other pixels of {self.step}")
        return name

    def records(self, trace: Trace, *operands: Any) -> Trace | None:
        """Record a call on an image of Pillow's."""
        recorded = self._recorded("pillow", trace, operands)
        return recorded.without_info() if recorded is not None and self._bare else recorded

    def records_tensor(self, library: str) -> RecordsTensor:
        """Return what records a call on a tensor of bytes."""

        def records(trace: Trace, *operands: Any, **options: Any) -> _Tensor:
            if min(trace.width, trace.height) < self._least:
                return None
            recorded = self._recorded(library, trace, (*operands, *options.values()))
            return None if recorded is None else (recorded, "asked")

        return records

    def _recorded(self, library: str, trace: Trace, operands: Sequence[Any]) -> Trace | None:
        if len(operands) != len(self._cases[0]):
            raise TypeError
        if (arithmetic := self.arithmetic(library)) is None:
            return None
        checked = [self._checked(operand) for operand in operands]
        return trace.then(self.step, *checked, *([arithmetic] if self._named else []))

    def replay(self, image: Any, *operands: Any) -> Any:
        """Have the library make the step of a Pillow image."""
        *factors, library = operands if self._named else (*operands, "pillow")
        if library == "pillow":
            return self._call(getattr(F, self.function), *factors, image)
        function = getattr(F if library == "torch1" else F2, self.function)
        return F.to_pil_image(self._call(function, *factors, F.pil_to_tensor(image)))

    def operation(self, **fields: Any) -> Operation:
        """Return the operation, with what each of torchvision's names for it records, and these fields besides."""
        own: dict[str, Any] = {
            "name": self.step,
            "functions": ((F, self.function), (F2, self.function)),
            "replays": {self.step: self.replay},
            "tensor_calls": {(tensor_functional, self.function): self.records_tensor("torch1")},
            "kernels": {getattr(F2, self.function): self.records_tensor("torch2")},
        }
        return Operation(**{**own, **fields})
