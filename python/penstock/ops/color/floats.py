"""Colour of tensors of float32: whose arithmetic it has here, which the installed torch is asked by small images."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

from penstock import _native, agreement
from penstock.ops.arithmetic import LIBRARIES, float_rendered, float_table, noise
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building
from penstock.ops.parameters import library_of

__all__ = ["float_arithmetic", "float_replays"]

# What each step is called by, what with, and its own operands after those, where `...` is the arithmetic's name.
_STEPS: Mapping[str, tuple[str, Sequence[float], Sequence[Any]]] = {
    "brightness_floats": ("adjust_brightness", (0.0, 0.37, 1.0, 1.9), ()),
    "contrast_floats": ("adjust_contrast", (0.0, 0.37, 1.0, 1.9), (1,)),
    "saturation_floats": ("adjust_saturation", (0.0, 0.37, 1.0, 1.9), (...,)),
    "hue_floats": ("adjust_hue", (-0.5, -0.11, 0.0, 0.03, 0.38), (...,)),
    "gray_floats": ("rgb_to_grayscale", (), (...,)),
    "invert_floats": ("invert", (), ()),
    "solarize_floats": ("solarize", (0.0, 0.4, 0.5, 1.0), ()),
}
_WHOLE = {"rgb_to_grayscale": (3,)}


def float_arithmetic(building: Building, transform: Any, *steps: str) -> str:
    """Return the native name of the arithmetic of some steps, all of which have the same.

    Raises:
        Opaque: If they have not, or it is not known.
    """
    library = library_of(building, transform)
    if library == "torch2" and "contrast_floats" in steps:
        raise Opaque("no native form of contrast on tensors of float32 by the second generation")
    if building.channels != 3 and building.is_cut and "contrast_floats" in steps:
        raise Opaque("no native form of contrast on gray tensors of float32 that are part of others")
    names = {_arithmetic_of(step, library) for step in steps}
    if None in names or len(names) != 1:
        raise Opaque("the installed torch changes colours of float32 tensors to other numbers")
    name: str = names.pop() or ""
    if "contrast_floats" in steps and not _order_agrees(building.threads):
        raise Opaque("the installed torch adds gray values up in an order that is not known")
    return name


@agreement.probe(
    "torch changes colours of float32 to the known numbers",
    "colour of tensors of float32",
    state=("torch's modes", "the default device", "threads"),
    otherwise=None,
    examples=[
        (step, library)
        for library in ("torch1", "torch2")
        for step in _STEPS
        if (step, library) != ("contrast_floats", "torch2")
    ],
)
def _arithmetic_of(step: str, library: str) -> str | None:
    """Return the native name of the arithmetic by which a step gives torch's numbers; None if none does."""
    function, factors, operands = _STEPS[step]
    call = getattr(F2 if library == "torch2" else F, function)
    pixels = noise()
    cases: list[tuple[float, ...]] = [(factor,) for factor in factors] or [()]
    last = float_table()[torch.from_numpy(pixels).long()].permute(2, 0, 1)
    given = (last, last.contiguous(), torch.nn.functional.pad(last, [2, 3])[..., 2:-3])
    expected = [[call(image, *case, *_WHOLE.get(function, ())) for image in given] for case in cases]
    for name in LIBRARIES[library]:
        made = [
            float_rendered(pixels, _native.step(step, *case, *(name if each is ... else each for each in operands)))
            for case in cases
        ]
        if all(torch.equal(ours, each) for ours, theirs in zip(made, expected, strict=True) for each in theirs):
            return name
    return None


@agreement.probe(
    "torch adds numbers in the known order",
    "contrast of tensors of float32",
    state=("threads", "deterministic algorithms"),
    otherwise=False,
    examples=[(1,)],
)
def _order_agrees(threads: int) -> bool:
    """Whether torch, with so many threads, makes the mean of an image's luminance in the known order.

    If it has one, nothing is asked that would start others.
    """
    pixels = noise()
    if threads > 1:
        if torch.get_num_threads() != threads:
            raise agreement.NotNowError("torch has another number of threads")
        pixels = np.tile(pixels, (9, 5, 1))
    last = float_table()[torch.from_numpy(pixels).long()].permute(2, 0, 1)
    ours = float_rendered(pixels, _native.step("contrast_floats", 0.37, threads))
    return all(torch.equal(F.adjust_contrast(image, 0.37), ours) for image in (last, last.contiguous()))


def _replay(step: str) -> Any:
    function, factors, operands = _STEPS[step]

    def replay(image: Any, *given: Any) -> Any:
        is_second = ... in operands and given[-1] != "torch1"
        call = getattr(F2 if is_second else F, function)
        return call(image, *given[: bool(factors)], *_WHOLE.get(function, ()))

    return replay


def float_replays(*steps: str) -> dict[str, Any]:
    """Return how torch itself takes some steps."""
    return {step: _replay(step) for step in steps}
