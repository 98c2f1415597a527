"""timm's classes of transforms, by name, and whether the installed ones do what is known of them.

timm is imported by the program, before or after this package, or never. So its classes are known by their names, and
whether a class is timm's own is asked when a transform of it is met. Which version of timm it is does not matter: a
class is asked, once, to make a few images, in a copy that draws from a generator of ours, and what it makes, and how
far it has drawn, is compared with the native operation.
"""

import random
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, cast

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import InterpolationMode

from penstock import _native, agreement, memory
from penstock.ops.opaque import Opaque
from penstock.ops.operation import Building, Lowering
from penstock.ops.resampling import filter_name, mode_of, pass_order

__all__ = ["FUNCTIONS", "if_known", "manners_of", "named", "of_images"]

# Values of a byte.
_CODES = 256
_MODULE = "timm.data.transforms"
# What its transforms look up each time they are called.
FUNCTIONS = (
    *(("random", name) for name in ("choice", "randint", "random", "uniform")),
    *(("math", name) for name in ("copysign", "exp", "log", "sqrt")),
    *((_MODULE, name) for name in ("F", "math", "random", "center_crop_or_pad", "crop_or_pad")),
    *(("torchvision.transforms.functional", name) for name in ("get_dimensions", "get_image_size")),
)
# (height, width) of images: high, wide, small, and of a pixel or two.
_SIZES = ((61, 47), (40, 40), (23, 91), (90, 17), (7, 5), (1, 2))


def named(name: str, lower: Lowering) -> dict[str, Lowering]:
    """Return what lowers transforms of a class, by its module and name."""
    return {f"{_MODULE}.{name}": lower}


def of_images(building: Building) -> None:
    """Raise `Opaque` unless a transform is given images of Pillow's."""
    if building.is_tensor:
        raise Opaque("no native form on tensors")


def manners_of(building: Building, interpolation: Any) -> list[tuple[str, str]]:
    """Return the native names of the filters and arithmetic of which a transform draws one."""
    several = isinstance(interpolation, (tuple, list))
    modes = list(interpolation) if several else [interpolation]
    if several and len(modes) < 2:
        raise Opaque(f"its interpolation is {interpolation!r}")
    manners = []
    for mode in modes:
        name = filter_name(mode_of(mode, strings=False))
        if mode is InterpolationMode.NEAREST_EXACT or (order := pass_order(name)) is None:
            raise Opaque(f"the installed Pillow's {name} filter gives other pixels")
        manners.append((name, order))
    building.change_values()
    return manners


def if_known(question: str, guards: str, options: Iterable[Mapping[str, Any]]) -> Callable[[Lowering], Lowering]:
    """Return what makes a lowering one that refuses a class which makes, or draws, something else.

    Args:
        question: To the installed timm, as people are told.
        guards: What is done natively if it is answered well.
        options: To make transforms of the class.
    """

    def guarded(lower: Lowering) -> Lowering:
        @agreement.probe(question, guards, otherwise=False, examples=())
        def is_known(kind: type) -> bool:
            return _is_known(kind, lower, options)

        def lower_known(building: Building, transform: Any) -> _native.Op | None:
            if not is_known(type(transform)):
                raise Opaque("the installed timm's draws other numbers, or makes other pixels")
            return lower(building, transform)

        return lower_known

    return guarded


def _is_known(kind: type, lower: Lowering, options: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a class makes of images what it is known to make, and draws as many numbers.

    Args:
        kind: The class.
        lower: What lowers its transforms.
        options: To make transforms of it.
    """
    for seed, given in enumerate(options):
        theirs = random.Random(seed)  # noqa: S311 - the one that transforms draw from
        transform, building = _drawing_from(kind, theirs)(**given), _Asking()
        op: Any = lower(cast("Building", building), transform)
        plan = _native.Plan([op], b"".join(building.tables()), 3, 1, None, b"")
        ours = _native.Generator(seed)
        ours.load_python(theirs.getstate()[1])
        for size in _SIZES:
            pixels = np.random.default_rng(seed).integers(0, _CODES, (*size, 3), dtype=np.uint8)
            expected = _made(transform, pixels)
            batch = _native.Batch(_native.ArrayImages(pixels[None], plan), [0], _native.Generator(0), ours)
            found = _rendered(batch)
            same = found is expected is None or (
                found is not None and expected is not None and np.array_equal(found, expected)
            )
            if not same or ours.python_state() != theirs.getstate()[1]:
                return False
    return True


def _made(transform: Any, pixels: Any) -> Any:
    """Return the pixels that a transform makes, None if it refuses to."""
    try:
        return np.asarray(transform(Image.fromarray(pixels)))
    except ValueError:
        return None


def _rendered(batch: _native.Batch) -> Any:
    """Return the pixels of a batch of one image, None if it has none."""
    if batch.refused is not None:
        return None
    made, out = memory.empty((1, *batch.shapes[0]), torch.uint8)
    batch.run(_native.JobQueue(1), out)
    return made[0].permute(1, 2, 0).numpy()


def _drawing_from(kind: type, generator: random.Random) -> type:
    """Return a class of the same code, which draws from a generator and not from that of the process."""

    def bound(value: Any) -> Any:
        if isinstance(value, staticmethod):
            return staticmethod(bound(value.__func__))
        if not isinstance(value, types.FunctionType):
            return value
        scope = {**value.__globals__, "random": generator}
        made = types.FunctionType(value.__code__, scope, value.__name__, value.__defaults__, value.__closure__)
        made.__kwdefaults__ = value.__kwdefaults__
        return made

    functions = (types.FunctionType, staticmethod)
    bases = [base for base in kind.__mro__ if base.__module__.partition(".")[0] == _MODULE.partition(".")[0]]
    own = {
        name: value for base in reversed(bases) for name, value in vars(base).items() if isinstance(value, functions)
    }
    return type(kind.__name__, (kind,), {name: bound(value) for name, value in own.items()})


class _Asking:
    """A pipeline of one transform of colour images."""

    is_tensor = False

    def __init__(self) -> None:
        self.strip: Any = Image.fromarray(np.arange(_CODES, dtype=np.uint8)[None, :, None].repeat(3, axis=2))
        self._fills = 0

    def add_margin(self, pad: Callable[[Any], Any]) -> int:
        """See `Building`."""
        self.strip = pad(self.strip)
        self._fills += 1
        return self._fills - 1

    def change_values(self) -> None:
        """See `Building`."""

    def tables(self) -> Iterator[bytes]:
        """Yield the bytes of each channel, and of the margins' colours."""
        yield from np.asarray(self.strip)[0].T.copy()
