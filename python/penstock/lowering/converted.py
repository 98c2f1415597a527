"""Where a pipeline goes on with numbers: what was done to bytes until then is a table, what is done then are steps."""

from typing import Any

import torch
import torchvision.transforms as v1
from torchvision.transforms import v2

from penstock.ops.color.normalize import normalized
from penstock.ops.opaque import Opaque

__all__ = ["Converted"]


class Converted:
    """The table of the bytes of which numbers are made, at a transform that makes other numbers of these.

    Args:
        strip: As it is by then.
        normalizations: Mean and std of each that it went through.

    Attributes:
        normalizations: The same.
        mixes: Whether channels are mixed, of which there have to be as many as there will be.
    """

    def __init__(self, strip: torch.Tensor, normalizations: list[tuple[list[float], list[float]]]) -> None:
        self.normalizations, self.mixes = [*normalizations], False
        self._columns = [_columns(strip).clone()]

    @property
    def table(self) -> torch.Tensor:
        """The numbers of bytes, and of constant margins, those behind the transform with them."""
        return torch.cat(self._columns, dim=1).contiguous()

    def add_margin(self, strip: torch.Tensor) -> None:
        """Add the numbers of a margin, which are the strip's last ones."""
        self._columns.append(_columns(strip)[:, -1:].clone())

    def step(self, transform: Any, given: torch.Tensor, made: torch.Tensor) -> bytes | None:
        """Return what a conversion of numbers is as a step; None if it changes none.

        Args:
            transform: The user's.
            given: A strip.
            made: What the transform makes of it.

        Raises:
            Opaque: If it has no native form.
        """
        given, made = given.as_subclass(torch.Tensor), made.as_subclass(torch.Tensor)
        if made.dtype == given.dtype and torch.equal(made, given):
            return None
        if type(transform) not in (v1.Normalize, v2.Normalize):
            raise Opaque("no native form on tensors whose numbers were changed after they were converted")
        if given.shape[0] == 1 < made.shape[0]:
            if self.mixes:
                raise Opaque("it makes more channels of those that an earlier transform has mixed")
            # By a mean for each, torch makes as many channels of one. They are alike until then.
            self._columns = [columns.expand(made.shape[0], -1) for columns in self._columns]
            given = given.expand_as(made)
        step, expected = normalized(given, transform.mean, transform.std)
        if made.dtype != expected.dtype or not torch.equal(made, expected):
            raise Opaque("the installed torch normalizes to other numbers")
        return step


def _columns(strip: torch.Tensor) -> torch.Tensor:
    return strip.as_subclass(torch.Tensor).detach().reshape(strip.shape[0], -1)
