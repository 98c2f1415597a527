"""Resizes, by Pillow's arithmetic and by torch's."""

from collections.abc import Iterator
from typing import Any, Literal

import torchvision.transforms as v1
from PIL import Image
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

from penstock import _native
from penstock.compat.torchvision import compute_resized_output_size
from penstock.ops.crop import cropped
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, Operation, Trace
from penstock.ops.parameters import integer_of, lengths_of
from penstock.ops.resampling import (
    FILTERS,
    filter_name,
    float_filter,
    mode_of,
    mode_of_tensors,
    pass_order,
    tensor_filter,
)

__all__ = ["RESIZE", "method_of", "resized", "tensor_resized"]

_SAYS = "{whose} own arithmetic, only for the pixels that are used"
_RESAMPLE = {
    mode: Image.Resampling[mode.name] for mode in InterpolationMode if mode.name in Image.Resampling.__members__
}


def method_of(building: Building, transform: Any, lengths: list[int]) -> tuple[str, str]:
    """Return the native names of a transform's filter and arithmetic.

    Args:
        building: The pipeline.
        transform: It makes new pixels.
        lengths: All that it says about the size of its output.
    """
    version = 2 if type(transform) in (v2.Resize, v2.RandomResizedCrop) else 1
    mode = mode_of(transform.interpolation, strings=version == 2)
    if building.is_of_numbers:
        name = float_filter(mode, transform.antialias, version=version)
        building.change_numbers()
        return name, "floats"
    if building.is_tensor:
        building.change_values()
        if max(lengths) == 1:
            raise Opaque("torch fails to make one pixel of some tensors")
        # The first generation makes planes of interleaved channels, by the very same step.
        building.is_laid &= version == 2
        return tensor_filter(mode, transform.antialias, version=version), "torch"
    if transform.antialias is False:
        raise Opaque("it warns at each call: antialias=False is ignored for Pillow images")
    name = filter_name(mode)
    order = pass_order(name)
    if order is None:
        raise Opaque(f"the installed Pillow's {name} filter gives other pixels")
    building.change_values()
    return name, order


def _lower(building: Building, transform: Any) -> _native.Op:
    longest = transform.max_size
    if longest is not None and integer_of(longest, "its max_size") < 0:
        raise Opaque("its max_size is negative")
    if transform.size is None:
        if type(transform) is not v2.Resize or longest is None:
            raise ValueError("neither size nor max_size")
        return _native.Op("resize", "long", longest, *method_of(building, transform, [longest]))
    lengths = lengths_of(transform.size)
    method = method_of(building, transform, lengths)
    if len(lengths) == 1:
        if longest is not None and longest <= lengths[0]:
            raise ValueError("max_size is not greater than size")
        return _native.Op("resize", "short", lengths[0], longest, *method)
    if longest is not None:
        raise ValueError("max_size goes with one length only")
    return _native.Op("resize", "exact", lengths, *method)


def resized(trace: Trace, size: Any, resample: Any = None, box: Any = None, reducing_gap: Any = None) -> Trace | None:
    """Resize a recording image to (width, height) as Pillow does."""
    if not hasattr(size, "__getitem__"):
        raise TypeError
    width, height = size
    resample = Image.Resampling.BICUBIC if resample is None else resample
    if type(width) is not int or type(height) is not int or not isinstance(resample, int):
        raise TypeError
    if not (0 < width < 1 << 24 and 0 < height < 1 << 24):
        raise ValueError
    if reducing_gap is not None or not (box is None or (isinstance(box, tuple) and box == (0, 0, *_size(trace)))):
        raise NotImplementedError
    # Raises where there is no such filter.
    name = Image.Resampling(resample).name.lower()
    if trace.mode == "P":
        name = "nearest"
    if (width, height) == _size(trace):
        return trace
    if name not in FILTERS or (order := pass_order(name)) is None:
        raise NotImplementedError
    return trace.then("resize", height, width, name, order, size=(width, height))


def _size(trace: Trace) -> tuple[int, int]:
    return trace.width, trace.height


def _crop_resized(  # noqa: PLR0917 - torchvision's own
    trace: Trace,
    top: int,
    left: int,
    height: int,
    width: int,
    size: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    antialias: Any = True,
) -> Trace | None:
    """Record `functional.resized_crop` of an image; the way through torchvision's functions takes 30 us more."""
    resample = _RESAMPLE.get(interpolation)
    if antialias is False or type(size) not in (tuple, list) or len(size) != 2 or resample is None:
        raise NotImplementedError
    part = cropped(trace, (left, top, left + width, top + height))
    return None if part is None else resized(part, (size[1], size[0]), resample)


def tensor_resized(
    trace: Trace,
    size: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    max_size: Any = None,
    antialias: Any = True,
) -> tuple[Trace, Literal["kept", "in order"]] | None:
    """Resize a recording tensor of bytes as torchvision's second generation does."""
    mode = mode_of(interpolation, strings=True)
    name = tensor_filter(mode, True if mode is InterpolationMode.NEAREST else antialias, version=2)
    if max_size is not None and (type(max_size) is not int or (not isinstance(size, int) and len(size) != 1)):
        raise ValueError
    height, width = compute_resized_output_size((trace.height, trace.width), size=size, max_size=max_size)
    # How a result with one row or column lies in memory is decided by more than its chain.
    if (width, height) == _size(trace) or not all(
        type(length) is int and 1 < length < 1 << 24 for length in (height, width)
    ):
        return None
    return trace.then("resize", height, width, name, "torch", size=(width, height)), "kept"


def _tensor_crop_resized(  # noqa: PLR0917 - torchvision's own
    trace: Trace,
    top: Any,
    left: Any,
    height: Any,
    width: Any,
    size: Any,
    interpolation: Any = InterpolationMode.BILINEAR,
    antialias: Any = True,
) -> tuple[Trace, Literal["kept", "in order"]] | None:
    inside = 0 <= top < top + height <= trace.height and 0 <= left < left + width <= trace.width
    if not all(type(value) is int for value in (top, left, height, width)) or not inside or height == 1 or width == 1:
        return None
    part = trace.then("crop", top, left, height, width, size=(width, height))
    result = tensor_resized(part, size, interpolation, None, antialias)
    # What was cropped out of wider rows does not lie as an image does; what was not keeps its layout.
    return result if result is None or width == trace.width else (result[0], "in order")


def _replay(image: Any, height: int, width: int, name: str, arithmetic: str) -> Any:
    if arithmetic != "torch":
        return image.resize((width, height), Image.Resampling[name.upper()])
    mode = mode_of_tensors(name)
    return F.to_pil_image(F2.resize(F.pil_to_tensor(image), [height, width], interpolation=mode, antialias=True))


def _replay_floats(image: Any, height: int, width: int, name: str) -> Any:
    return F.resize(image, [height, width], mode_of_tensors(name), antialias=True)


def _examples() -> Iterator[Any]:
    for kind in (v1.Resize, v2.Resize):
        yield kind(20)
        yield kind((18, 31), InterpolationMode.BICUBIC)
        yield kind(15, InterpolationMode.NEAREST, max_size=40)


RESIZE = Operation(
    name="resize",
    refuses=True,
    says=_SAYS,
    transforms={v1.Resize: _lower, v2.Resize: _lower},
    functions=((F, "resize"), (F2, "resize")),
    replays={"resize": _replay, "resize_floats": _replay_floats},
    methods={"resize": resized},
    calls={(F, "resized_crop"): _crop_resized},
    moves=True,
    kernels={F2.resize: tensor_resized, F2.resized_crop: _tensor_crop_resized},
    stacked=frozenset((F2.resize,)),
    examples=_examples,
)
