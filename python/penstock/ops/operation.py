"""What there is to know of an operation, and how it sees what it is part of."""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal, Protocol, Self

import torch

from penstock import _native
from penstock.generators import Draws

__all__ = [
    "Building",
    "Hook",
    "Lowering",
    "Mix",
    "Mixes",
    "Operation",
    "Records",
    "RecordsTensor",
    "Share",
    "Trace",
    "name_of",
]


class Building(Protocol):
    """A pipeline that is being lowered.

    Attributes:
        strip: An image of the kind that the operation is given, one pixel high, with every value a byte can have and
            the colours of all margins so far.
        channels: Of the image.
        threads: Of torch's, where it would make the images.
        is_cut: Whether a tensor may be part of another one, so that there are gaps between its rows.
        is_laid: Whether it is known how a tensor lies in memory, in which some of torch's roundings differ.
        is_erased: Whether parts of it were overwritten, after which nothing but conversions can be lowered.
    """

    strip: Any
    channels: int
    threads: int
    is_cut: bool
    is_laid: bool
    is_erased: bool

    @property
    def is_tensor(self) -> bool:
        """Whether the operation is given a tensor; a Pillow image otherwise."""

    @property
    def is_of_numbers(self) -> bool:
        """Whether the operation is given a tensor of float32."""

    def add_margin(self, pad: Callable[[Any], Any]) -> int:
        """Add the colour of a margin to the strip, by torchvision's own function; return its number."""

    def parts(self, transforms: Any) -> list[list[_native.Op]]:
        """Lower transforms that are not always made, or in any order: the operations of each.

        Raises:
            Opaque: If one of them has no native form, or what follows depends on whether it is made.
        """

    def keep_channel(self, transform: Any) -> None:
        """Note that a transform, which changes values, makes one channel of three."""

    def keep_values(self, why: str) -> None:
        """Note that no conversion may change values from here on, and why."""

    def change_values(self) -> None:
        """Note that the operation makes new values of pixels' bytes; Opaque if these were converted before."""

    def change_numbers(self, *, mixes: bool = False) -> None:
        """Note that the operation makes new numbers of float32, or mixes channels; Opaque if it is given others."""


class Trace(Protocol):
    """What was done to an image, as far as it was only recorded.

    Attributes:
        mode: Pillow's, "L", "RGB" or "P".
        width: In pixels, after all steps.
        height: In pixels, after all steps.
    """

    mode: str
    width: int
    height: int

    def then(self, name: str, *operands: Any, size: tuple[int, int] | None = None) -> Self:
        """Return this trace and one step more, after which the image has this (width, height) if it is another."""

    def without_info(self) -> Self:
        """Return this trace as that of an image whose `info` is empty."""

    def of_array(self) -> Self:
        """Return this trace as that of an image that Pillow makes of an array of NumPy's."""

    def convert(self, mode: str) -> Self:
        """Take the channels of one mode for those of the other: one of three that are alike, or three of one."""

    def recolored(self, change: Callable[[Any], Any]) -> Self:
        """Return this trace with the palette, if it has one, that a function of Pillow's gives to an image."""


# None if all that a transform does was done to the strip.
Lowering = Callable[[Building, Any], _native.Op | None]
# Given the trace of an image, and what a call was given besides the image: the trace of the result. None if that is
# Pillow's to make, out of pixels; what it raises has the call made again on an image that records no more.
Records = Callable[..., Trace | None]
# The same for a tensor, and how the result lies in memory: as the given one does, in order, or as the function has
# that of a small image lie.
RecordsTensor = Callable[..., tuple[Trace, Literal["kept", "in order", "asked"]] | None]
# What an image gets of another one: its own share and the other one's, or a rectangle (top, bottom, left, right).
Share = tuple[float, float] | tuple[int, int, int, int]
# How a batch is mixed, in place: each image becomes so much of the one before it and so much of its own (float), or
# takes a rectangle of the one before it; or, of bytes, what each image gets of the one as far from the other end.
Mix = tuple[float, float] | tuple[int, int, int, int] | tuple[Share | None, ...]
# Given what a transform of batches has drawn, and a tensor like the batch: how that is mixed; None if it is torch's.
Mixes = Callable[[Mapping[str, Any], torch.Tensor], Mix | None]


@dataclasses.dataclass(frozen=True)
class Hook:
    """A function that gives way to another one while images record.

    Attributes:
        owner: What it is an attribute of.
        name: Of the attribute.
        make: Given the function, and what tells whether an image records: what stands before it.
        static: Whether the owner is a class of which it is a static method.
    """

    owner: Any
    name: str
    make: Callable[[Callable[..., Any], Callable[[Any], bool]], Callable[..., Any]]
    static: bool = False


@dataclasses.dataclass(frozen=True, kw_only=True)
class Operation:
    """An operation.

    Attributes:
        name: Of the operation, as people are told.
        says: How it is done, where it was lowered; `{whose}` is "Pillow's" or "torch's".
        transforms: torchvision's transforms that it is, and what lowers each.
        named: The same of classes of libraries that the program imports when it likes, by their modules and names.
        pythons_named: Whether these draw numbers from Python's generator; they draw none otherwise.
        named_functions: What these look up when they are called, by module and name.
        random: Those of them that draw numbers.
        pythons: Those of these that draw them from Python's generator, and not from torch's.
        refuses: Whether some of them raise for images of certain sizes.
        functions: What these look up in their modules when they are called, and must be torchvision's own.
        replays: For each of its steps, by native name, what the library itself does: given a Pillow image and the
            step's operands.
        methods: Calls of Pillow's images that are recorded, by the method's name.
        calls: Functions that are recorded when their first argument is a recording image, by owner and name.
        enhancers: Classes of `PIL.ImageEnhance` whose `enhance` is recorded.
        filters: Classes of `PIL.ImageFilter` by which `Image.filter` is recorded, given one of them.
        tensor_calls: The same as `calls` for tensors of bytes.
        image_kernels: Functions of torchvision's second generation that are recorded for Pillow's images, where the
            function that these have there is none that is hooked.
        kernels: Functions of torchvision's second generation that are recorded for tensors of bytes, by function.
        stacked: Those of them that are recorded for batches too, whose images they take one by one.
        batches: torchvision's transforms of whole batches that it is, whose `transform` is recorded.
        moves: Whether its methods and calls make no other values, so that they are recorded for images of numbers of
            colours as well.
        hooks: What else gives way while images record.
        examples: Makes transforms of every kind that are lowered, for tests.
    """

    name: str
    says: str = "fused into one pass over the image"
    transforms: Mapping[type, Lowering] = dataclasses.field(default_factory=dict)
    named: Mapping[str, Lowering] = dataclasses.field(default_factory=dict)
    pythons_named: bool = False
    named_functions: tuple[tuple[str, str], ...] = ()
    random: frozenset[type] = frozenset()
    pythons: frozenset[type] = frozenset()
    refuses: bool = False
    functions: tuple[tuple[Any, str], ...] = ()
    replays: Mapping[str, Callable[..., Any]] = dataclasses.field(default_factory=dict)
    methods: Mapping[str, Records] = dataclasses.field(default_factory=dict)
    calls: Mapping[tuple[Any, str], Records] = dataclasses.field(default_factory=dict)
    enhancers: Mapping[type, Records] = dataclasses.field(default_factory=dict)
    filters: Mapping[type, Records] = dataclasses.field(default_factory=dict)
    tensor_calls: Mapping[tuple[Any, str], RecordsTensor] = dataclasses.field(default_factory=dict)
    image_kernels: Mapping[Any, Records] = dataclasses.field(default_factory=dict)
    kernels: Mapping[Any, RecordsTensor] = dataclasses.field(default_factory=dict)
    stacked: frozenset[Any] = frozenset()
    batches: Mapping[type, Mixes] = dataclasses.field(default_factory=dict)
    moves: bool = False
    hooks: tuple[Hook, ...] = ()
    examples: Callable[[], Iterator[Any]] = lambda: iter(())

    def draws(self, kind: type) -> Draws:
        """Return from which generator a transform of this operation's draws itself."""
        if kind in self.pythons or (self.pythons_named and kind not in self.transforms):
            return Draws.PYTHON
        return Draws.TORCH if kind in self.random else Draws.NONE

    def lowering(self, kind: type) -> Lowering:
        """Return what lowers a transform of this operation's."""
        return self.transforms.get(kind) or self.named[name_of(kind)]


def name_of(kind: type) -> str:
    """Return a class's module and name."""
    return f"{kind.__module__}.{kind.__qualname__}"
