"""torchvision's Gaussian blur: a convolution of torch's, of Pillow's images too."""

import functools
from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
import torch
import torchvision.transforms as v1
from torch.nn.functional import conv2d, pad
from torchvision.transforms import functional as F
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F2

from penstock import _native, agreement
from penstock.compat.torchvision import GAUSSIAN_WEIGHTS, tensor_functional
from penstock.ops import refuse
from penstock.ops.arithmetic import float_rendered, float_table, noise, rendered
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, Operation, Trace
from penstock.ops.parameters import factor_of, generation_of, integer_of, numbers_of
from penstock.ops.uniform import rounding_of
from penstock.process_state import as_in_worker

__all__ = ["TORCH_BLUR"]

_KINDS = (v1.GaussianBlur, v2.GaussianBlur)
_FUNCTIONS = {"v1": F.gaussian_blur, "v2": F2.gaussian_blur}
# Weights along rows and down columns.
_SIDES = ((3, 3), (5, 5), (9, 3), (23, 23))
# Of one channel, torch convolves what is no larger in a way of its own.
_LEAST_SIDE, _LEAST_VALUES = 5, 20481
# More than are found in any recipe.
_MOST_SIDE = 255


@agreement.probe(
    "torch convolves to the known sums",
    "torchvision's Gaussian blur",
    otherwise=False,
    state=("threads", "autocast", "mkldnn"),
)
def _agrees() -> bool:
    """Whether torch adds up in the known order; sums that lie half way between two bytes tell."""
    pixels = noise()
    large = np.tile(pixels, (3, 2, 1))
    for sides in _SIDES:
        weights = _halves(*sides)
        image, ours = torch.from_numpy(pixels).permute(2, 0, 1), _rendered(pixels, *weights)
        cases = [(image, ours), (image.contiguous(), ours)]
        if min(sides) < _LEAST_SIDE:
            cases.append((torch.from_numpy(large).permute(2, 0, 1)[:1], _rendered(large, *weights)[:1]))
        else:
            cases.append((image[:1], ours[:1]))
        if not all(torch.equal(_convolved(image, *weights), ours) for image, ours in cases):
            return False
    return True


@agreement.probe(
    "torch blurs tensors of float32 to the known numbers",
    "torchvision's Gaussian blur of tensors of float32",
    otherwise=False,
    state=("threads", "autocast", "mkldnn"),
    examples=[(generation,) for generation in _FUNCTIONS],
)
def _agrees_of_floats(generation: str) -> bool:
    """Whether torch adds up in the known order where nothing is rounded to bytes afterwards."""
    pixels = noise()
    last = float_table()[torch.from_numpy(pixels).long()].permute(2, 0, 1)
    # Crops have gaps between their rows.
    layouts = (last, last.contiguous(), torch.nn.functional.pad(last, [2, 3])[..., 2:-3])
    for sides in _SIDES:
        for deviation in (0.4, 3.0):
            weights = [_weights(generation, side, deviation) for side in sides]
            ours = float_rendered(
                pixels, _native.step("convolution_floats", sides[0], weights[0], sides[1], weights[1])
            )
            cases = [(image, ours) for image in layouts]
            if min(sides) >= _LEAST_SIDE:
                cases += [(image[:1], ours[:1]) for image in layouts]
            for image, expected in cases:
                if not torch.equal(_FUNCTIONS[generation](image, list(sides), [deviation] * 2), expected):
                    return False
    return True


def _halves(across: int, down: int) -> tuple[list[float], list[float]]:
    """Return weights by which many sums of bytes would be half of an odd number if nothing were rounded."""
    scale = 2.0 ** (across * down).bit_length()
    return [1 / scale] * across, [float(np.float32(scale / (across * down + 1)))] * down


def _convolved(image: Any, across: list[float], down: list[float]) -> torch.Tensor:
    return _sums(image, across, down).round().byte()


def _sums(image: Any, across: list[float], down: list[float]) -> torch.Tensor:
    rows, columns = (torch.tensor(of, dtype=torch.float32, device="cpu") for of in (across, down))
    weights = columns[:, None] * rows
    padding = [len(across) // 2] * 2 + [len(down) // 2] * 2
    padded = pad(image[None].to(torch.float32), padding, mode="reflect")
    return conv2d(padded, weights.expand(len(image), 1, *weights.shape), groups=len(image))[0]


def _rendered(pixels: Any, across: list[float], down: list[float]) -> torch.Tensor:
    step = _native.step("convolution", len(across), across, len(down), down)
    return torch.from_numpy(rendered(pixels, [step])).permute(2, 0, 1)


def _is_ordinary() -> bool:
    """Whether nothing is set by which torch would convolve otherwise."""
    precision = getattr(getattr(torch.backends.mkldnn, "conv", None), "fp32_precision", "none")
    general = getattr(torch.backends, "fp32_precision", "none")
    is_exact = {precision, general} <= {"none", "ieee"}
    return bool(is_exact and torch.backends.mkldnn.enabled) and not torch.is_autocast_enabled("cpu")


def _is_known(channels: int, size: tuple[int, int], sides: tuple[int, int]) -> bool:
    """Whether torch blurs an image of that (width, height), and adds up in the known order."""
    across, down = (side // 2 for side in sides)
    (width, height) = size
    values = (width + 2 * across) * (height + 2 * down)
    return across < width and down < height and (channels == 3 or min(sides) >= _LEAST_SIDE or values >= _LEAST_VALUES)


@functools.lru_cache(maxsize=1024)
def _weights(generation: str, side: int, sigma: float) -> list[float]:
    with as_in_worker():
        weights: list[float] = GAUSSIAN_WEIGHTS[generation](side, sigma, torch.float32, torch.device("cpu")).tolist()
    return weights


def _drawn(transform: Any, template: Any, height: float, width: float, sigma: float) -> list[float]:
    """Return the weights of a drawn deviation, along rows and down columns; none where torch raises."""
    generation, (across, down) = generation_of(transform), transform.kernel_size
    if across // 2 >= width or down // 2 >= height:
        try:
            _FUNCTIONS[generation](refuse.blank(template, int(height), int(width)), [across, down], [sigma, sigma])
        except Exception as error:  # torchvision's own
            refuse.note(error)
        return []
    return [*_weights(generation, across, sigma), *_weights(generation, down, sigma)]


def _lower(building: Building, transform: Any) -> _native.Op:
    sides = [integer_of(side, "its kernel_size") for side in transform.kernel_size]
    sigma = numbers_of(transform.sigma, "sigma", (2,))
    if (
        len(sides) != 2
        or not all(0 < side <= _MOST_SIDE and side % 2 for side in sides)
        or not 0 < sigma[0] <= sigma[1]
    ):
        raise Opaque(f"its kernel_size is {transform.kernel_size!r}, its sigma {transform.sigma!r}")
    if building.channels == 1 and min(sides) < _LEAST_SIDE:
        raise Opaque("torch adds up in another order for one channel and few weights")
    if not _is_ordinary() or not _agrees():
        raise Opaque("the installed torch convolves in an order that is not known")
    floats = building.is_of_numbers
    if not floats:
        building.change_values()
    elif not _agrees_of_floats(generation_of(transform)):
        raise Opaque("the installed torch blurs tensors of float32 in an order that is not known")
    else:
        building.change_numbers()
    weights = functools.partial(_drawn, transform, building.strip)
    return _native.Op("random_gaussian_blur", rounding_of(), sigma, sides[0], weights, floats)


def _blurred(generation: str, trace: Trace, kernel_size: Any, sigma: Any = None) -> Trace | None:
    sides = (kernel_size, kernel_size) if type(kernel_size) is int else tuple(kernel_size)
    if len(sides) != 2 or not all(type(side) is int and 0 < side <= _MOST_SIDE and side % 2 for side in sides):
        raise ValueError
    if sigma is None:
        sigma = [0.15 * side + 0.35 for side in sides]
    deviations = (sigma,) if isinstance(sigma, (int, float)) else tuple(sigma)
    deviations = deviations * 2 if len(deviations) == 1 else deviations
    if len(deviations) != 2 or not all(factor_of(deviation) > 0 for deviation in deviations):
        raise ValueError
    if not _is_known(len(trace.mode), (trace.width, trace.height), sides) or not _is_ordinary() or not _agrees():
        return None
    operands = []
    for side, deviation in zip(sides, deviations, strict=True):
        operands += [side, *_weights(generation, side, float(deviation))]
    return trace.then("convolution", *operands)


def _image_blurred(generation: str, *arguments: Any, **options: Any) -> Trace | None:
    blurred = _blurred(generation, *arguments, **options)
    return None if blurred is None else blurred.of_array()


def _tensor_blurred(generation: str, *arguments: Any, **options: Any) -> tuple[Trace, Literal["asked"]] | None:
    blurred = _blurred(generation, *arguments, **options)
    return None if blurred is None else (blurred, "asked")


def _first_blurred(trace: Trace, kernel_size: Any, sigma: Any) -> tuple[Trace, Literal["asked"]] | None:
    """Record what the first generation's function makes numbers of before it comes to tensors."""
    if not all(isinstance(pair, (list, tuple)) and len(pair) == 2 for pair in (kernel_size, sigma)):
        raise TypeError
    return _tensor_blurred("v1", trace, kernel_size, sigma)


def _replay(image: Any, across: int, *operands: float) -> Any:
    made = _convolved(F.pil_to_tensor(image), list(operands[:across]), list(operands[across + 1 :]))
    return F.to_pil_image(made, mode=image.mode)


def _replay_floats(image: Any, across: int, *operands: float) -> Any:
    return _sums(image, list(operands[:across]), list(operands[across + 1 :]))


def _examples() -> Iterator[Any]:
    for kind in _KINDS:
        yield kind(5)
        yield kind((7, 9), sigma=(0.4, 9.0))
        yield kind(23, sigma=3)


TORCH_BLUR = Operation(
    name="torchvision's Gaussian blur",
    says="torch's own arithmetic, only for the pixels that are used",
    transforms=dict.fromkeys(_KINDS, _lower),
    random=frozenset(_KINDS),
    functions=((F, "gaussian_blur"), (F2, "gaussian_blur")),
    replays={"convolution": _replay, "convolution_floats": _replay_floats},
    calls={(F, "gaussian_blur"): functools.partial(_image_blurred, "v1")},
    image_kernels={F2.gaussian_blur: functools.partial(_image_blurred, "v2")},
    tensor_calls={(tensor_functional, "gaussian_blur"): _first_blurred},
    kernels={F2.gaussian_blur: functools.partial(_tensor_blurred, "v2")},
    examples=_examples,
)
