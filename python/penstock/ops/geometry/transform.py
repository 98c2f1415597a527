"""`Image.transform`, by the functions of coordinates that are known."""

from typing import Any

from PIL import Image

from penstock.ops.geometry.affine import transformed
from penstock.ops.geometry.canvas import INTERPOLATIONS
from penstock.ops.geometry.perspective import seen_from
from penstock.ops.operation import Operation, Trace

__all__ = ["TRANSFORM"]

_NAMES = {filter_: name for name, filter_ in INTERPOLATIONS.items()}
_BY_METHOD = {Image.Transform.AFFINE: transformed, Image.Transform.PERSPECTIVE: seen_from}


def _transformed(  # noqa: PLR0917 - Pillow's own
    trace: Trace,
    size: Any,
    method: Any,
    data: Any = None,
    resample: Any = Image.Resampling.NEAREST,
    fill: Any = 1,
    fillcolor: Any = None,
) -> Trace | None:
    # Of what is known here nothing depends on `fill`, which is a number none the less.
    if not all(isinstance(number, int) for number in (method, resample, fill)) or abs(fill) >= 1 << 31 or data is None:
        raise TypeError
    if not isinstance(size, tuple) or any(type(length) is not int or length < 1 for length in size):
        raise TypeError
    records = _BY_METHOD[Image.Transform(method)]
    name = _NAMES[Image.Resampling(resample)]
    if trace.mode != "P":
        return records(trace, size, data, name, fillcolor)
    if not (fillcolor is None or isinstance(fillcolor, int)):
        return None  # a colour, which Pillow may add to those that there are
    transformed = records(trace, size, data, "nearest", fillcolor)
    return None if transformed is None else transformed.recolored(_as_by_transform)


def _as_by_transform(image: Any) -> Any:
    return image.transform(image.size, Image.Transform.AFFINE, (1, 0, 0, 0, 1, 0))


TRANSFORM = Operation(name="transform", methods={"transform": _transformed}, moves=True)
