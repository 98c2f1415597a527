"""Calls of every function that is recorded by name, with arguments that fit, and with some that do not."""

import dataclasses
import inspect
import random
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from PIL import Image, ImageFilter, ImageOps
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

from penstock.ops.table import CALLS, ENHANCERS, FILTERS, FUNCTIONS, IMAGE_KERNELS, KERNELS, METHODS, TENSOR_CALLS


@dataclasses.dataclass(frozen=True)
class Target:
    """Something that can be called on an image.

    Attributes:
        call: Given the image, and what is given besides.
        parameters: The names of the latter, in order.
    """

    call: Callable[..., Any]
    parameters: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Call:
    """A call on whatever image or tensor there is."""

    name: str
    args: tuple[Any, ...]
    options: tuple[tuple[str, Any], ...]

    def __call__(self, value: Any) -> Any:
        return TARGETS[self.name].call(value, *self.args, **dict(self.options))

    def _repr_pretty_(self, printer: Any, _: bool) -> None:  # hypothesis shows cases by it
        printer.text(repr(self))

    def __repr__(self) -> str:
        given = [*map(repr, self.args), *(f"{key}={value!r}" for key, value in self.options)]
        return f"{self.name}({', '.join(given)})"


def _parameters(function: Any, skip: int = 1) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)[skip:]


def _looked_up(owner: Any, name: str) -> Target:
    def call(value: Any, *args: Any, **options: Any) -> Any:
        return getattr(owner, name)(value, *args, **options)

    return Target(call, _parameters(getattr(owner, name)))


def _method(name: str) -> Target:
    def call(value: Any, *args: Any, **options: Any) -> Any:
        return getattr(value, name)(*args, **options)

    return Target(call, _parameters(getattr(Image.Image, name)))


def _filter(kind: type) -> Target:
    def call(value: Any, *args: Any, **options: Any) -> Any:
        return value.filter(kind(*args, **options))

    return Target(call, _parameters(kind, 0))


def _enhancer(kind: Any) -> Target:
    def call(value: Any, *args: Any, **options: Any) -> Any:
        return kind(value).enhance(*args, **options)

    return Target(call, ("factor",))


_SHORT = {F: "F", F2: "F2", ImageOps: "ImageOps"}


def _targets() -> dict[str, Target]:
    functions = [(owner, name) for owner, name in FUNCTIONS if owner is not random]
    owned = [*CALLS, *TENSOR_CALLS, *functions, *((F2, each.__name__) for each in (*KERNELS, *IMAGE_KERNELS))]
    found = {f"{_SHORT.get(owner, owner.__name__)}.{name}": _looked_up(owner, name) for owner, name in owned}
    found |= {f"Image.{name}": _method(name) for name in (*METHODS, "rotate", "reduce", "thumbnail", "convert")}
    found |= {f"ImageFilter.{kind.__name__}": _filter(kind) for kind in FILTERS}
    found |= {f"ImageEnhance.{kind.__name__}": _enhancer(kind) for kind in ENHANCERS}
    # Given a mode for its table, Pillow makes pixels of what nobody has written.
    return {**found, "Image.point": dataclasses.replace(found["Image.point"], parameters=("lut",))}


TARGETS = _targets()

# What fits, by the parameter's name.
_factor = st.one_of(st.sampled_from([0, 1, 2, 0.0, 1.0, 0.5, 1.9]), st.floats(0, 3), st.floats(0, 1e6))
_length = st.integers(1, 40)
_pair = st.tuples(_length, _length)
_place = st.integers(-2, 12)
_number = st.one_of(st.integers(-3, 3), st.floats(-2, 2), st.floats(-40, 40))
_byte = st.integers(0, 255)
_odds = st.sampled_from([1, 3, 5, 9])
_deviation = st.floats(0.1, 3)
_color = st.one_of(
    st.none(), _byte, st.tuples(_byte, _byte, _byte), st.lists(_byte, min_size=3, max_size=3), st.just("red")
)
_interpolation = st.one_of(st.sampled_from([*InterpolationMode]), st.sampled_from([0, 2, 3, "bilinear", "nearest"]))
_resample = st.sampled_from([*Image.Resampling, 0, 2, 3])
_corner = st.lists(st.integers(-5, 40), min_size=2, max_size=2)
_corners = st.lists(_corner, min_size=4, max_size=4)


def _halved(value: Any) -> Any:
    return value / 2


def _scaled(value: Any) -> Any:
    return value * 1.5 - 3


_FITTING: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(
        (
            *("factor", "brightness_factor", "contrast_factor", "saturation_factor", "sharpness_factor"),
            "scale",
        ),
        _factor,
    ),
    "hue_factor": st.one_of(st.floats(-0.5, 0.5), st.sampled_from([0, 0.5, -0.5, 0.25, 1 / 255])),
    "bits": st.integers(0, 8),
    "threshold": st.one_of(_byte, st.floats(0, 255), st.sampled_from([0.5, 127.5, 255.0, 256, -1])),
    "num_output_channels": st.sampled_from([1, 3]),
    "permutation": st.permutations(range(3)).map(list),
    "cutoff": st.sampled_from([0, 0.0, 2, (1, 3)]),
    "ignore": st.sampled_from([None, 0, 255]),
    "mask": st.none(),
    "preserve_tone": st.booleans(),
    "size": st.one_of(_pair, _pair.map(list), _length, st.sampled_from([(3, 3), (5, 5)])),
    "output_size": st.one_of(_pair.map(list), _length),
    "max_size": st.one_of(st.none(), st.integers(1, 60)),
    "interpolation": _interpolation,
    "resample": _resample,
    "antialias": st.sampled_from([True, None, False]),
    **dict.fromkeys(("top", "left", "i", "j"), _place),
    **dict.fromkeys(("height", "width", "h", "w"), st.integers(1, 20)),
    "v": st.sampled_from([torch.zeros(1), torch.ones(3, 1, 1, dtype=torch.uint8), torch.full((1, 1, 1), 7)]),
    "inplace": st.booleans(),
    "box": st.one_of(st.none(), st.tuples(_place, _place, st.integers(9, 40), st.integers(9, 40))),
    "reducing_gap": st.sampled_from([None, None, 2.0]),
    "method": st.one_of(st.sampled_from([*Image.Transpose]), st.sampled_from([*Image.Transform, 0, 2])),
    "data": st.one_of(st.lists(_number, min_size=6, max_size=6), st.lists(_number, min_size=8, max_size=8)),
    "matrix": st.one_of(st.none(), st.lists(_number, min_size=6, max_size=6)),
    "kernel_size": st.one_of(_odds, st.lists(_odds, min_size=2, max_size=2)),
    "sigma": st.one_of(st.none(), _deviation, st.lists(_deviation, min_size=2, max_size=2)),
    "fill": _color,
    "fillcolor": _color,
    "lut": st.one_of(
        st.lists(st.integers(-9, 300), min_size=256, max_size=256),
        st.lists(_byte, min_size=768, max_size=768),
        st.binary(min_size=256, max_size=256),
        st.sampled_from([_halved, _scaled, abs, bool]),
    ),
    "mode": st.sampled_from(["L", "RGB"]),
    "filter": st.sampled_from([ImageFilter.SMOOTH, ImageFilter.GaussianBlur(0.5), ImageFilter.MedianFilter(3)]),
    "radius": st.one_of(st.floats(0, 30), st.tuples(st.floats(0, 5), st.floats(0, 5)), st.integers(0, 5)),
    "kernel": st.one_of(st.lists(_number, min_size=9, max_size=9), st.lists(_number, min_size=25, max_size=25)),
    "offset": _number,
    "angle": st.one_of(st.sampled_from([0, 90, 180, 270, -90, 360]), st.floats(-400, 400)),
    "expand": st.booleans(),
    "center": st.one_of(st.none(), st.tuples(_number, _number), st.lists(_number, min_size=2, max_size=2)),
    "translate": st.one_of(st.none(), st.lists(st.integers(-9, 9), min_size=2, max_size=2)),
    "shear": st.one_of(st.floats(-60, 60), st.lists(st.floats(-60, 60), min_size=2, max_size=2)),
    "startpoints": _corners,
    "endpoints": _corners,
    "coefficients": st.none(),
    "perspective_coeffs": st.lists(_number, min_size=8, max_size=8),
    "padding": st.one_of(st.integers(0, 4), st.lists(st.integers(0, 4), min_size=4, max_size=4)),
    "padding_mode": st.sampled_from(["constant", "edge", "reflect", "symmetric"]),
    "op_name": st.sampled_from(
        [
            *("Identity", "ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness", "Color", "Contrast"),
            *("Sharpness", "Posterize", "Solarize", "AutoContrast", "Equalize", "Invert", "None of these"),
        ]
    ),
    "magnitude": st.one_of(st.floats(-1, 1), st.integers(0, 8), st.floats(0, 255)),
    "dither": st.none(),
    "palette": st.just(Image.Palette.WEB),
    "colors": st.just(256),
}
# What does not, or just so: each may stand anywhere.
_ODD: tuple[Any, ...] = (
    *(None, "x", "", b"xy", True, False, -1, -0.0, 0, 256, 1e9, 2**31, 2**70, 1e300),
    *(float("nan"), float("inf"), -float("inf"), 1j, ..., (), [], (1,), [2], (1.5, 2), (3, 4, 5), {"a": 1}, {3}),
    *(np.float32(0.7), np.float64(0.7), np.int64(3), np.uint8(2), np.bool_(True), np.float16(0.5)),
    *(np.array([5, 4]), np.array(2.5), np.array([0.5, 1.0])),
    *(torch.tensor(2), torch.tensor(0.7), torch.tensor([9, 8])),
    *(range(3), slice(2), int, Image.Resampling.BILINEAR, InterpolationMode.BICUBIC),
)
# Numbers of other types than Python's own, by what makes them of those.
_KINDS: tuple[Callable[[Any], Any], ...] = (np.float32, np.float64, np.int64, np.uint8, float, int, bool, torch.tensor)


def _converted(kind: Callable[[Any], Any], value: Any) -> Any:
    try:
        return kind(value)
    except (TypeError, ValueError, OverflowError, RuntimeError, UserWarning):  # of tensors torch warns
        return value


@st.composite
def _arguments(draw: Any, parameter: str, *, odd: bool) -> Any:
    fitting = draw(_FITTING.get(parameter, st.none()))
    if not odd:
        return fitting
    if draw(st.booleans()):
        return draw(st.sampled_from(_ODD))
    return _converted(draw(st.sampled_from(_KINDS)), fitting)


@st.composite
def named_calls(draw: Any, names: Any = None) -> Call:
    """A call of any of them: mostly with arguments that fit, some by their names."""
    name = draw(st.sampled_from(sorted(TARGETS)) if names is None else names)
    parameters = TARGETS[name].parameters
    count = draw(st.sampled_from([len(parameters), len(parameters), *range(len(parameters) + 1)]))
    odd = draw(st.sampled_from([None, None, None, *range(count)]))
    values = [draw(_arguments(parameter, odd=k == odd)) for k, parameter in enumerate(parameters[:count])]
    by_place = draw(st.sampled_from([count, count, *range(count + 1)]))
    return Call(name, tuple(values[:by_place]), tuple(zip(parameters[by_place:count], values[by_place:], strict=True)))
