"""torchvision's transforms as a plan.

Geometry becomes operations of the native plan. Conversions (`ToTensor`, `ToDtype`, `Normalize` ...) look at one
pixel at a time, so all of them together are a table, and the table is made by running the user's own transforms
over a *strip*: an image one pixel high that holds the values 0 to 255 in every channel. A constant margin in the
middle of the pipeline appends its colour to the strip by torchvision's own `pad`, so that later conversions
treat it as they treat the image. What a transform does to a value is therefore never restated here. A resize
mixes a margin's colour with the pixels beside it, so there the strip also gives the bytes of the margins so far.
"""

import dataclasses
import itertools
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch
import torchvision.transforms as v1
from PIL import Image
from torch import nn
from torchvision import tv_tensors
from torchvision.transforms import v2

from penstock import _native
from penstock.conversion import CODES, CONVERSIONS, CONVERTING, IDENTITIES, arithmetic, converts, strip_of
from penstock.generators import Draws
from penstock.lowering import named
from penstock.lowering.converted import Converted
from penstock.lowering.followed import Values, follow, is_own
from penstock.lowering.known import is_pristine, shadowed, unhooked
from penstock.lowering.layout import Layout
from penstock.lowering.report import Row
from penstock.ops.opaque import Opaque
from penstock.ops.parameters import margins_of
from penstock.ops.refuse import raises, replay
from penstock.ops.table import FUNCTIONS, LEFT, TRANSFORMS, operation_of

__all__ = ["Drawn", "Opaque", "Pipeline", "functions", "lower_images", "lower_transform"]

_CONTAINERS = (v1.Compose, v2.Compose, nn.Sequential)
# What is not known by name.
_HERE = frozenset((*_CONTAINERS, *TRANSFORMS, *CONVERTING, Values))
# Functions that transforms look up in their modules each time they are called.
_FUNCTIONS: tuple[tuple[Any, str], ...] = (
    *FUNCTIONS,
    *(call for conversion in CONVERSIONS for call in conversion.calls),
    *((torch, name) for name in ("rand", "randint", "randperm")),
    (torch.Tensor, "uniform_"),
)


def functions() -> list[Any]:
    """Return the functions that torchvision's transforms call, as they are now."""
    return [*(unhooked(getattr(*function, None)) for function in _FUNCTIONS), *named.functions()]


@dataclasses.dataclass(frozen=True)
class OpOrigin:
    """An operation of the plan, as it stands in the user's pipeline.

    Attributes:
        transform: The user's object.
        tensor: Whether it is given a tensor; a Pillow image otherwise.
        template: An image of the kind that it is given, one pixel high.
    """

    transform: Callable[[Any], Any]
    tensor: bool
    template: Any

    @property
    def shrinks(self) -> bool:
        """Whether it has negative margins."""
        return isinstance(self.transform, (v1.Pad, v2.Pad)) and min(margins_of(self.transform.padding)) < 0

    def replay(self, height: int, width: int) -> None:
        """Call the transform on a blank image of this size, to have torchvision's own exception raised."""
        replay(self.transform, self.template, height, width)


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """A transform that was lowered for images of one mode.

    Attributes:
        plan: The native plan.
        steps: For each operation of the plan, where it comes from.
        dtype: Of the output.
        draws: From which generators its transforms draw.
        fails: Whether the pipeline raises for every image of this mode.
        rows: One line for each transform.
        kinds: The classes that torchvision's output may have.
        table: The elements of the bytes and of constant margins, for each channel; None if it fails.
        plan_of: Makes the plan with another table in the place of that; None if it fails.
        kept: Whether there is more in the output than the table's elements, which stays as it is with another table.
        reads_process: Whether what its transforms are depends on what a process that was started anew need not have.
        views: Those of which an image's several views come, one after the other; nothing if it has a single one.
        held: What the views are held in, `list` or `tuple`, or the keys of a dictionary.
        layout: Where in a sample the images are; None if it is a pair of these and a target.
    """

    plan: _native.Plan
    steps: tuple[OpOrigin, ...]
    dtype: torch.dtype
    draws: Draws
    fails: bool
    rows: tuple[Row, ...]
    kinds: tuple[type, ...] = ()
    table: torch.Tensor | None = None
    plan_of: Callable[[torch.Tensor], _native.Plan] | None = None
    kept: bool = False
    reads_process: bool = False
    views: tuple["Pipeline", ...] = ()
    held: type | tuple[Any, ...] | None = None
    layout: Layout | None = None

    @property
    def plans(self) -> list[_native.Plan]:
        """That of each view."""
        return [view.plan for view in self.views] or [self.plan]

    @property
    def outputs(self) -> int:
        """How many tensors an image becomes."""
        return len(self.views) or 1

    def collated(self, images: list[torch.Tensor]) -> Any:
        """Return what default_collate makes of samples' views, of which each is a batch already."""
        if self.held is None:
            return images[0]
        return images if isinstance(self.held, type) else dict(zip(self.held, images, strict=True))

    def with_table(self, table: torch.Tensor) -> "Pipeline":
        """Return the same pipeline with other elements, of another type perhaps, for the same bytes and margins."""
        assert self.plan_of is not None  # noqa: S101 - what fails has no table
        return dataclasses.replace(self, plan=self.plan_of(table), dtype=table.dtype, table=table)


@dataclasses.dataclass(frozen=True)
class Drawn:
    """Transforms of Pillow's images that were lowered for images of one mode.

    Attributes:
        plan: The native plan, of which the table does not matter.
        fills: The colour of each constant margin, by its number.
        draws: From which generators they draw.
        mode: Pillow's, of the images that they make.
    """

    plan: _native.Plan
    fills: tuple[tuple[int, int, int], ...]
    draws: Draws
    mode: str


def lower_images(transform: Any, mode: str) -> Drawn:
    """Lower transforms that make images of Pillow's of images of its mode "L" or "RGB".

    Raises:
        Opaque: If any of them cannot be lowered, raises for every image, or makes something else of one.
    """
    builder = _Builder(mode, torch.get_num_threads(), follows=False)
    rows = list(builder.add_all(transform))
    if builder.fails or builder.is_tensor or not all(row.native for row in rows):
        raise Opaque(*rows)
    plan = _native.Plan(builder.ops, bytes(range(CODES)) * builder.channels, builder.channels, 1)
    return Drawn(plan, tuple(builder.margins), builder.draws, builder.strip.mode)


def lower_transform(transform: Any, mode: str, threads: int | None = None) -> Pipeline:
    """Lower a pipeline for images of Pillow's mode "L" or "RGB".

    Args:
        transform: What the dataset calls on each image.
        mode: Of those images.
        threads: Of torch's, where the dataset would call it; those of this process if None.

    Raises:
        Opaque: If any part of it cannot be lowered; `args` are the rows of all parts.
    """
    builder = _Builder(mode, torch.get_num_threads() if threads is None else threads)
    rows = list(builder.add_all(transform))
    if all(row.native for row in rows):
        rows.extend(builder.check_output())
    if not all(row.native for row in rows):
        raise Opaque(*rows)
    return builder.finish(rows)


def describe(transform: Any) -> str:
    """Return a transform's name and parameters in one short line."""
    try:
        text = " ".join(repr(transform).split())
    except Exception:  # torchvision's own, where a parameter is none that it expects
        text = type(transform).__name__
    return text if len(text) <= 72 else f"{text[:69]}..."


class _Builder:
    """Walks a pipeline, collecting operations and carrying the strip along."""

    def __init__(self, mode: str, threads: int, *, follows: bool = True) -> None:
        self.channels, self.threads = 1 if mode == "L" else 3, threads
        self.follows, self.reads_process = follows, False
        self.strip: Any = strip_of(mode)
        self.ops: list[_native.Op] = []
        self.steps: list[OpOrigin] = []
        self.fills = 0
        # Their colours, if they are margins of Pillow's images.
        self.margins: list[tuple[int, int, int]] = []
        self.inks: Any = None
        self.colours: bytes | None = None
        self.draws = Draws.NONE
        self.fails = False
        self.type_is_open = self.is_erased = False
        self.is_laid, self.is_cut = True, False
        self.tensors_from: int | None = None
        self.kept: str | None = None
        self.normalized: list[tuple[list[float], list[float]]] = []
        self.converted: Converted | None = None

    def add_all(self, transform: Any) -> Iterator[Row]:
        if transform is None:
            yield Row("transform", "None", False, "Pillow images reach collation, which refuses them")
            return
        for (module, name), function in zip(_FUNCTIONS, functions(), strict=False):
            if not (_is_compiled(function) or is_pristine(function)) or function.__name__ != name:
                whose = "torch" if module in (torch, torch.Tensor) else "torchvision"
                yield Row("transform", f"{module.__name__}.{name}", False, f"{whose}'s function was replaced")
                return
        for part, why_not in self.flatten(transform):
            if why_not is None:
                try:
                    reason = self.add(part)
                except Opaque as opaque:
                    yield Row("transform", describe(part), False, str(opaque))
                    return
                yield Row("transform", describe(part), True, reason)
            else:
                yield Row("transform", describe(part), False, why_not)

    def flatten(self, transform: Any) -> Iterator[tuple[Any, str | None]]:
        """Yield each transform in order, with the reason why it cannot be looked into."""
        kind = type(transform)
        operation = operation_of(kind)
        if kind in _HERE or operation is not None or converts(kind):
            if not is_pristine(kind):
                yield transform, "a class of its own, or one that was patched"
            elif reason := shadowed(transform) or (named.why_changed() if kind not in _HERE else None):
                yield transform, reason
            elif kind in _CONTAINERS:
                for part in transform if kind is nn.Sequential else transform.transforms:
                    yield from self.flatten(part)
            else:
                yield transform, None
        elif self.follows and is_own(transform):
            yield from self.follow(transform)
        elif not is_pristine(kind):
            yield transform, "a class of its own, or one that was patched"
        else:
            known = kind.__module__.partition(".")[0] in ("torch", "torchvision")
            yield transform, LEFT.get(kind, "no native form of it yet") if known else "code that penstock does not know"

    def follow(self, transform: Any) -> Iterator[tuple[Any, str | None]]:
        """Yield the same of what the user's own code makes of an image."""
        try:
            found = follow(transform, None if self.is_tensor else self.strip.mode)
        except Opaque as opaque:
            yield transform, str(opaque)
            return
        if found.held is not None:
            yield transform, "several views of an image, where one is wanted"
            return
        self.reads_process |= found.reads_process
        for part in found.views[0]:
            yield from self.flatten(part)

    def add(self, transform: Any) -> str:
        if self.fails:
            return "never reached: an earlier one raises"
        kind = type(transform)
        if self.type_is_open and _looks_at_type(transform):
            raise Opaque("it goes by the tensor's type, which an earlier transform of v1 may have changed")
        if kind is Values or converts(kind):
            return self.convert(transform)
        operation = operation_of(kind)
        if operation is None:
            raise Opaque("no native form of it yet")
        if self.is_erased and operation.name != "erasing":
            raise Opaque("it comes after erasing, which is done to the output")
        self.draws |= operation.draws(kind)
        step = OpOrigin(transform, self.is_tensor, self.strip)
        try:
            op = operation.lowering(kind)(self, transform)
        except Opaque:
            raise
        except Exception as error:
            # torchvision itself raises for every image; the operation does the same when it is met.
            if not raises(transform, self.strip):
                raise Opaque(f"its parameters are not understood: {error}") from None
            op = _native.Op("refuse")
            self.fails = True
        if op is not None:
            if self.is_tensor and self.tensors_from is None:
                self.tensors_from = len(self.ops)
            self.ops.append(op)
            self.steps.append(step)
        self.is_cut |= self.is_tensor and operation.name.endswith("crop")
        self.open_type(kind)
        return operation.says.format(whose="torch's" if step.tensor else "Pillow's")

    def open_type(self, kind: type) -> None:
        """Note that transforms of v1 make plain tensors of v2's, but only where they do something."""
        self.type_is_open |= type(self.strip) is tv_tensors.Image and kind.__module__ == v1.RandomCrop.__module__

    def parts(self, transforms: Any) -> list[list[_native.Op]]:
        if type(transforms) not in (list, tuple, nn.ModuleList):
            raise Opaque(f"its transforms are a {type(transforms).__name__}")
        parts = [list(self.flatten(each)) for each in transforms]
        # In whichever order they are made.
        for part, _ in itertools.chain.from_iterable(parts):
            self.open_type(type(part))
        return [[op for part, why_not in each for op in self.part(part, why_not)] for each in parts]

    def part(self, transform: Any, why_not: str | None) -> list[_native.Op]:
        kind = type(transform)
        if why_not is None and kind in IDENTITIES:
            return []
        operation = operation_of(kind)
        if why_not is None and operation is None:
            why_not = "what follows depends on whether it was made"
        if operation is None or why_not is not None:
            raise Opaque(f"of its part {describe(transform)}: {why_not}")
        if operation.refuses:
            raise Opaque(f"its part {describe(transform)} may raise, or not, for the same image")
        if self.type_is_open and _looks_at_type(transform):
            raise Opaque("a part goes by the tensor's type, which an earlier transform of v1 may have changed")
        strip = self.strip
        self.draws |= operation.draws(kind)
        try:
            op = operation.lowering(kind)(self, transform)
        except Opaque as opaque:
            raise Opaque(f"of its part {describe(transform)}: {opaque}") from None
        except Exception as error:
            raise Opaque(f"of its part {describe(transform)}: {error}") from None
        self.is_cut |= self.is_tensor and operation.name.endswith("crop")
        if self.strip is not strip:
            raise Opaque(f"what follows depends on whether its part {describe(transform)} was made")
        return [] if op is None else [op]

    @property
    def is_tensor(self) -> bool:
        return isinstance(self.strip, torch.Tensor)

    def convert(self, transform: Any) -> str:
        step = OpOrigin(transform, self.is_tensor, self.strip)
        given = self.strip
        before = given.clone() if isinstance(given, torch.Tensor) else given
        try:
            # Warnings are not caught: their filters are the process's, and other threads may be warning now.
            if type(transform) is v2.ToDtype and _warns(transform, before):
                raise Opaque("it warns at each call that it does nothing")
            self.strip = transform(before)
        except Opaque:
            raise
        except Warning as warning:  # made an error by the user's filters
            raise Opaque(f"it warns: {warning}") from None
        except Exception:
            self.fails = True
            self.ops.append(_native.Op("refuse"))
            self.steps.append(step)
            return "raises for every image of this mode"
        self.check_strip()
        # What arithmetic leaves as it is of a strip it may change of other numbers.
        if self.kept is not None and (type(transform) is Values or not _is_same(given, self.strip)):
            raise Opaque(self.kept)
        if self.converted is not None and type(transform) is Values:
            raise Opaque("no native form on tensors whose numbers were changed after they were converted")
        if self.converted is not None and (done := self.converted.step(transform, given, self.strip)) is not None:
            if self.is_erased:
                raise Opaque("it changes numbers after erasing, which is done to the output")
            self.ops.append(_native.Op("always", done))
            self.steps.append(step)
            return "done to numbers that were changed before"
        if type(transform) in (v2.ToImage, v2.ToPureTensor):
            self.type_is_open = False
        conversion = CONVERTING.get(type(transform))
        if conversion is not None and conversion.normalizes:
            self.normalized.append((list(transform.mean), list(transform.std)))
        return "part of the table that converts bytes to elements"

    def check_strip(self) -> None:
        """A conversion must have looked at each pixel alone: the strip keeps its width."""
        strip, width = self.strip, CODES + self.fills
        if isinstance(strip, torch.Tensor):
            if strip.ndim != 3 or strip.shape[1:] != (1, width) or strip.device.type != "cpu" or strip.is_complex():
                raise Opaque(f"it makes {tuple(strip.shape)} of an image of (C, 1, {width}) on {strip.device}")
        elif not isinstance(strip, Image.Image) or strip.size != (width, 1):
            raise Opaque(f"it makes a {type(strip).__name__}")

    def add_margin(self, pad: Callable[[Any], Any]) -> int:
        self.strip = pad(self.strip)
        self.fills += 1
        self.check_strip()
        if self.converted is not None:
            self.converted.add_margin(self.strip)
        if not self.is_tensor:
            color = self.strip.getpixel((CODES + self.fills - 1, 0))
            self.margins.append((color,) * 3 if isinstance(color, int) else color)
        return self.fills - 1

    def keep_channel(self, transform: Any) -> None:
        # What margins are until then, and only then.
        self.colours, self.inks = self.inks.tobytes(), None
        made = transform(self.strip)
        if isinstance(made, torch.Tensor):
            # What it does to values is the operation's, which is not to be done twice.
            made = made.clone()
            made.as_subclass(torch.Tensor).copy_(self.strip.as_subclass(torch.Tensor)[:1])
        self.strip, self.channels = made, 1
        self.check_strip()

    def keep_values(self, why: str) -> None:
        self.kept = why

    def change_values(self) -> None:
        if not isinstance(self.strip, torch.Tensor):
            self.inks = np.atleast_3d(np.asarray(self.strip))[0, CODES:].T
            return
        bytewise = self.strip.dtype == torch.uint8
        pixels = self.strip.as_subclass(torch.Tensor)[:, 0].numpy() if bytewise else None
        if pixels is None or (pixels[:, :CODES] != np.arange(CODES)).any():
            raise Opaque("no native form on tensors whose values were converted before")
        self.inks = pixels[:, CODES:]

    def change_numbers(self, *, mixes: bool = False) -> None:
        if not self.is_of_numbers:
            raise Opaque("no native form on tensors whose values were converted before, but for float32")
        if self.converted is None:
            self.converted = Converted(self.strip, self.normalized)
        self.converted.mixes |= mixes

    @property
    def is_of_numbers(self) -> bool:
        return self.is_tensor and self.strip.dtype == torch.float32

    def check_output(self) -> Iterator[Row]:
        if not self.fails and not isinstance(self.strip, torch.Tensor):
            yield Row("transform", "(result)", False, "Pillow images reach collation, which refuses them")

    def finish(self, rows: list[Row]) -> Pipeline:
        if self.fails:
            # The plan never gets as far as its table.
            plan = _native.Plan(self.ops, bytes(range(CODES)) * self.channels, self.channels, 1)
            return Pipeline(plan, tuple(self.steps), torch.uint8, self.draws, True, tuple(rows))
        converted = self.converted or Converted(self.strip, self.normalized)
        table = converted.table
        channels = table.shape[0]
        inks = None if self.inks is None else np.broadcast_to(self.inks, (channels, self.inks.shape[1])).tobytes()

        def plan_of(table: torch.Tensor) -> _native.Plan:
            entries = table.view(torch.uint8).numpy().tobytes()
            affine = arithmetic(table, converted.normalizations)
            return _native.Plan(
                self.ops, entries, channels, table.element_size(), affine, inks, self.colours, self.tensors_from
            )

        kinds = (torch.Tensor, tv_tensors.Image) if self.type_is_open else (type(self.strip),)
        return Pipeline(
            *(plan_of(table), tuple(self.steps), table.dtype, self.draws, False, tuple(rows), kinds),
            *(table, plan_of, self.kept is not None or self.converted is not None, self.reads_process),
        )


def _is_compiled(function: Any) -> bool:
    """Whether a function is compiled, as those of torch are with which transforms draw."""
    return isinstance(function, (types.BuiltinFunctionType, types.MethodDescriptorType))


def _is_same(strip: Any, other: Any) -> bool:
    """Whether two strips are tensors of the same values and type."""
    strip, other = (each.as_subclass(torch.Tensor) for each in (strip, other))
    return bool(strip.dtype == other.dtype and torch.equal(strip, other))


def _looks_at_type(transform: Any) -> bool:
    """Whether a transform of v2 has different parameters for different kinds of tensors."""
    by_type = getattr(transform, "_fill", None), getattr(transform, "dtype", None)
    return any(isinstance(parameter, dict) and set(parameter) != {"others"} for parameter in by_type)


def _warns(transform: v2.ToDtype, item: Any) -> bool:
    """Whether ToDtype is asked to scale what it leaves as it is."""
    dtype = transform.dtype
    if isinstance(dtype, dict):
        dtype = dtype.get(type(item), dtype.get("others", torch.uint8))
    return dtype is None and bool(transform.scale) and isinstance(item, torch.Tensor)
