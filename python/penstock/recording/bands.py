"""`Image.merge` of channels of one image, which records: other channels, or the same ones in another order."""

import functools
from collections.abc import Callable, Sequence
from typing import Any

from penstock import _native
from penstock.conversion import channels_of
from penstock.recording.images import Recorded, is_recorded
from penstock.recording.sources import Trace
from penstock.records import Steps

__all__ = ["merges"]

# Modes of three channels.
_MODES = ("RGB", "YCbCr", "HSV")
# A table that leaves bytes as they are.
_IDENTITY = bytes(range(256))
# Steps that look at each channel by itself: what they make of three is what they make of each.
_BY_CHANNEL = frozenset(
    (
        *("affine", "box_blur", "brightness", "crop", "flip_horizontal", "flip_vertical", "gaussian_blur", "invert"),
        *("kernel3", "kernel5", "pad", "perspective", "point", "posterize", "resize", "sharpness", "solarize", "turn"),
    )
)


def merges(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands before `Image.merge`."""

    def hook(mode: Any, bands: Any) -> Any:
        if type(mode) is str and mode in _MODES and type(bands) in (list, tuple) and len(bands) == channels_of(mode):
            trace = _merged(mode, bands) if all(type(band) is Recorded for band in bands) else None
            if trace is not None:
                for band in bands:
                    band.load()  # which is what makes one real that is kept
                if all(map(is_recorded, bands)):
                    return bands[0]._new_trace(trace)
        return function(mode, bands)

    return hook


def _merged(mode: str, bands: Sequence[Any]) -> Trace | None:
    """Return the trace of an image of these channels; None if they are not of one image."""
    traces: list[Trace] = [band._trace for band in bands]
    first = traces[0]
    if any(each.mode != "L" or each.source is not first.source for each in traces):
        return None
    if all(each.steps == first.steps for each in traces):
        return first.convert(mode)
    parts = [_parts(each.steps) for each in traces]
    if any(part is None or part[0] != parts[0][0] for part in parts):  # type: ignore[index]
        return None
    before, _, _ = parts[0]  # type: ignore[misc]
    numbers = tuple(part[1] for part in parts)  # type: ignore[index]
    later = _together([part[2] for part in parts])  # type: ignore[index]
    if later is None or any(each.width != first.width or each.height != first.height for each in traces):
        return None
    order = () if numbers == (0, 1, 2) else (_native.step("permute", *numbers),)
    return Trace(first.source, mode, (first.width, first.height), (*before, *order, *later))


@functools.lru_cache(1 << 8)
def _parts(steps: Steps) -> tuple[Steps, int, Steps] | None:
    """Return the steps before a channel was taken, its number, and the steps after that, all of which go by channel."""
    for place in range(len(steps) - 1, -1, -1):
        name, operands = _native.operands_of(steps[place])
        if name == "channel":
            return steps[:place], int(operands[0]), steps[place + 1 :]
        if name not in _BY_CHANNEL:
            return None
    return None


def _together(parts: Sequence[Steps]) -> Steps | None:
    """Return the steps that do to three channels what these do to each; None if there are none.

    Tables may differ, and there may be more of them in one channel than in another.
    """
    runs = [_runs(steps) for steps in parts]
    if any(others != runs[0][1] for _, others in runs):
        return None
    made: list[bytes] = []
    for place, tables in enumerate(zip(*(tables for tables, _ in runs), strict=True)):
        if any(table != _IDENTITY for table in tables):
            is_one = len({*tables}) == 1
            content = tables[0] if is_one else b"".join(tables)
            words = [int.from_bytes(content[at : at + 4], "little") for at in range(0, len(content), 4)]
            made.append(_native.step("point", 1 if is_one else len(tables), words))
        made += runs[0][1][place : place + 1]
    return tuple(made)


@functools.lru_cache(1 << 8)
def _runs(steps: Steps) -> tuple[tuple[bytes, ...], Steps]:
    """Return the steps that are no tables, and the table before each of them and after the last one."""
    tables, others = [_IDENTITY], []
    for step in steps:
        name, operands = _native.operands_of(step)
        if name == "point":
            words: Any = operands[1:]
            tables[-1] = tables[-1].translate(b"".join([word.to_bytes(4, "little") for word in words]))
        else:
            others.append(step)
            tables.append(_IDENTITY)
    return tuple(tables), tuple(others)
