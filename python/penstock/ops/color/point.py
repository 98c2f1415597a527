"""Any table of bytes: Pillow's `Image.point`."""

from typing import Any

from PIL import Image

from penstock.ops.operation import Operation, Trace

__all__ = ["POINT", "tabulated"]

_VALUES = 256
_BYTES = 4


def _looked_up(trace: Trace, lut: Any, mode: Any = None) -> Trace | None:
    # Where a mode is given, some versions of Pillow read past the end of a table.
    if isinstance(lut, Image.ImagePointHandler) or mode is not None:
        return None
    channels = len(trace.mode)
    values = [lut(value) for value in range(_VALUES)] * channels if callable(lut) else lut
    if len(values) != _VALUES * channels:
        return None
    return tabulated(trace, bytes([min(max(round(value), 0), _VALUES - 1) for value in values]))


def tabulated(trace: Trace, table: bytes) -> Trace:
    """Replace each value by that in its place of a table of 256 for each channel."""
    channels, first = len(table) // _VALUES, table[:_VALUES]
    if table == first * channels:
        table, channels = first, 1
    words = [int.from_bytes(table[start : start + _BYTES], "little") for start in range(0, len(table), _BYTES)]
    return trace.then("point", channels, words)


def _replay(image: Any, channels: int, *words: int) -> Any:
    if image.mode == "P":  # the table is that of a conversion
        return image.convert("RGB" if channels == 3 else "L")
    table = b"".join([word.to_bytes(_BYTES, "little") for word in words])
    return image.point(list(table) * (len(image.mode) // channels))


POINT = Operation(name="table", replays={"point": _replay}, methods={"point": _looked_up})
