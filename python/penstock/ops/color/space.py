"""Pillow's conversions of colours to other spaces, and back: modes "YCbCr" and "HSV"."""

from typing import Any

from PIL import Image

from penstock import agreement
from penstock.ops.arithmetic import pillow_agrees
from penstock.ops.color.channel import channel
from penstock.ops.operation import Operation, Trace

__all__ = ["SPACE", "in_space"]

# The native name of each conversion, by the two modes.
_CONVERSIONS = {
    ("RGB", "YCbCr"): "ycbcr",
    ("YCbCr", "RGB"): "rgb_of_ycbcr",
    ("RGB", "HSV"): "hsv",
    ("HSV", "RGB"): "rgb_of_hsv",
}
_MODES = {name: modes for modes, name in _CONVERSIONS.items()}


@agreement.probe(
    "Pillow converts colours to the known ones",
    "images in other colour spaces",
    otherwise=False,
    examples=[(name,) for name in _MODES],
    repeats=agreement.always,
)
def _agrees(name: str) -> bool:
    return pillow_agrees("space", (name,), _replay)


def in_space(trace: Trace, mode: str) -> Trace | None:
    """Record that an image is converted to a mode; None if that is Pillow's to make."""
    if (trace.mode, mode) == ("YCbCr", "L"):
        return channel(trace, 0)
    name = _CONVERSIONS.get((trace.mode, mode))
    return trace.then("space", name).convert(mode) if name is not None and _agrees(name) else None


def _replay(image: Any, name: str) -> Any:
    before, after = _MODES[name]
    return (image if image.mode == before else Image.frombytes(before, image.size, image.tobytes())).convert(after)


SPACE = Operation(name="colour space", replays={"space": _replay})
