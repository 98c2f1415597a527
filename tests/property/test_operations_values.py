"""What each operation makes of pixels, against the libraries: of all bytes, all colours, and images of any size.

What is rendered is what a call records, so its operands are those that users give. Where whole domains are too large
for each run a part of them is looked at, and with `--slow` the whole.
"""

import math
import random

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from torchvision.transforms import InterpolationMode, _functional_pil, _functional_tensor
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

from penstock import _native
from penstock.ops.arithmetic import rendered
from penstock.ops.color.gray import gray
from penstock.ops.table import CALLS, ENHANCERS, IMAGE_KERNELS, KERNELS, METHODS, TENSOR_CALLS
from penstock.recording.sources import Trace

VALUES = np.repeat(np.arange(256, dtype=np.uint8).reshape(16, 16, 1), 3, axis=2)
ALL = pytest.mark.slow


def ours(records, pixels, *args, **options):
    """What a call renders natively that is recorded of an image; None if it is not recorded."""
    trace = Trace(None, "RGB", (pixels.shape[1], pixels.shape[0]), ())
    if getattr(records, "goes_by_layout", False):
        options = {"interleaved": True, **options}
    recorded = records(trace, *args, **options)
    if recorded is None:
        return None
    after = recorded[0] if isinstance(recorded, tuple) else recorded
    return rendered(pixels, after.steps, (after.height, after.width))


def by_pillow(call):
    return lambda pixels, *args: np.asarray(call(Image.fromarray(pixels), *args))


def by_tensors(call):
    return lambda pixels, *args: call(torch.from_numpy(pixels).permute(2, 0, 1), *args).permute(1, 2, 0).numpy()


def enhanced(kind):
    return by_pillow(lambda image, factor: kind(image).enhance(factor))


def of_libraries(name, pillow, theirs):
    """What records a call, and what the library does, for each that there is."""
    return {
        "pillow": (pillow, theirs),
        "v1": (TENSOR_CALLS[_functional_tensor, name], by_tensors(getattr(F, name))) if name != "invert" else None,
        "v2": (KERNELS[getattr(F2, name)], by_tensors(getattr(F2, name))),
    }


CALLED = {
    name: of_libraries(name, *sides)
    for name, sides in {
        "adjust_brightness": (ENHANCERS[ImageEnhance.Brightness], enhanced(ImageEnhance.Brightness)),
        "adjust_contrast": (ENHANCERS[ImageEnhance.Contrast], enhanced(ImageEnhance.Contrast)),
        "adjust_saturation": (ENHANCERS[ImageEnhance.Color], enhanced(ImageEnhance.Color)),
        "adjust_sharpness": (ENHANCERS[ImageEnhance.Sharpness], enhanced(ImageEnhance.Sharpness)),
        "adjust_hue": (CALLS[_functional_pil, "adjust_hue"], by_pillow(F.adjust_hue)),
        "autocontrast": (CALLS[ImageOps, "autocontrast"], by_pillow(ImageOps.autocontrast)),
        "equalize": (CALLS[ImageOps, "equalize"], by_pillow(ImageOps.equalize)),
        "invert": (CALLS[ImageOps, "invert"], by_pillow(ImageOps.invert)),
        "posterize": (CALLS[ImageOps, "posterize"], by_pillow(ImageOps.posterize)),
        "solarize": (CALLS[ImageOps, "solarize"], by_pillow(ImageOps.solarize)),
    }.items()
}
EACH = [
    pytest.param(*pair, id=f"{name}-{library}")
    for name, libraries in CALLED.items()
    for library, pair in libraries.items()
    if pair is not None
]


def called(name):
    """Parametrizes by what records a call and what the library does, for each library."""
    pairs = {library: pair for library, pair in CALLED[name].items() if pair is not None}
    return pytest.mark.parametrize(("records", "theirs"), pairs.values(), ids=pairs)


def assert_equal(records, theirs, pixels, *args):
    """Fail unless a call is recorded, and renders what the library makes."""
    made = ours(records, pixels, *args)
    assert made is not None, args
    assert np.array_equal(made, theirs(pixels, *args)), args


# ---------------------------------------------------------------------------------------------------------------
# tables


@called("invert")
def test_every_byte_is_inverted(records, theirs):
    assert_equal(records, theirs, VALUES)


@called("posterize")
def test_every_number_of_bits(records, theirs):
    for bits in range(1, 8):
        assert_equal(records, theirs, VALUES, bits)


@called("solarize")
def test_every_threshold(records, theirs):
    rng = np.random.default_rng(0)
    between = [*np.arange(0, 255.5, 0.5), *rng.uniform(0, 255, 200), 1e-300, np.nextafter(255.0, 0)]
    for threshold in (*range(256), *map(float, between)):
        assert_equal(records, theirs, VALUES, threshold)


def test_thresholds_that_are_no_bytes():
    """Tensors have no such: they are refused, or torch takes another number."""
    for threshold in (-1, -0.5, 256, 1e300, float("inf"), -float("inf"), -(2**70)):
        assert_equal(*CALLED["solarize"]["pillow"], VALUES, threshold)


@called("adjust_brightness")
@pytest.mark.parametrize("count", [200, pytest.param(20_000, marks=ALL)])
def test_factors_of_brightness(records, theirs, count):
    rng = np.random.default_rng(0)
    drawn = [*rng.uniform(0, 3, count), *rng.uniform(0, 300, count // 4), *np.float32(rng.uniform(0, 2, count))]
    # Products next to whole numbers, of which rounding decides.
    edges = [value / divisor for value in (1, 128, 255) for divisor in (3, 7, 51, 254, 255)]
    for factor in map(float, (0, 1, 2, 1e-30, 255, 1e5, *edges, *drawn)):
        assert_equal(records, theirs, VALUES, factor)


@pytest.mark.parametrize("channels", [1, 3])
def test_any_table(channels):
    rng = np.random.default_rng(channels)
    pixels = rng.integers(0, 256, (13, 37, 3), dtype=np.uint8)
    for _ in range(50):
        lut = [*map(int, rng.integers(-20, 280, 256 * channels))] * (3 // channels)
        made = ours(METHODS["point"], pixels, lut)
        assert np.array_equal(made, np.asarray(Image.fromarray(pixels).point(lut)))


# ---------------------------------------------------------------------------------------------------------------
# colours

# Coprime to 256: all bytes are among the values of each channel.
PARTS = [61, pytest.param(1, marks=ALL)]


def colours(step):
    """Every so many of all colours, in images that fit into a cache."""
    numbers = np.arange(0, 1 << 24, step, dtype=np.uint32)
    for first in range(0, len(numbers), 1 << 16):
        row = numbers[None, first : first + (1 << 16)]
        yield np.stack([row >> shift & 255 for shift in (16, 8, 0)], axis=-1).astype(np.uint8)


@pytest.mark.parametrize("step", PARTS)
@called("adjust_saturation")
def test_saturation_of_colours(records, theirs, step):
    for pixels in colours(step):
        for factor in (0.0, 0.2, 0.5, 1 / 3, 1.0, 1.4, 7.5):
            assert_equal(records, theirs, pixels, factor)


@pytest.mark.parametrize("step", PARTS)
@called("adjust_hue")
def test_hue_of_colours(records, theirs, step):
    for pixels in colours(step):
        for shift in (-0.5, -0.31, -0.1, -1 / 255, 0.0, 1e-4, 0.004, 0.1, 0.25, 1 / 3, 0.49, 0.5):
            assert_equal(records, theirs, pixels, shift)


@pytest.mark.parametrize("step", PARTS)
@pytest.mark.parametrize("library", ["pillow", "torch1", "torch2"])
def test_gray_of_colours(library, step):
    function = (F2 if library == "torch2" else F).rgb_to_grayscale
    theirs = by_pillow(function) if library == "pillow" else by_tensors(function)
    steps = [_native.step("gray", gray.arithmetic(library))]
    for pixels in colours(step):
        assert np.array_equal(rendered(pixels, steps), theirs(pixels, 3))


# ---------------------------------------------------------------------------------------------------------------
# what depends on the whole image


@called("autocontrast")
@pytest.mark.parametrize("step", [23, pytest.param(1, marks=ALL)])
def test_all_pairs_of_extremes(records, theirs, step):
    pairs = [(low, high) for low in range(256) for high in range(low, 256)][::step]
    ramp = np.arange(256)[None, :, None]
    for first in range(0, len(pairs) - 2, 3):
        low, high = np.array(pairs[first : first + 3]).T
        assert_equal(records, theirs, np.clip(ramp, low, high).astype(np.uint8))


def histogram(rng):
    """An image whose values are distributed in any way."""
    height, width = (int(length) for length in rng.integers(1, 40, 2))
    kinds = rng.integers(1, [3, 9, 257][rng.integers(3)], 3)
    return np.stack([rng.choice(rng.integers(0, 256, kind), (height, width)) for kind in kinds], axis=-1).astype(
        np.uint8
    )


@called("equalize")
@pytest.mark.parametrize("count", [200, pytest.param(10_000, marks=ALL)])
def test_any_histogram(records, theirs, count):
    rng = np.random.default_rng(count)
    for _ in range(count):
        assert_equal(records, theirs, histogram(rng))


# ---------------------------------------------------------------------------------------------------------------
# images of any size

COUNTS = [100, pytest.param(4000, marks=ALL)]


class Drawn:
    """Random images and numbers, extreme ones among them."""

    def __init__(self, seed):
        self.rng, self.random = np.random.default_rng(seed), random.Random(seed)

    def length(self):
        return self.random.choice([self.random.randint(1, 5), self.random.randint(1, 70), self.random.randint(1, 300)])

    def image(self):
        pixels = self.rng.integers(0, 256, (self.length(), self.length(), 3), dtype=np.uint8)
        kind = self.random.random()
        if kind < 0.3:
            return np.where(pixels > 127, 255, 0).astype(np.uint8)
        return np.broadcast_to(pixels[:1, :1], pixels.shape).copy() if kind < 0.4 else pixels

    def number(self):
        scaled = self.random.gauss(0, 1) * 10 ** self.random.uniform(-6, 4)
        return self.random.choice([0.0, 1.0, -1.0, self.random.uniform(-2, 2), scaled, self.random.randint(-300, 300)])

    def near_one(self):
        return self.random.choice([1.0, self.random.uniform(0.3, 3), self.number()])

    def matrix(self, count):
        """Coefficients of an affine function of coordinates, or of a perspective."""
        slants = [self.number() * self.random.choice([0, 0.1, 1]) for _ in range(2)]
        moves = [self.number() * self.random.choice([0, 1, 50]) for _ in range(2)]
        affine = [self.near_one(), slants[0], moves[0], slants[1], self.near_one(), moves[1]]
        return affine + [self.number() * self.random.choice([0, 1e-3, 1e-2, 1]) for _ in range(count - 6)]

    def radius(self):
        choice = self.random.choice
        return choice([0, 0.5, 1, choice([3000.0, 1e-3]), self.random.uniform(0, 3), self.random.uniform(0, 60)])

    def factor(self):
        return self.random.choice([0.0, 1.0, 0.5, self.random.uniform(0, 2), self.random.uniform(0, 100), 1e5])


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("resample", [Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC])
@pytest.mark.parametrize(("method", "numbers"), [(Image.Transform.AFFINE, 6), (Image.Transform.PERSPECTIVE, 8)])
def test_transforms(method, numbers, resample, count):
    drawn = Drawn(count)
    for _ in range(count):
        pixels, matrix = drawn.image(), drawn.matrix(numbers)
        size = drawn.random.choice([(drawn.length(), drawn.length()), pixels.shape[1::-1]])
        given = size, method, matrix, resample, 1, drawn.random.choice([None, 0, 255, (1, 200, 3)])
        made = ours(METHODS["transform"], pixels, *given)
        assert np.array_equal(made, np.asarray(Image.fromarray(pixels).transform(*given))), (pixels.shape, given)


@pytest.mark.parametrize("count", COUNTS)
def test_transforms_of_tensors(count):
    drawn = Drawn(count)
    calls = {
        F2.affine: (KERNELS[F2.affine], by_tensors(F2.affine)),
        F2.rotate: (KERNELS[F2.rotate], by_tensors(F2.rotate)),
        F2.perspective: (KERNELS[F2.perspective], by_tensors(F2.perspective)),
        **{
            function: (TENSOR_CALLS[_functional_tensor, function.__name__], by_tensors(function))
            for function in (_functional_tensor.affine, _functional_tensor.rotate, _functional_tensor.perspective)
        },
    }
    for _ in range(count):
        pixels, fill = drawn.image(), drawn.random.choice([None, 0, 3.5, [255.0], [1.0, 200.4, 0.0]])
        mode = drawn.random.choice([InterpolationMode.NEAREST, InterpolationMode.BILINEAR])
        expand = drawn.random.random() < 0.5
        for function, sides in calls.items():
            if function is F2.affine:
                turns = [drawn.random.choice([0.0, 30.0, drawn.random.uniform(-400, 400)]) for _ in range(3)]
                moves = [drawn.random.choice([0, drawn.random.randint(-90, 90)]) for _ in range(2)]
                scale = drawn.random.choice([1.0, 10.0, 0.1, 2.5, drawn.random.uniform(0.01, 5)])
                center = drawn.random.choice([None, [3, 40], [-7.5, 0.25]])
                args = turns[0], moves, scale, turns[1:], mode, fill, center
            elif function is F2.rotate:
                center = drawn.random.choice([None, [3, 40], [-7.5, 0.25]])
                angle = drawn.random.choice([45.0, drawn.random.uniform(-400, 400)])
                args = angle, mode, expand, center, fill
            elif function is _functional_tensor.rotate:
                turn, stretch = drawn.random.uniform(-4, 4), drawn.random.uniform(0.5, 1.5)
                sin, cos = stretch * math.sin(turn), stretch * math.cos(turn)
                args = [cos, sin, drawn.number(), -sin, cos, 3.0], mode.value, expand, fill
            elif function is _functional_tensor.affine:
                args = [float(number) for number in drawn.matrix(6)], mode.value, fill
            elif function is F2.perspective:
                args = None, None, mode, fill, [float(number) for number in drawn.matrix(8)]
            else:
                args = [float(number) for number in drawn.matrix(8)], mode.value, fill
            assert_equal(*sides, pixels, *args)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("kind", [ImageFilter.GaussianBlur, ImageFilter.BoxBlur])
def test_blurs(kind, count):
    drawn = Drawn(count)
    for _ in range(count):
        pixels = drawn.image()
        blur = kind(drawn.random.choice([drawn.radius(), (drawn.radius(), drawn.radius())]))
        trace = Trace(None, "RGB", pixels.shape[1::-1], ())
        made = rendered(pixels, METHODS["filter"](trace, blur).steps)
        assert np.array_equal(made, np.asarray(Image.fromarray(pixels).filter(blur))), (pixels.shape, blur.radius)


# In which forms two deviations are given.
SIGMAS = (lambda pair: pair, lambda pair: pair[:1], lambda _: None)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize(
    ("records", "theirs", "forms"),
    [
        (CALLS[F, "gaussian_blur"], by_pillow(F.gaussian_blur), SIGMAS),
        (IMAGE_KERNELS[F2.gaussian_blur], by_pillow(F2.gaussian_blur), SIGMAS),
        # Whoever calls this one has made a pair of it.
        (TENSOR_CALLS[_functional_tensor, "gaussian_blur"], by_tensors(F.gaussian_blur), SIGMAS[:1]),
        (KERNELS[F2.gaussian_blur], by_tensors(F2.gaussian_blur), SIGMAS),
    ],
    ids=["images1", "images2", "tensors1", "tensors2"],
)
def test_blurs_of_torchvision(records, theirs, forms, count):
    drawn = Drawn(count)
    made = 0
    for _ in range(count):
        pixels = drawn.image()
        sides = [drawn.random.choice([1, 3, 5, 7, 11, 23, 37]) for _ in range(2)]
        sigmas = [10 ** drawn.random.uniform(-1.5, 1.5) for _ in range(2)]
        if min(length - side // 2 for length, side in zip(pixels.shape, reversed(sides), strict=False)) > 0:
            assert_equal(records, theirs, pixels, sides, drawn.random.choice(forms)(sigmas))
            made += 1
    assert made > count // 3


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("side", [3, 5])
def test_kernels(side, count):
    drawn = Drawn(count)
    for _ in range(count):
        pixels = drawn.image()
        weights = [drawn.random.choice([drawn.number(), drawn.random.randint(-3, 3)]) for _ in range(side * side)]
        scale = drawn.random.choice([drawn.number() or 1, drawn.random.uniform(0.1, 30)])
        kernel = ImageFilter.Kernel((side, side), weights, scale, drawn.random.choice([0, drawn.number()]))
        made = ours(METHODS["filter"], pixels, kernel)
        assert np.array_equal(made, np.asarray(Image.fromarray(pixels).filter(kernel))), (
            *(pixels.shape, kernel.filterargs),
        )


@pytest.mark.parametrize("count", COUNTS)
@called("adjust_sharpness")
def test_sharpness(records, theirs, count):
    drawn = Drawn(count)
    for _ in range(count):
        pixels = drawn.image()
        if records is CALLED["adjust_sharpness"]["pillow"][0] or min(pixels.shape[:2]) > 2:
            assert_equal(records, theirs, pixels, drawn.factor())


@pytest.mark.parametrize("count", COUNTS)
@called("adjust_contrast")
def test_contrast(records, theirs, count):
    drawn = Drawn(count)
    for _ in range(count):
        assert_equal(records, theirs, drawn.image(), drawn.factor())


@pytest.mark.parametrize("threads", [1, 2, 3, 9])
@pytest.mark.parametrize("count", [12, pytest.param(200, marks=ALL)])
@pytest.mark.parametrize("library", ["v1", "v2"])
def test_contrast_of_many_pixels(library, count, threads):
    """Of more than 65,793 torch rounds the sum of gray values, in an order that goes by its threads."""
    records, _ = CALLED["adjust_contrast"][library]
    function = {"v1": F.adjust_contrast, "v2": F2.adjust_contrast}[library]
    rng, before = np.random.default_rng(count), torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for _ in range(count):
            height, width = rng.integers(30, 900, 2)
            pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
            interleaved = bool(rng.integers(2))
            tensor = torch.from_numpy(pixels).permute(2, 0, 1)
            theirs = function(tensor if interleaved else tensor.contiguous(), 1.7).permute(1, 2, 0).numpy()
            made = ours(records, pixels, 1.7, interleaved=interleaved)
            assert np.array_equal(made, theirs), (pixels.shape, interleaved)
    finally:
        torch.set_num_threads(before)
