"""The one list of all operations, and what follows from it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torchvision.transforms as v1
from torchvision.transforms import v2

from penstock import _native
from penstock.ops.choose.auto_augment import AUTO_AUGMENT
from penstock.ops.choose.rand_augment import RAND_AUGMENT
from penstock.ops.choose.random_apply import RANDOM_APPLY
from penstock.ops.choose.random_choice import RANDOM_CHOICE
from penstock.ops.choose.random_order import RANDOM_ORDER
from penstock.ops.choose.trivial_augment import TRIVIAL_AUGMENT
from penstock.ops.color.autocontrast import AUTOCONTRAST
from penstock.ops.color.brightness import BRIGHTNESS
from penstock.ops.color.channel import CHANNEL
from penstock.ops.color.contrast import CONTRAST
from penstock.ops.color.equalize import EQUALIZE
from penstock.ops.color.gray import GRAY
from penstock.ops.color.hue import HUE
from penstock.ops.color.invert import INVERT
from penstock.ops.color.jitter import COLOR_JITTER
from penstock.ops.color.normalize import NORMALIZE
from penstock.ops.color.permute import PERMUTE
from penstock.ops.color.photometric_distort import PHOTOMETRIC_DISTORT
from penstock.ops.color.point import POINT
from penstock.ops.color.posterize import POSTERIZE
from penstock.ops.color.saturation import SATURATION
from penstock.ops.color.solarize import SOLARIZE
from penstock.ops.color.space import SPACE
from penstock.ops.crop import CENTER_CROP, RANDOM_CROP
from penstock.ops.erase import ERASE
from penstock.ops.expand import EXPAND
from penstock.ops.filter.box_blur import BOX_BLUR
from penstock.ops.filter.filtered import filtered
from penstock.ops.filter.gaussian_blur import GAUSSIAN_BLUR
from penstock.ops.filter.kernel import KERNEL
from penstock.ops.filter.sharpness import SHARPNESS
from penstock.ops.filter.torch_blur import TORCH_BLUR
from penstock.ops.flip import FLIP
from penstock.ops.geometry.affine import AFFINE
from penstock.ops.geometry.perspective import PERSPECTIVE
from penstock.ops.geometry.rotate import ROTATE
from penstock.ops.geometry.transform import TRANSFORM
from penstock.ops.mix import MIX
from penstock.ops.operation import Hook, Mixes, Operation, Records, RecordsTensor, name_of
from penstock.ops.pad import PAD
from penstock.ops.random_resized_crop import RANDOM_RESIZED_CROP
from penstock.ops.rectangle import RECTANGLE
from penstock.ops.resize import RESIZE
from penstock.ops.timm.crop_or_pad import CENTER_CROP_OR_PAD, RANDOM_CROP_OR_PAD
from penstock.ops.timm.keep_ratio import KEEP_RATIO
from penstock.ops.timm.resized_crop import RESIZED_CROP
from penstock.ops.zoom_out import ZOOM_OUT

__all__ = [
    "BATCHES",
    "CALLS",
    "ENHANCERS",
    "FILTERS",
    "FUNCTIONS",
    "HOOKS",
    "IMAGE_KERNELS",
    "KERNELS",
    "LEFT",
    "METHODS",
    "MOVES",
    "NAMED_FUNCTIONS",
    "STACKED",
    "TABLE",
    "TENSOR_CALLS",
    "TRANSFORMS",
    "examples",
    "operation_of",
    "replay",
]

TABLE = (
    PAD,
    ZOOM_OUT,
    EXPAND,
    CENTER_CROP,
    RANDOM_CROP,
    FLIP,
    RESIZE,
    RANDOM_RESIZED_CROP,
    INVERT,
    POSTERIZE,
    SOLARIZE,
    BRIGHTNESS,
    CONTRAST,
    SATURATION,
    HUE,
    COLOR_JITTER,
    GRAY,
    AUTOCONTRAST,
    EQUALIZE,
    POINT,
    NORMALIZE,
    PERMUTE,
    CHANNEL,
    SPACE,
    PHOTOMETRIC_DISTORT,
    SHARPNESS,
    GAUSSIAN_BLUR,
    BOX_BLUR,
    KERNEL,
    TORCH_BLUR,
    ROTATE,
    AFFINE,
    PERSPECTIVE,
    TRANSFORM,
    RAND_AUGMENT,
    TRIVIAL_AUGMENT,
    AUTO_AUGMENT,
    RANDOM_APPLY,
    RANDOM_CHOICE,
    RANDOM_ORDER,
    RESIZED_CROP,
    KEEP_RATIO,
    CENTER_CROP_OR_PAD,
    RANDOM_CROP_OR_PAD,
    RECTANGLE,
    ERASE,
    MIX,
)


def _by(attribute: str) -> dict[Any, Any]:
    """Return what the operations list under an attribute; nothing is another one's as well."""
    pairs = [pair for operation in TABLE for pair in getattr(operation, attribute).items()]
    together = dict(pairs)
    assert len(together) == len(pairs), f"two operations have the same {attribute}"  # noqa: S101
    return together


# What each of torchvision's transforms is.
TRANSFORMS: Mapping[type, Operation] = {kind: operation for operation in TABLE for kind in operation.transforms}
_NAMED: Mapping[str, Operation] = {name: operation for operation in TABLE for name in operation.named}
# What is left to torch, and why.
LEFT: Mapping[type, str] = {
    **dict.fromkeys((v1.AugMix, v2.AugMix), "torch draws Dirichlet weights for it, and mixes by them"),
}
# What transforms look up in their modules when they are called.
FUNCTIONS: tuple[tuple[Any, str], ...] = tuple(dict.fromkeys(pair for each in TABLE for pair in each.functions))
# The same of transforms that are known by name, by module and name.
NAMED_FUNCTIONS = tuple(dict.fromkeys(pair for each in TABLE for pair in each.named_functions))
FILTERS: Mapping[type, Records] = _by("filters")
METHODS: Mapping[str, Records] = {**_by("methods"), "filter": filtered(FILTERS)}
CALLS: Mapping[tuple[Any, str], Records] = _by("calls")
# What is recorded for images of numbers of colours too.
MOVES: frozenset[Records] = frozenset(
    records for each in TABLE if each.moves for records in (*each.methods.values(), *each.calls.values())
)
ENHANCERS: Mapping[type, Records] = _by("enhancers")
IMAGE_KERNELS: Mapping[Any, Records] = _by("image_kernels")
TENSOR_CALLS: Mapping[tuple[Any, str], RecordsTensor] = _by("tensor_calls")
KERNELS: Mapping[Any, RecordsTensor] = _by("kernels")
STACKED: frozenset[Any] = frozenset(kernel for each in TABLE for kernel in each.stacked)
BATCHES: Mapping[type, Mixes] = _by("batches")
HOOKS: tuple[Hook, ...] = tuple(hook for operation in TABLE for hook in operation.hooks)
_REPLAYS: Mapping[str, Callable[..., Any]] = _by("replays")


def operation_of(kind: type) -> Operation | None:
    """Return what a class of transforms is, by itself or by its name; None if it is not known."""
    return TRANSFORMS.get(kind) or _NAMED.get(name_of(kind))


def replay(image: Any, step: bytes) -> Any:
    """Return what the library itself makes of a Pillow image by a step."""
    name, operands = _native.operands_of(step)
    return _REPLAYS[name](image, *operands)


def examples() -> Iterator[tuple[Operation, Any]]:
    """Yield transforms of every operation that is lowered."""
    for operation in TABLE:
        for transform in operation.examples():
            yield operation, transform
