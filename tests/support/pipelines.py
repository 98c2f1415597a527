"""Hypothesis strategies for pipelines of torchvision's transforms, both generations freely mixed.

Each operation is tried on a blank image as it is drawn, and left out if torchvision refuses it there: torchvision
itself is what knows which pipelines are valid.
"""

import contextlib
import dataclasses
import random
import warnings
from typing import Any

import torch
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from support.augmentations import augmentations, erasing
from support.recipes import Recipe, call
from support.resizes import resizes, tensor_resizes

MODES = ("constant", "edge", "reflect", "symmetric")
FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
DTYPES = (torch.float32, torch.float32, torch.float16, torch.bfloat16, torch.uint8, torch.float64)
_LARGEST = 100


@contextlib.contextmanager
def _python_seeded():
    """Seed Python's generator, which afterwards stands where it stood."""
    before = random.getstate()
    random.seed(0)
    try:
        yield
    finally:
        random.setstate(before)


# Mostly small, so that cases are quick; some as wide as what vector code does in one go, and one more or less.
lengths = st.one_of(st.integers(1, 12), st.integers(1, 14), st.sampled_from([15, 16, 17, 31, 32, 33, 63, 64, 65, 71]))
_size_arguments = st.one_of(
    lengths, st.tuples(lengths), st.tuples(lengths, lengths), st.lists(lengths, min_size=2, max_size=2)
)
_margin = st.integers(0, 5)
_paddings = st.one_of(
    _margin,
    st.tuples(_margin),
    st.tuples(_margin, _margin),
    st.tuples(_margin, _margin, _margin, _margin),
    st.lists(_margin, min_size=4, max_size=4),
)
_signed = st.integers(-2, 3)
_signed_paddings = st.one_of(_signed, st.tuples(_signed, _signed), st.tuples(_signed, _signed, _signed, _signed))
_probabilities = st.sampled_from([0, 0.1, 0.5, 1, 1.0, 0.25, 0.9999999, 1e-9])
_byte = st.integers(0, 255)
_number = st.one_of(_byte, st.integers(-3, 300), st.sampled_from([0.5, 1.0, -2.25, 127.0, 1e-3]))


@dataclasses.dataclass(frozen=True)
class Pipeline:
    """A pipeline and what is known about it.

    Attributes:
        recipe: Makes it.
        promised: Whether it must run natively.
    """

    recipe: Recipe
    promised: bool

    def _repr_pretty_(self, printer: Any, _: bool) -> None:  # hypothesis shows cases by it
        printer.text(repr(self))

    def __repr__(self) -> str:
        return f"{self.recipe!r}{'' if self.promised else '  # may fall back'}"


def blank(height: int, width: int, channels: int) -> Image.Image:
    """A black image as a dataset of so many channels would give it."""
    return Image.new("L" if channels == 1 else "RGB", (width, height))


@st.composite
def _fills(draw: Any, version: str, channels: int) -> Any:
    plain = st.one_of(
        _byte,
        _number,
        st.tuples(*[_byte] * channels),
        st.lists(_byte, min_size=channels, max_size=channels),
        st.lists(st.floats(-2, 2, width=32), min_size=channels, max_size=channels),
    )
    if version == "v1":
        return draw(plain)
    kinds = st.sampled_from(["tv_tensors.Image", "torch.Tensor", "Image.Image"]).map(lambda name: Recipe(name, None))
    by_type = st.dictionaries(st.one_of(st.just("others"), kinds), plain, min_size=1, max_size=3)
    return draw(st.one_of(plain, plain, st.none(), by_type.map(lambda fills: {"others": 7, **fills})))


@st.composite
def geometry(draw: Any, channels: int) -> Recipe:
    """A crop, flip or pad of either generation."""
    version = draw(st.sampled_from(["v1", "v2"]))
    kind = draw(st.sampled_from(["RandomCrop", "RandomCrop", "CenterCrop", "Pad", "Pad", "flip", "flip"]))
    if kind == "flip":
        axis = draw(st.sampled_from(["Horizontal", "Vertical"]))
        return call(f"{version}.Random{axis}Flip", draw(_probabilities))
    if kind == "CenterCrop":
        return call(f"{version}.CenterCrop", draw(_size_arguments))
    options: dict[str, Any] = {}
    if draw(st.booleans()):
        options["padding_mode"] = draw(st.sampled_from(MODES))
    if options.get("padding_mode", "constant") == "constant" and draw(st.booleans()):
        options["fill"] = draw(_fills(version, channels))
    if kind == "Pad":
        signed = draw(st.integers(0, 4)) == 0
        return call(f"{version}.Pad", draw(_signed_paddings if signed else _paddings), **options)
    if draw(st.booleans()):
        options["padding"] = draw(_paddings)
    if draw(st.booleans()):
        options["pad_if_needed"] = True
    return call(f"{version}.RandomCrop", draw(_size_arguments), **options)


@st.composite
def _elementwise(draw: Any, channels: int) -> Recipe:
    kind = draw(st.sampled_from(["ToDtype", "ToDtype", "ConvertImageDtype", "Normalize", "Normalize", "nothing"]))
    version = draw(st.sampled_from(["v1", "v2"]))
    if kind == "ToDtype":
        scale = draw(st.sampled_from([{}, {"scale": True}, {"scale": True}, {"scale": False}]))
        return call("v2.ToDtype", draw(st.sampled_from(DTYPES)), **scale)
    if kind == "ConvertImageDtype":
        return call(f"{version}.ConvertImageDtype", draw(st.sampled_from(DTYPES)))
    if kind == "nothing":
        return call(draw(st.sampled_from(["v2.Identity", "v2.ToPureTensor", "nn.Identity"])))
    count = draw(st.sampled_from([channels, channels, 1] if channels > 1 or version == "v1" else [1, 1, 3]))
    value = st.one_of(st.sampled_from([0.4914, 0.2470, 0.5, 1.0, 0.0, 1 / 3]), st.floats(-2, 2, width=32))
    scale = st.one_of(st.sampled_from([0.2470, 0.5, 1.0, 255.0]), st.floats(0.0625, 4, width=32))
    mean, std = (draw(st.lists(values, min_size=count, max_size=count)) for values in (value, scale))
    options = {"inplace": True} if draw(st.booleans()) else {}
    kind_of = draw(st.sampled_from([list, tuple]))
    return call(f"{version}.Normalize", kind_of(mean), kind_of(std), **options)


_CONVERSIONS = ("v1.ToTensor", "v1.PILToTensor", "v2.ToImage", "v2.PILToTensor", "v2.ToTensor")


@st.composite
def pipelines(
    draw: Any, height: int, width: int, channels: int, *, size: tuple[int, int] | None = None, native: bool = False
) -> Pipeline:
    """A pipeline for images of one size.

    Args:
        draw: Hypothesis's.
        height: Of the images.
        width: Of the images.
        channels: Of the images.
        size: What its output must measure; anything if None.
        native: Whether transforms that are left to torch are left out.
    """
    image: Any = blank(height, width, channels)
    parts: list[Recipe] = []
    promised = True

    def add(recipe: Recipe, must: bool = True) -> None:
        nonlocal image, promised
        if native and not must:
            return
        tensor = isinstance(image, torch.Tensor)
        # What is drawn must not depend on chance that hypothesis does not know of.
        with torch.random.fork_rng(devices=[]), _python_seeded(), warnings.catch_warnings():
            torch.manual_seed(0)
            warnings.simplefilter("error")
            try:
                tried = recipe.make()(image.clone() if tensor else image)
            except (TypeError, ValueError, RuntimeError, IndexError, OverflowError, NotImplementedError, Warning):
                return
        shape = tried.shape[-2:] if isinstance(tried, torch.Tensor) else tried.size
        if 0 in shape or max(shape) > _LARGEST:
            return
        promised &= must and not _cuts(recipe, image)
        image = tried
        parts.append(recipe)

    for _ in range(draw(st.integers(0, 4))):
        if draw(st.booleans()):
            augmentation = draw(augmentations(len(image.mode), tensor=False))
            add(augmentation.recipe, augmentation.promised)
            continue
        add(draw(st.one_of(geometry(len(image.mode)), resizes(lengths, st.tuples(lengths, lengths)))))
    if draw(st.integers(0, 9)) == 0:
        add(call("v2.Identity"))
    add(call(draw(st.sampled_from(_CONVERSIONS))))
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        if image.dtype == torch.uint8:
            now = image.shape[0]
            if draw(st.booleans()):
                augmentation = draw(augmentations(now, tensor=True))
                # What version 1 makes of version 2's images is no image any more, but only where it does something.
                of_version_1 = "v1." in repr(augmentation.recipe)
                add(augmentation.recipe, augmentation.promised and not of_version_1)
                continue
            add(draw(st.one_of(geometry(now), tensor_resizes(lengths, st.tuples(lengths, lengths)))))
    for _ in range(draw(st.integers(0, 4))):
        now = image.shape[0]
        add(draw(st.one_of(_elementwise(now), _elementwise(now), geometry(now))))
    if size is None and draw(st.integers(0, 5)) == 0:
        augmentation = draw(erasing(image.shape[0], floating=image.dtype.is_floating_point))
        add(augmentation.recipe, augmentation.promised)
    if size is not None:
        add(call(draw(st.sampled_from(["v1.CenterCrop", "v2.CenterCrop"])), size))
    return Pipeline(_nest(draw, parts), promised)


def _cuts(recipe: Recipe, image: Any) -> bool:
    """Whether a negative margin does more than cut off a part of a Pillow image."""
    if not recipe.name.endswith(".Pad"):
        return False
    padding = recipe.args[0] if isinstance(recipe.args[0], (list, tuple)) else [recipe.args[0]]
    left, top, right, bottom = [*padding, *padding][:4] if len(padding) > 1 else [*padding] * 4
    if min(left, top, right, bottom) >= 0:
        return False
    if isinstance(image, torch.Tensor) or dict(recipe.kwargs).get("padding_mode", "constant") != "constant":
        return True
    width, height = image.size
    return width + min(left, 0) + min(right, 0) < 1 or height + min(top, 0) + min(bottom, 0) < 1


def _nest(draw: Any, parts: list[Recipe]) -> Recipe:
    """Put parts of the list into containers, and the whole into one unless it is a lone transform."""
    parts = list(parts)
    for _ in range(draw(st.integers(0, 2))):
        first = draw(st.integers(0, len(parts)))
        last = draw(st.integers(first, len(parts)))
        parts[first:last] = [_contain(draw, parts[first:last])]
    if len(parts) == 1 and draw(st.booleans()):
        return parts[0]
    return _contain(draw, parts)


def _contain(draw: Any, parts: list[Recipe]) -> Recipe:
    modules = all(issubclass(_class_of(part), nn.Module) for part in parts)
    kinds = ["v1.Compose"]
    if draw(st.integers(0, 3)) == 0:
        kinds = ["own.Each", "own.Inner", "own.Stages", "own.closure"]
    elif parts:
        kinds.append("v2.Compose")
    if modules:
        kinds.append("nn.Sequential")
    kind = draw(st.sampled_from(kinds))
    return call(kind, *parts) if kind == "nn.Sequential" else call(kind, parts)


def _class_of(recipe: Recipe) -> type:
    return type(recipe.make())
