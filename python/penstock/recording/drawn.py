"""torchvision's `Compose`, called with an image that records: what can be lowered of it is drawn natively.

Of a small image, torch's functions that draw numbers, and the calls of transforms that lead to them, take more of a
worker's time than the pixels. So each run of transforms that have a native form is one plan, and the steps that it
draws are written down in one call. The numbers are those of torch's own generator, which is then where it would be.
Whatever stands between such runs is called as ever.

A plan holds for transforms as they were when it was made: what their attributes are is compared before each image,
and what the libraries consist of once for each batch. Where torch would raise nothing is drawn, so that it does.

A conversion that follows sees an image's values alone. Whoever else follows may ask whether it is the very image
that was there before, and what its `info` is, so only those are made for him of which that is known.
"""

import contextlib
import dataclasses
import functools
import itertools
import operator
import time
import types
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from enum import Enum
from typing import Any

import torch
import torchvision.transforms as v1
from PIL import Image
from torch import nn
from torchvision.transforms import v2

from penstock import _native, agreement
from penstock.conversion import CONVERTING
from penstock.generators import Draws
from penstock.lowering.known import is_pristine, methods_of, module_hooks, shadowed, unhooked
from penstock.lowering.transforms import Drawn, Opaque, functions, lower_images
from penstock.ops.random_resized_crop import torch_draws_as_known
from penstock.ops.table import METHODS, TRANSFORMS, replay
from penstock.recording.chain import Key, chain_of
from penstock.recording.current import current
from penstock.recording.images import is_recorded
from penstock.recording.memoryless import is_torch_plain
from penstock.recording.sources import Trace
from penstock.recording.tensors import record

__all__ = ["COMPOSED", "draws_composed"]

# Those that call their parts one after the other, and by which method.
COMPOSED: tuple[tuple[type, str], ...] = ((v1.Compose, "__call__"), (v2.Compose, "forward"))
_KINDS = tuple(kind for kind, _ in COMPOSED)
# Those of which others consist and that are no modules.
_PARTS = {*TRANSFORMS, *_KINDS}
# Calls after which a plan is made: it takes as long as some images, and some code has a `Compose` for few of them.
_CALLS = 16
# Calls are so many times as many after a change.
_LONGER = 8
# What an attribute may be of which an equal one means the same.
_PLAIN = (bool, int, float, str, type(None), Enum, type, types.FunctionType, torch.dtype, nn.Module)
# Of an image that is asked which steps leave its `info`.
_SIDE = 8
# Of images that tell what calls take, the first one that is large enough.
_SIDES = (8, 64, 512)
# Calls of which the shortest one counts, and after how many seconds no further one is made.
_MEASURED = 5
_MEASURING = 4e-3
# Conversions that look at nothing but an image's values, besides those of `_conversion`.
_VALUES = (v2.ToImage, v2.PILToTensor)
# Those without a probability that return the image itself where they do nothing.
_RETURNING = (v1.Resize, v2.Resize, v1.ColorJitter, v2.ColorJitter)
# What transforms draw by, and Pillow's methods, which are looked up at each call; and what they are.
_CALLED = (
    *((Image.Image, name) for name in METHODS),
    *((torch, name) for name in ("rand", "randint", "randperm", "empty", "multinomial", "default_generator")),
    *((torch.Tensor, name) for name in ("uniform_", "item", "tolist")),
)
_AS_KNOWN = [*itertools.starmap(getattr, _CALLED)]


def _called() -> Iterator[Any]:
    """Yield what is called now, without the hooks of ours that stand before it."""
    return map(unhooked, itertools.starmap(getattr, _CALLED))


# Of images for which transforms are lowered.
_MODES = ("L", "RGB")
# What makes another image, without `info`, also where its values stay as they are.
_COPYING = (v1.Pad, v2.Pad, v2.RandomZoomOut, v2.RandomChannelPermutation, v2.RandomPhotometricDistort)


class _Run:
    """Transforms that follow one another and have a native form, and the plan for images of each mode.

    Args:
        transforms: Those.
        mode: Of the images that they were found for.
        is_seen: Whether what follows may see more of the image than its values.
    """

    def __init__(self, transforms: Sequence[Any], mode: str, *, is_seen: bool) -> None:
        self.transforms, self._mode, self._is_seen = tuple(transforms), mode, is_seen
        parts = [*_all(transforms)]
        # Whether the image itself is what they return where they do nothing.
        self._returns = all(hasattr(part, "p") or isinstance(part, (*_RETURNING, *_KINDS)) for part in parts)
        # Whether steps tell what there is of the image's `info`.
        self._tells = not any(type(part) in _COPYING or getattr(part, "padding", None) == 0 for part in parts)
        self._plans: dict[str, Drawn | None] = {}

    @functools.cached_property
    def saves(self) -> float:
        """Processor seconds that calling the transforms takes besides what they do to pixels."""
        for side in _SIDES:
            with contextlib.suppress(Exception):  # torch raises for so small an image
                return self._measured(self._mode, side)
        return 0.0

    def _measured(self, mode: str, side: int) -> float:
        """Return those seconds, by an image of few pixels.

        Raises:
            Exception: What the transforms raise for images of this size.
        """
        if (plan := self.plan(mode)) is None:
            return 0.0
        image, begun = Image.new(mode, (side, side)), time.thread_time()
        taken: list[float] = []
        with agreement.asking(), torch.random.fork_rng(devices=[]):
            while len(taken) < _MEASURED and time.thread_time() < begun + _MEASURING:
                state, start = torch.get_rng_state(), time.thread_time()
                made: Any = image
                for transform in self.transforms:
                    made = transform(made)
                middle = time.thread_time()
                found = _drawn(plan, image.size, state)
                made = image
                for _, step in found[0] if found is not None else ():
                    made = replay(made, step)
                taken.append(2 * middle - start - time.thread_time())
        # What disturbs a call makes it longer.
        return max(0.0, min(taken))

    def plan(self, mode: str) -> Drawn | None:
        """Return the plan for images of a mode; None if there is none."""
        if mode not in self._plans:
            self._plans[mode] = _lowered(v1.Compose([*self.transforms]), mode)
        return self._plans[mode]

    def on(self, image: Any) -> Any:
        """Return what they make of an image that records; None, and nothing was drawn, if torch has to make it."""
        trace: Trace = image._trace
        if (plan := self.plan(trace.mode)) is None or not torch_draws_as_known():
            return None
        if self._is_seen and not (self._tells and trace.mode == plan.mode == "RGB"):
            return None
        generator = torch.default_generator
        # A copy, which is drawn from: the generator moves on when nothing can fail any more.
        state = generator.get_state() if plan.draws else None
        found = _drawn(plan, (trace.height, trace.width), state)
        if found is None:
            return None
        named, (height, width) = found
        is_same = not named and self._returns
        if self._is_seen and not named and not is_same:
            return None
        if not is_same and not _loads(image):
            return None
        if state is not None:
            generator.set_state(state)
        trace.source.outcome.drawn += (self,)
        if is_same:
            return image
        steps = [step for _, step in named]
        made = Trace(trace.source, plan.mode, (width, height), (*trace.steps, *steps))
        made.is_bare = any(_is_bare(name, step) for name, step in named)
        return image._new_trace(made)


def _loads(image: Any) -> bool:
    """Load an image as torch would before its first step; whether it still records then."""
    with contextlib.suppress(Exception):  # torch has it raised again, after the draws that come before it
        image.load()
        return is_recorded(image)
    return False


def _drawn(plan: Drawn, size: tuple[int, int], state: torch.Tensor | None) -> Any:
    """Return what `_native.draw_steps` does, which moves a generator's state on."""
    return _native.draw_steps(plan.plan, size, plan.fills, None if state is None else state.numpy())


@dataclasses.dataclass(frozen=True)
class _Conversion:
    """Transforms that make a tensor and convert its values.

    Attributes:
        transforms: Those.
        key: The same, as chains have them.
    """

    transforms: tuple[Any, ...]
    key: Key

    def on(self, image: Any) -> Any:
        """Return the tensor of an image that records; None if torch has to make it."""
        if not is_torch_plain() or not _loads(image):
            return None
        return record(image._trace, chain_of(image._mode, self.key))


class _Called:
    """A transform that is called. It may lead to the `Compose`, so only its place there is kept."""


_Part = _Run | _Conversion | _Called


class _Known:
    """What is known of a `Compose`."""

    def __init__(self) -> None:
        self.calls, self.due = 0, _CALLS
        # With the first and the last place, and one, of its transforms.
        self.parts: tuple[tuple[_Part, int, int], ...] | None = None
        # Transforms that were lowered, and what their attributes were.
        self._seen: list[tuple[Any, Any]] = []
        self._libraries: list[Any] = []
        self._batch: Any = None

    def learn(self, compose: Any, mode: str) -> None:
        """Make plans of its transforms as they are."""
        if type(compose.transforms) not in (list, tuple):
            return
        parts = tuple(_parts(compose.transforms, mode))
        if not any(isinstance(part, _Run) for part, _, _ in parts):
            return
        self._length = len(compose.transforms)
        self._placed = [
            (first + number, transform)
            for part, first, _ in parts
            if not isinstance(part, _Called)
            for number, transform in enumerate(part.transforms)
        ]
        lowered = [*_all([transform for _, transform in self._placed])]
        self._seen = [(vars(each), _copied(vars(each))) for each in lowered]
        self._kinds = {type(each) for each in (compose, *lowered)}
        self._libraries = _libraries(self._kinds)
        if all(map(operator.is_, _called(), _AS_KNOWN)):
            self.parts = parts

    def is_current(self, compose: Any, batch: Any) -> bool:
        """Whether all is as it was."""
        transforms = compose.transforms
        if type(transforms) not in (list, tuple) or len(transforms) != self._length:
            return False
        if not all(transforms[place] is transform for place, transform in self._placed):
            return False
        try:
            if not all(itertools.starmap(operator.eq, self._seen)):
                return False
        except Exception:  # of arrays, for instance, which are put in the place of numbers
            return False
        if batch is not self._batch:
            libraries = _libraries(self._kinds)
            same = len(libraries) == len(self._libraries) and all(map(operator.is_, libraries, self._libraries))
            self._batch = batch if same else None
            return same
        return True


_known: weakref.WeakKeyDictionary[Any, _Known] = weakref.WeakKeyDictionary()


def draws_composed(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands before the method by which a `Compose` calls its parts."""

    def hook(self: Any, *inputs: Any, **options: Any) -> Any:
        is_one = len(inputs) == 1 and not options and is_recorded(inputs[0])
        parts = _parts_of(self, inputs[0]._trace.mode) if is_one else None
        if parts is None:
            return function(self, *inputs, **options)
        (image,), transforms = inputs, self.transforms
        for part, first, last in parts:
            made = part.on(image) if not isinstance(part, _Called) and is_recorded(image) else None
            if made is None:
                made = image
                for transform in transforms[first:last]:
                    made = transform(made)
            image = made
        return image

    return hook


def _parts_of(compose: Any, mode: str) -> tuple[tuple[_Part, int, int], ...] | None:
    """Return the parts of a `Compose`, and their places; None if there is no plan of any."""
    if type(compose) not in _KINDS or (recorder := current()) is None:
        return None
    if (known := _known.get(compose)) is None:
        known = _known[compose] = _Known()
    known.calls += 1
    if known.calls == known.due:
        with contextlib.suppress(Exception):  # of what is not as expected nothing is known
            known.learn(compose, mode)
    if known.parts is not None and not known.is_current(compose, recorder.batch):
        known.parts, known.calls, known.due = None, 0, known.due * _LONGER
    return known.parts


def _parts(transforms: Sequence[Any], mode: str) -> Iterator[tuple[_Part, int, int]]:
    """Yield the parts of a pipeline for images of a mode, and from which place to which they reach."""
    place = 0
    while place < len(transforms):
        first, given = place, mode
        while place < len(transforms):
            drawn = _lowered(transforms[place], mode)
            if drawn is None or not _is_watched(transforms[place]):
                break
            mode, place = drawn.mode, place + 1
        if place > first:
            is_seen = place == len(transforms) or not _sees_values(transforms[place])
            part: _Part = _Run(transforms[first:place], given, is_seen=is_seen)
        else:
            conversion = _conversion(transforms[place:])
            part = conversion or _Called()
            place += len(conversion.transforms) if conversion else 1
        yield part, first, place


def _lowered(transform: Any, mode: str) -> Drawn | None:
    if mode not in _MODES:
        return None
    try:
        drawn = lower_images(transform, mode)
    except Opaque:
        return None
    return None if drawn.draws & Draws.PYTHON else drawn


def _conversion(transforms: Sequence[Any]) -> _Conversion | None:
    """Return the conversion with which some transforms begin, if they do."""
    key: list[Any] = []
    for transform in transforms:
        kind = type(transform)
        link: tuple[Any, ...] | None = None
        if not key and kind in (v1.ToTensor, v1.PILToTensor):
            link = (_name_of(kind),)
        elif key and kind is v1.Normalize and not transform.inplace:
            numbers = [transform.mean, transform.std]
            if all(type(each) in (list, tuple) and {*map(type, each)} <= {int, float} for each in numbers):
                link = (_name_of(kind), *map(tuple, numbers))
        if link is None or not _is_known(transform):
            break
        key.append(link)
    return _Conversion(tuple(transforms[: len(key)]), tuple(key)) if key else None


def _name_of(kind: type) -> str:
    """Return the name under which what a transform does is recorded."""
    conversion = CONVERTING[kind]
    assert conversion is not None  # noqa: S101 - it is one that does something
    return conversion.name


def _sees_values(transform: Any) -> bool:
    """Whether a transform looks at nothing but an image's values."""
    return _conversion([transform]) is not None or (type(transform) in _VALUES and _is_known(transform))


def _is_known(transform: Any) -> bool:
    """Whether calling a transform of torchvision's does what its class says."""
    return is_pristine(type(transform)) and shadowed(transform) is None


def _all(transforms: Iterable[Any]) -> Iterator[Any]:
    """Yield some transforms of the libraries and those that they consist of."""
    for transform in transforms:
        yield transform
        for value in vars(transform).values():
            if isinstance(value, (list, tuple, dict)):
                parts = value.values() if isinstance(value, dict) else value
                yield from _all([each for each in parts if isinstance(each, nn.Module) or type(each) in _PARTS])


def _is_watched(transform: Any) -> bool:
    """Whether it would show if anything of a transform changed."""
    try:
        for part in _all([transform]):
            _copied(vars(part))
    except Opaque:
        return False
    return True


def _copied(value: Any) -> Any:
    """Return what an attribute is equal to for as long as it means the same.

    Raises:
        Opaque: If there is no such thing.
    """
    if isinstance(value, dict):
        return {key: _copied(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_copied, value))
    if type(value) is set:
        return set(value)
    kind: Any = type(value)
    # What is compared by identity is one of its transforms.
    if isinstance(value, _PLAIN) or kind.__eq__ is object.__eq__:
        return value
    raise Opaque(f"a {kind.__name__}")


def _libraries(kinds: set[type]) -> list[Any]:
    """Return what calling transforms of these classes leads to, to be compared by identity."""
    methods = [method for kind in sorted(kinds, key=id) for method in methods_of(kind)]
    return [*functions(), *module_hooks(), *methods, *_called()]


_bare: dict[str, bool] = {}


def _is_bare(name: str, step: bytes) -> bool:
    """Whether what the library makes of an image by a step has nothing of its `info`."""
    if name not in _bare:
        image = Image.new("RGB", (_SIDE, _SIDE))
        image.info["of"] = "it"
        # Margins are made of an array, or are a new image's.
        _bare[name] = name == "pad" or not replay(image, step).info
    return _bare[name]
