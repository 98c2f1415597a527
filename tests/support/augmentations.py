"""Hypothesis strategies for transforms that change colours, filter, erase or look from elsewhere, and choices of them.

Their parameters are whatever the transforms take, to the extremes. Of each it is known whether it must run natively.
"""

import dataclasses
from typing import Any

from hypothesis import strategies as st
from torchvision.transforms import AutoAugmentPolicy, InterpolationMode

from support.recipes import Recipe, call

chances = st.sampled_from([0, 1, 1.0, 0.5, 0.2, 0.9999999, 1e-9])
_versions = st.sampled_from(["v1", "v2"])
_byte = st.integers(0, 255)
_interpolations = st.sampled_from([InterpolationMode.NEAREST, InterpolationMode.BILINEAR, InterpolationMode.BICUBIC])


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """A transform, and whether it must run natively."""

    recipe: Recipe
    promised: bool = True


def _bounds(least: float, most: float) -> st.SearchStrategy[tuple[float, float]]:
    return st.tuples(st.floats(least, most), st.floats(least, most)).map(lambda pair: (min(pair), max(pair)))


_strengths = st.one_of(st.sampled_from([0, 0.4, 1, (0.6, 1.4), (0, 0), (1, 1), (0, 2.5)]), _bounds(0, 60))
_sides = st.sampled_from([1, 3, 5, 7, 11])
_turns = st.one_of(st.sampled_from([0, 0.1, 0.5, (-0.5, 0.5), (0.25, 0.25)]), _bounds(-0.5, 0.5))


@st.composite
def _colour_jitter(draw: Any, version: str, *, tensor: bool) -> Augmentation:
    names = draw(st.lists(st.sampled_from(["brightness", "contrast", "saturation", "hue"]), max_size=4, unique=True))
    options = {name: draw(_turns if name == "hue" else _strengths) for name in names}
    mixes = options.get("contrast", 0) not in (0, (1, 1))
    return Augmentation(call(f"{version}.ColorJitter", **options), promised=not (tensor and mixes))


@st.composite
def _photometric_distort(draw: Any, *, tensor: bool) -> Augmentation:
    bounds = {name: _bounds(0, 9) for name in ("brightness", "contrast", "saturation")}
    options = draw(st.fixed_dictionaries({}, optional={**bounds, "hue": _bounds(-0.5, 0.5), "p": chances}))
    return Augmentation(call("v2.RandomPhotometricDistort", **options), promised=not tensor)


@st.composite
def colours(draw: Any, channels: int, *, tensor: bool) -> Augmentation:
    """A change of colours, of images or of tensors of bytes."""
    version, p = draw(_versions), draw(chances)
    kinds = ["Jitter", "Jitter", "Grayscale", "RandomGrayscale", "Invert", "Posterize", "Solarize", "Autocontrast"]
    kind = draw(st.sampled_from([*kinds, "Equalize", "Permutation", "Distort", "Sharpness", "Blur"]))
    match kind:
        case "Jitter":
            return draw(_colour_jitter(version, tensor=tensor))
        case "Grayscale":
            made = draw(st.sampled_from([channels, channels, channels, 1, 3]))
            changes = made != channels and (made == 1 or tensor)
            return Augmentation(call(f"{version}.Grayscale", made), promised=not changes)
        case "RandomGrayscale":
            return Augmentation(call(f"{version}.RandomGrayscale", p))
        case "Posterize":
            bits = draw(st.integers(0, 8))
            return Augmentation(call(f"{version}.RandomPosterize", bits, p=p), promised=bits > 0)
        case "Solarize":
            threshold = draw(st.one_of(_byte, st.floats(0, 255), st.sampled_from([-1, 256, 127.5, -0.0, 1e9])))
            return Augmentation(
                call(f"{version}.RandomSolarize", threshold, p=p), promised=not tensor or 0 <= threshold <= 255
            )
        case "Blur":
            sides = draw(st.tuples(_sides, _sides))
            # Of one channel torch adds up few weights in another order.
            promised = channels == 3 or min(sides) > 3
            return Augmentation(call(f"{version}.GaussianBlur", sides, sigma=draw(_bounds(0.1, 9))), promised=promised)
        case "Permutation":
            return Augmentation(call("v2.RandomChannelPermutation"))
        case "Distort":
            return draw(_photometric_distort(tensor=tensor))
        case "Sharpness":
            factor = draw(st.one_of(st.sampled_from([0, 0.5, 1, 2]), st.floats(0, 100)))
            return Augmentation(call(f"{version}.RandomAdjustSharpness", factor, p=p))
    return Augmentation(call(f"{version}.Random{kind}", p))


def _fills(channels: int) -> st.SearchStrategy[Any]:
    return st.one_of(st.just(0), _byte, st.lists(_byte, min_size=channels, max_size=channels))


@st.composite
def views(draw: Any, channels: int, *, tensor: bool) -> Augmentation:
    """A rotation, an affine transform or a perspective."""
    version, kind = draw(_versions), draw(st.sampled_from(["Rotation", "Affine", "Perspective"]))
    options = draw(st.fixed_dictionaries({}, optional={"interpolation": _interpolations, "fill": _fills(channels)}))
    degrees = st.one_of(
        st.sampled_from([0, 15, 180, (90, 90), (180, 180), (-90, -90), (0, 360)]), _bounds(-720, 720), st.floats(0, 400)
    )
    center = st.one_of(st.none(), st.tuples(st.integers(-9, 40), st.integers(-9, 40)))
    if kind == "Rotation":
        options |= draw(_some({"expand": st.booleans(), "center": center}))
        recipe = call(f"{version}.RandomRotation", draw(degrees), **options)
    elif kind == "Affine":
        optional = {
            "translate": st.tuples(st.floats(0, 1), st.floats(0, 1)),
            "scale": st.one_of(_bounds(0.3, 3), _bounds(1e-3, 200)),
            "shear": st.one_of(
                st.floats(0, 80),
                _bounds(-80, 80),
                st.tuples(_bounds(-80, 80), _bounds(-80, 80)).map(lambda p: p[0] + p[1]),
            ),
            "center": center,
        }
        recipe = call(f"{version}.RandomAffine", draw(degrees), **options, **draw(_some(optional)))
    else:
        recipe = call(f"{version}.RandomPerspective", draw(st.floats(0, 1)), draw(chances), **options)
    nearest = options.get("interpolation", InterpolationMode.NEAREST) is InterpolationMode.NEAREST
    of_tensors = nearest and kind != "Perspective" and not options.get("expand")
    return Augmentation(recipe, promised=of_tensors or not tensor)


def _some(optional: dict[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=optional)


@st.composite
def _policies(draw: Any, channels: int, *, tensor: bool) -> Augmentation:
    version, kind = draw(_versions), draw(st.sampled_from(["Rand", "Trivial", "Auto"]))
    options = draw(_some({"interpolation": _interpolations, "fill": st.one_of(st.none(), _fills(channels))}))
    if kind == "Rand":
        bins = draw(st.integers(2, 40))
        recipe = call(
            f"{version}.RandAugment", draw(st.integers(0, 4)), draw(st.integers(0, bins - 1)), bins, **options
        )
    elif kind == "Trivial":
        recipe = call(f"{version}.TrivialAugmentWide", draw(st.integers(2, 40)), **options)
    else:
        recipe = call(f"{version}.AutoAugment", draw(st.sampled_from([*AutoAugmentPolicy])), **options)
    return Augmentation(recipe, promised=not tensor)


@st.composite
def _choices(draw: Any, channels: int, *, tensor: bool) -> Augmentation:
    """All or none of some transforms, one of them, or all in any order."""
    kind = draw(st.sampled_from(["Apply", "Apply", "Choice", "Order"]))
    version = draw(_versions)
    parts = draw(st.lists(colours(channels, tensor=tensor), min_size=1, max_size=3))
    recipes = [part.recipe for part in parts]
    promised = all(part.promised for part in parts)
    # What follows depends on which of them were made.
    promised &= not any(recipe.name.endswith(".Grayscale") for recipe in recipes)
    # Of images that are too small one of them raises, if it is made.
    promised &= not any(recipe.name.endswith(".GaussianBlur") for recipe in recipes)
    options = {}
    if kind == "Apply":
        options["p"] = draw(chances)
    elif kind == "Choice" and draw(st.booleans()):
        options["p"] = draw(st.lists(st.floats(0.01, 1), min_size=len(parts), max_size=len(parts)))
    return Augmentation(call(f"{version}.Random{kind}", recipes, **options), promised=promised)


@st.composite
def erasing(draw: Any, channels: int, *, floating: bool) -> Augmentation:
    """`RandomErasing`, of tensors of any kind."""
    value = draw(
        st.one_of(
            st.sampled_from([0, 0, 1, 0.5, "random"]), st.lists(_byte, min_size=channels, max_size=channels).map(tuple)
        )
    )
    optional = {"scale": _bounds(0, 1), "ratio": _bounds(0.1, 9), "inplace": st.booleans()}
    recipe = call(f"{draw(_versions)}.RandomErasing", draw(chances), value=value, **draw(_some(optional)))
    # Values for each channel are those of images of one mode, and a data set may have others.
    return Augmentation(recipe, promised=floating if value == "random" else not isinstance(value, tuple))


def augmentations(channels: int, *, tensor: bool) -> st.SearchStrategy[Augmentation]:
    """A transform of images of so many channels, or of such tensors of bytes, that makes new values."""
    # Of tensors there are few views that are native, and no policies.
    kinds = (*[colours] * 5, _choices, views) if tensor else (colours, colours, views, _policies, _choices)
    return st.one_of(*[kind(channels, tensor=tensor) for kind in kinds])
