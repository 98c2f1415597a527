"""Tensors of bytes that are looked at from elsewhere: torch's grid of places, and what lies at each.

torch multiplies the grid by a matrix in single precision, and the library that does it rounds once or twice for each
addition. Which one it is decides where a place lies half way between two pixels, so it is asked by matrices of which
many places lie there. Between pixels, and by perspectives, it decides the last bit of weights, so there it is asked
by sums of which many are near to half of an odd number.
"""

import functools
import math
from collections.abc import Callable, Iterator
from typing import Any, Literal

import torch
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

from penstock import _native, agreement
from penstock.compat.torchvision import (
    AFFINE_GRIDS,
    APPLY_GRIDS,
    INVERSE_MATRICES,
    perspective_coefficients,
    tensor_functional,
)
from penstock.ops.arithmetic import agreeing, float_rendered, float_table, noise
from penstock.ops.geometry.canvas import Sampling, fill_of
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, Trace
from penstock.ops.parameters import floats_of, generation_of, numbers_of
from penstock.ops.resampling import mode_of

__all__ = [
    "RecordedTensor",
    "center_of",
    "change_pixels",
    "gridded",
    "looked_at",
    "places_of",
    "replay",
    "replay_sampled",
    "replay_sampled_floats",
    "sampling_of_tensors",
]

RecordedTensor = tuple[Trace, Literal["asked"]] | None
_AFFINE = {"v1": F.affine, "v2": F2.affine}
_PERSPECTIVE = {"v1": F.perspective, "v2": F2.perspective}
_MODES = {"nearest": InterpolationMode.NEAREST, "bilinear": InterpolationMode.BILINEAR}
# A scale and the shear along rows, as a tangent.
_TIES = ((10.0, 3.0), (2.5, 0.25), (0.8, 0.0), (4.0, -1.75))
# An angle, a scale and a shear along rows, in degrees, by which places lie anywhere between pixels.
_BETWEEN = ((17.0, 1.1, 3.0), (-101.0, 0.7, 20.0), (0.0, 2.0, 0.0), (0.0, 0.5, 45.0))
# Where the corners of an image go.
_CORNERS = (
    ((11, 7), (46, 9), (61, 46), (3, 52)),
    ((0, 0), (66, 5), (50, 60), (9, 49)),
    ((1, 1), (65, 1), (65, 59), (1, 59)),
)
_FILLS: tuple[Any, ...] = (None, 0, [77.3])
_SIZE = 61, 67
_MOST_BYTE = 255


@agreement.probe(
    "torch looks at the known pixels from elsewhere",
    "rotations and affine transforms of tensors",
    otherwise=None,
    state=("threads", "autocast", "the precision of products of matrices"),
    examples=[("v1",), ("v2",)],
)
def _places(generation: str) -> str | None:
    def calls() -> Iterator[tuple[tuple[float, ...], Any]]:
        for scale, tangent in _TIES:
            shear = [math.degrees(math.atan(tangent)), 0.0]
            matrix = INVERSE_MATRICES[generation]([0.0, 0.0], 0.0, [0.0, 0.0], scale, shear)
            yield tuple(matrix), _calling(generation, scale, shear)

    def made(places: str, *matrix: float) -> bytes:
        return _native.step("affine_grid", *matrix, places, *_SIZE, "nearest", 0, 0, 0)

    return agreeing(("rounded", "fused"), generation, made, calls())


def _calling(generation: str, scale: float, shear: list[float]) -> Any:
    return lambda image: _AFFINE[generation](image, 0.0, [0, 0], scale, shear)


@agreement.probe(
    "torch samples tensors to the known pixels",
    "perspectives of tensors, and transforms of them between pixels",
    otherwise=False,
    state=("threads", "autocast", "the precision of products of matrices"),
    examples=[(generation, name, False) for generation in _AFFINE for name in _MODES]
    + [(generation, name, True) for generation in _AFFINE for name in _MODES],
)
def _samples(generation: str, name: str, perspective: bool) -> bool:
    places, mode = _places(generation), _MODES[name]
    if places is None:
        return False
    cases: list[tuple[tuple[Any, ...], Callable[[Any], Any]]] = []
    height, width = _SIZE
    start = [[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]]
    for fill in _FILLS:
        if perspective:
            function: Any = _PERSPECTIVE[generation]
            for corners in _CORNERS:
                end = [[*corner] for corner in corners]
                call = functools.partial(function, startpoints=start, endpoints=end, interpolation=mode, fill=fill)
                cases.append(((perspective_coefficients(start, end), fill), call))
        else:
            function = _AFFINE[generation]
            for angle, scale, shear in _BETWEEN:
                matrix = INVERSE_MATRICES[generation]([0.0, 0.0], angle, [3.0, -2.0], scale, [shear, 0.0])
                arguments = {"translate": [3, -2], "scale": scale, "shear": [shear, 0.0]}
                call = functools.partial(function, angle=angle, interpolation=mode, fill=fill, **arguments)
                cases.append(((matrix, fill), call))

    def made(_: str, matrix: Any, fill: Any) -> bytes:
        filled = _filled(fill, 3)
        return _step(matrix, generation, places, name, (width, height), filled)

    return agreeing((generation,), generation, made, cases) is not None


@agreement.probe(
    "torch samples tensors of float32 to the known numbers",
    "rotations and affine transforms of tensors of float32",
    otherwise=False,
    state=("threads", "autocast", "the precision of products of matrices"),
    examples=[(generation, name) for generation in _AFFINE for name in _MODES],
)
def _samples_floats(generation: str, name: str) -> bool:
    places, mode = _places(generation), _MODES[name]
    if places is None:
        return False
    pixels, (height, width) = noise(), _SIZE
    last = float_table()[torch.from_numpy(pixels).long()].permute(2, 0, 1)
    arguments = [(angle, [3, -2], scale, [shear, 0.0]) for angle, scale, shear in _BETWEEN]
    arguments += [(0.0, [0, 0], scale, [math.degrees(math.atan(tangent)), 0.0]) for scale, tangent in _TIES]
    for angle, shift, scale, shear in arguments:
        matrix = INVERSE_MATRICES[generation]([0.0, 0.0], angle, [float(each) for each in shift], scale, shear)
        for fill in (None, 0, [0.3]):
            operands = _operands(matrix, generation, places, name, (width, height), _filled(fill, 3))
            ours = float_rendered(pixels, _native.step("sampled_floats", *operands))
            for image in (last, last.contiguous()):
                call = functools.partial(_AFFINE[generation], interpolation=mode, fill=fill)
                if not torch.equal(call(image, angle, shift, scale, shear), ours):
                    return False
    return True


def _step(matrix: Any, *operands: Any) -> bytes:
    return _native.step("sampled_grid", *_operands(matrix, *operands))


def _operands(  # noqa: PLR0917 - a step's
    matrix: Any,
    generation: str,
    places: str,
    name: str,
    size: tuple[int, int],
    filled: tuple[float, ...] | None,
) -> tuple[Any, ...]:
    """Return those of a step, of six numbers of an affine transform or eight of a perspective, to (width, height)."""
    width, height = size
    numbers = [*matrix, 0.0, 0.0][:8]
    looking = generation, places, name, filled is not None, filled or (0.0, 0.0, 0.0)
    return len(matrix) == 8, numbers, height, width, looking


def _is_usual() -> bool:
    return torch.get_float32_matmul_precision() == "highest" and not torch.is_autocast_enabled("cpu")


def places_of(generation: str) -> str | None:
    """Return the native name of torch's arithmetic of places, None if it is not known or not the usual one."""
    return _places(generation) if _is_usual() else None


def sampling_of_tensors(
    building: Building, transform: Any, *, always: bool = True, perspective: bool = False
) -> Sampling:
    """Return how a transform looks at tensors; Opaque if it has no native form.

    Args:
        building: The pipeline.
        transform: torchvision's.
        always: Whether it does so with every image, so that it raises for every one if its parameters are wrong.
        perspective: Whether it is a perspective.
    """
    generation = generation_of(transform)
    fill = fill_of(building, transform)
    try:
        mode = mode_of(transform.interpolation, strings=generation == "v2")
        color = _color_of(fill, building.channels)
    except (TypeError, ValueError) as error:
        if always:
            raise
        raise Opaque(f"torchvision refuses it for some images: {error}") from None
    name = mode.value
    if name not in _MODES:
        raise Opaque(f"no native form on tensors by {name} interpolation")
    if building.is_of_numbers:
        if perspective:
            raise Opaque("no native form on tensors of float32")
        if (places := places_of(generation)) is None or not _samples_floats(generation, name):
            raise Opaque("the installed torch looks at tensors of float32 in an unknown arithmetic")
        return places, name, (0, 0, 0), _filled(fill, building.channels), True
    if color is None:
        raise Opaque(f"its fill is {fill!r}, which are no bytes")
    if (places := places_of(generation)) is None:
        raise Opaque("the installed torch looks elsewhere in an unknown arithmetic")
    if (perspective or name != "nearest") and not _samples(generation, name, perspective):
        raise Opaque("the installed torch looks between pixels in an unknown arithmetic")
    return places, name, color, _filled(fill, building.channels), False


def change_pixels(building: Building) -> None:
    """Note that new pixels are made, of bytes or of numbers."""
    if building.is_of_numbers:
        building.change_numbers()
    else:
        building.change_values()


def _color_of(fill: Any, channels: int) -> tuple[int, ...] | None:
    """Return the three bytes that torch fills a tensor with; None if it fills with anything else."""
    if fill is None:
        fill = 0
    values = [fill] if isinstance(fill, (int, float)) else [*fill]
    if len(values) not in (1, channels):
        return None
    filled = torch.tensor(floats_of(values), dtype=torch.float32, device="cpu").round()
    if not bool(((filled >= 0) & (filled <= _MOST_BYTE)).all()):
        return None
    return (*map(int, filled.tolist()),) * (3 // len(values))


def _filled(fill: Any, channels: int) -> tuple[float, ...] | None:
    """Return the three numbers that a tensor is filled with by how much of a pixel is outside, None if it is not."""
    if fill is None:
        return None
    values = floats_of([fill] if isinstance(fill, (int, float)) else fill)
    if len(values) not in (1, channels):
        raise ValueError
    return (*values,) * (3 // len(values))


def center_of(trace: Trace, center: Any) -> list[float]:
    """Return a centre, by columns and rows, as it is counted from the middle; the middle if it is None."""
    if center is None:
        return [0.0, 0.0]
    column, row = numbers_of(center, "center", (2,))
    return [column - trace.width * 0.5, row - trace.height * 0.5]


def gridded(
    trace: Trace,
    generation: str,
    matrix: Any,
    interpolation: Any,
    fill: Any,
    *,
    size: tuple[int, int] | None = None,
) -> RecordedTensor:
    """Record a call on a tensor of bytes that takes pixels from where a matrix says, to (width, height)."""
    numbers = numbers_of([*matrix], "matrix", (6,))
    size = size or (trace.width, trace.height)
    if _name_of(interpolation, generation) != "nearest":
        return looked_at(trace, generation, numbers, interpolation, fill, size)
    color = _color_of(fill, len(trace.mode))
    if color is None or (places := places_of(generation)) is None:
        return None
    return trace.then("affine_grid", *numbers, places, *size[::-1], "nearest", *color, size=size), "asked"


def looked_at(  # noqa: PLR0917 - torchvision's own
    trace: Trace, generation: str, matrix: Any, interpolation: Any, fill: Any, size: tuple[int, int]
) -> RecordedTensor:
    """Record the same, by the pixels around each place or by a perspective."""
    name = _name_of(interpolation, generation)
    if name not in _MODES or _color_of(fill, len(trace.mode)) is None or not _is_usual():
        return None
    if not _samples(generation, name, len(matrix) == 8) or (places := _places(generation)) is None:
        return None
    filled = _filled(fill, len(trace.mode))
    operands = _operands(matrix, generation, places, name, size, filled)
    return trace.then("sampled_grid", *operands, size=size), "asked"


def _name_of(interpolation: Any, generation: str) -> str | None:
    """Return the name of an interpolation; None if the function is given something else in its place."""
    if generation == "v1":
        return interpolation if type(interpolation) is str else None
    return str(mode_of(interpolation, strings=True).value)


def replay(image: Any, *operands: Any) -> Any:
    """Have torchvision make the step of the nearest pixels of a Pillow image."""
    *matrix, _, height, width, _, red, green, blue = operands
    fill = [float(byte) for byte in (red, green, blue)][: len(image.getbands())]
    return _turned(image, list(matrix), "v1", "nearest", fill, (height, width))


def replay_sampled(image: Any, *operands: Any) -> Any:
    """Have torchvision make the step of what lies between pixels, or of a perspective, of a Pillow image."""
    perspective, *matrix = operands[:9]
    height, width, generation, _, name, is_filled, *fill = operands[9:]
    channels = len(image.getbands())
    filled = fill[:channels] if is_filled else None
    if perspective:
        function: Any = _PERSPECTIVE[generation]
        tensor = F.pil_to_tensor(image)
        made = (
            tensor_functional.perspective(tensor, list(matrix), name, filled)
            if generation == "v1"
            else function(tensor, None, None, _MODES[name], filled, coefficients=list(matrix))
        )
        return F.to_pil_image(made, mode=image.mode)
    return _turned(image, list(matrix[:6]), generation, name, filled, (height, width))


def replay_sampled_floats(image: Any, *operands: Any) -> Any:
    """Have torchvision make the step of a tensor of float32."""
    matrix, (height, width, generation, _, name, is_filled, *fill) = operands[1:7], operands[9:]
    theta = torch.tensor(matrix, dtype=torch.float32, device="cpu").reshape(1, 2, 3)
    grid = AFFINE_GRIDS[generation](theta, w=image.shape[-1], h=image.shape[-2], ow=width, oh=height)
    return APPLY_GRIDS[generation](image, grid, name, fill[: image.shape[0]] if is_filled else None)


def _turned(  # noqa: PLR0917 - a step's
    image: Any, matrix: list[float], generation: str, name: str, fill: list[float] | None, size: tuple[int, int]
) -> Any:
    tensor, (height, width) = F.pil_to_tensor(image), size
    theta = torch.tensor(matrix, dtype=torch.float32, device="cpu").reshape(1, 2, 3)
    grid = AFFINE_GRIDS[generation](theta, w=image.width, h=image.height, ow=width, oh=height)
    return F.to_pil_image(APPLY_GRIDS[generation](tensor, grid, name, fill), mode=image.mode)
