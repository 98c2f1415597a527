"""`Resize` and `RandomResizedCrop` against torchvision and the installed Pillow: every bit, and every draw.

Images are noise with many bytes at both ends, where overshoot is clipped and a wrong last bit shows.
"""

import dataclasses
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, example, given
from hypothesis import strategies as st
from PIL import Image
from support.cases import cases
from support.compare import assert_same
from support.images import Images, dataset_of
from support.recipes import Recipe, call
from support.resizes import noise, resizes
from support.workers import ReferenceLoader
from torchvision import transforms as v1
from torchvision.transforms import InterpolationMode, v2

import penstock
from penstock import _native
from penstock.ops import resampling, sides, uniform

FILTERS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")
_LARGEST = 90_000

_lengths = st.one_of(st.integers(1, 300), st.integers(1, 40), st.sampled_from([1, 2, 3, 31, 32, 33, 63, 64, 65, 224]))
_versions = st.sampled_from(["v1", "v2"])


@st.composite
def _sizes(draw: Any) -> tuple[int, int]:
    height, width = draw(_lengths), draw(_lengths)
    return (height, width) if draw(st.booleans()) else (width, height)


_resizes = resizes(_lengths, _sizes())


@st.composite
def geometry(draw: Any) -> Recipe:
    """A crop, pad or flip."""
    version = draw(_versions)
    kind = draw(st.sampled_from(["RandomCrop", "CenterCrop", "Pad", "Pad", "Horizontal", "Vertical"]))
    if kind in ("Horizontal", "Vertical"):
        return call(f"{version}.Random{kind}Flip", draw(st.sampled_from([0.5, 1.0])))
    margins = {"fill": draw(st.integers(0, 255))}
    if draw(st.booleans()):
        margins = {"padding_mode": draw(st.sampled_from(["constant", "edge", "reflect", "symmetric"]))}
    if kind == "Pad":
        return call(f"{version}.Pad", draw(st.integers(0, 9)), **margins)
    size = draw(st.sampled_from([1, 5, 31, 64, (20, 50), (50, 20)]))
    if kind == "CenterCrop":
        return call(f"{version}.CenterCrop", size)
    return call(
        f"{version}.RandomCrop", size, padding=draw(st.none() | st.integers(0, 9)), pad_if_needed=True, **margins
    )


@dataclasses.dataclass(frozen=True)
class Case:
    """A pipeline with resizes, and the image that it is given."""

    parts: tuple[Recipe, ...]
    size: tuple[int, int]
    gray: bool
    seed: int

    def transform(self) -> Any:
        return v1.Compose([*(part.make() for part in self.parts), v1.PILToTensor()])

    def images(self) -> Any:
        return noise((2, *self.size) if self.gray else (2, *self.size, 3), self.seed)


@st.composite
def pipelines(draw: Any) -> Case:
    parts = draw(st.lists(st.one_of(geometry(), _resizes), max_size=2))
    parts = [*parts, draw(_resizes), *draw(st.lists(st.one_of(geometry(), geometry(), _resizes), max_size=2))]
    size = draw(_sizes())
    # torchvision says what it refuses, and nothing may grow without bounds.
    image: Any = Image.new("RGB", size[::-1])
    for part in parts:
        try:
            image = part.make()(image)
        except (ValueError, RuntimeError, OverflowError, MemoryError):
            assume(False)
        assume(image.width * image.height <= _LARGEST)
    return Case(tuple(parts), size, draw(st.booleans()), draw(st.integers(0, 99)))


def expected(transform: Any, images: Any, seed: int) -> tuple[Any, torch.Tensor]:
    torch.manual_seed(seed)
    made = np.stack([transform(Image.fromarray(image)).numpy() for image in images])
    return made, torch.get_rng_state()


@cases(400)
@given(pipelines())
def test_pipelines_equal_torchvision_and_draw_as_it_does(case):
    transform, images = case.transform(), case.images()
    with torch.random.fork_rng(devices=[]):
        theirs, state = expected(transform, images, case.seed)
        assume(theirs.shape[0] == 2)
        generator = torch.Generator().manual_seed(case.seed)
        ours = penstock.compile(transform)(images, generator=generator)
    assert ours.shape == theirs.shape
    assert ours.tobytes() == theirs.tobytes(), f"{(ours != theirs).mean():.3%} of the bytes differ"
    assert torch.equal(generator.get_state(), state)


@cases(300)
@given(_sizes(), _sizes(), st.sampled_from(FILTERS), st.booleans())
@example((375, 500), (224, 224), "bilinear", False)
@example((500, 375), (224, 224), "bilinear", False)
@example((250, 200), (224, 224), "bicubic", False)  # Pillow 13 makes the vertical pass first
@example((3, 3000), (300, 2), "lanczos", False)
@example((3000, 3), (2, 300), "lanczos", True)
def test_every_filter_equals_pillow(before, after, name, gray):
    pixels = noise(before if gray else (*before, 3), sum(before))
    transform = v1.Compose([v1.Resize(after, InterpolationMode(name)), v1.PILToTensor()])
    theirs = np.asarray(Image.fromarray(pixels).resize(after[::-1], getattr(Image.Resampling, name.upper())))
    ours = penstock.compile(transform)(pixels[None])[0]
    assert np.array_equal(ours[0] if gray else ours.transpose(1, 2, 0), theirs)


def test_the_comparison_can_fail():
    """What these tests rest on: another filter, and another order of passes, do differ here."""
    pixels = noise((250, 200, 3))
    bilinear, hamming = (Image.fromarray(pixels).resize((224, 224), by) for by in (Image.BILINEAR, Image.HAMMING))
    assert not np.array_equal(bilinear, hamming)
    across = Image.fromarray(pixels).resize((224, 250), Image.BILINEAR).resize((224, 224), Image.BILINEAR)
    down = Image.fromarray(pixels).resize((200, 224), Image.BILINEAR).resize((224, 224), Image.BILINEAR)
    assert not np.array_equal(across, down)
    order = {"across": across, "tall": across, "shrinkage": down}[resampling.pass_order("bilinear")]
    assert np.array_equal(order, bilinear)


PRESET = v1.Compose([v1.Resize(64), v1.CenterCrop(56), v1.ToTensor(), v1.Normalize((0.45,), (0.225,))])
TRAIN = v2.Compose(
    [
        v2.RandomResizedCrop(48),
        v2.RandomHorizontalFlip(),
        v2.PILToTensor(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ]
)
PADDED = v1.Compose(
    [
        v1.RandomCrop(32, padding=4, pad_if_needed=True, fill=200),
        v1.Resize(80, InterpolationMode.BICUBIC),
        v1.Pad(3, fill=7),
        v1.RandomCrop(70),
        v1.ToTensor(),
    ]
)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("transform", [PRESET, TRAIN, PADDED], ids=["preset", "train", "padded"])
@pytest.mark.parametrize("family", ["CIFAR10", "STL10", "MNIST", "own"])
def test_loaders_give_the_same_batches(family, transform, workers):
    def loader(cls):
        if family == "own":
            rng = np.random.default_rng(0)
            shapes = [(1, 1, 3), (1, 99, 3), (99, 1, 3), *((*map(int, rng.integers(1, 200, 2)), 3) for _ in range(27))]
            data: Any = Images([noise(shape, i) for i, shape in enumerate(shapes)], list(range(30)), transform)
        else:
            data = dataset_of(family, 30, 40, 36, transform=transform)
        return cls(data, batch_size=7, shuffle=True, num_workers=workers)

    assert penstock.explain(loader(penstock.DataLoader)).native, penstock.explain(loader(penstock.DataLoader))
    torch.manual_seed(11)
    theirs = list(loader(ReferenceLoader))
    their_state = torch.get_rng_state()
    torch.manual_seed(11)
    ours = list(loader(penstock.DataLoader))
    assert_same(ours, theirs)
    assert torch.equal(torch.get_rng_state(), their_state)


@pytest.mark.parametrize(
    ("transform", "size"),
    [
        (v2.Resize(None, max_size=20), (1, 60)),
        (v1.Resize(16, max_size=17), (1, 60)),
        (v1.Resize((0, 5)), (9, 9)),
        (v1.Resize((0, 5)), (1, 1)),
        (v1.RandomResizedCrop((0, 5)), (9, 9)),
        (v2.RandomResizedCrop((5, 0)), (1, 40)),
        (v2.Resize([4], max_size=3), (9, 9)),
        (v1.Resize((4, 5), max_size=7), (9, 9)),
        (v1.Resize(9, interpolation="bilinear"), (9, 9)),
    ],
)
def test_what_torchvision_refuses_raises_its_own_error(transform, size):
    pipeline = v1.Compose([v1.RandomHorizontalFlip(), transform, v1.PILToTensor()])
    pixels = noise((1, *size, 3))
    compiled = penstock.compile(pipeline)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        with pytest.raises(Exception) as theirs:
            pipeline(Image.fromarray(pixels[0]))
        state = torch.get_rng_state()
        generator = torch.Generator().manual_seed(3)
        with pytest.raises(type(theirs.value)) as ours:
            compiled(pixels, generator=generator)
    assert str(ours.value) == str(theirs.value)
    assert torch.equal(generator.get_state(), state)


@pytest.mark.parametrize(
    "parts",
    [
        [v1.Resize(9, antialias=False), v1.ToTensor()],
        [v2.RandomResizedCrop(9, antialias=False), v1.ToTensor()],
        [v1.RandomResizedCrop(9, ratio=(3.0, 4.0)), v1.ToTensor()],
    ],
)
def test_what_has_no_native_form_says_so(parts):
    with pytest.raises(penstock.NotSupportedError, match=r"warns|ratio"):
        penstock.compile(v1.Compose(parts))


def test_only_one_nearest_is_pillows():
    pixels = noise((1, 50, 70, 3))
    nearest, exact = (
        penstock.compile(v1.Compose([v1.Resize((33, 44), mode), v1.PILToTensor()]))(pixels)
        for mode in (InterpolationMode.NEAREST, InterpolationMode.NEAREST_EXACT)
    )
    assert np.array_equal(nearest, exact)


def test_another_pillow_is_not_imitated(monkeypatch):
    real = Image.Image.resize

    def other(self, size, *args, **kwargs):
        return real(self, size, *args, **kwargs).point(lambda value: value ^ 1)

    monkeypatch.setattr(Image.Image, "resize", other)
    resampling.pass_order.cache_clear()
    try:
        with pytest.raises(penstock.NotSupportedError, match="gives other pixels"):
            penstock.compile(v1.Compose([v1.Resize(9), v1.ToTensor()]))
    finally:
        monkeypatch.undo()
        resampling.pass_order.cache_clear()
    assert resampling.pass_order("bilinear") is not None


# Far from where numbers lose their last bits, but the ranges may be as narrow as they can be.
_coarse = st.one_of(st.floats(2**-20, 50, width=32), st.floats(-50, -(2**-20), width=32), st.just(0.0))


@cases(200)
@given(st.integers(0, 2**32 - 1), _coarse, _coarse.map(abs))
@example(1, 4.0, 2**-20)  # every other number is rounded to the upper bound
@example(2, 0.9, 0.1)
def test_uniform_draws_what_torch_draws(seed, low, extent):
    low = float(np.float32(low))
    high = float(np.float32(low) + np.float32(extent))
    generator, ours = torch.Generator().manual_seed(seed), _native.Generator(seed)
    for _ in range(5):
        theirs = torch.empty(1).uniform_(low, high, generator=generator).item()
        assert ours.uniform(low, high, *uniform.uniform_rounding()) == theirs


def test_torchs_own_exp_decides_what_its_last_bit_decides():
    """Many crops of a large image whose pixels tell where they are: for some, the last bit of exp matters."""
    asked = []

    def exp(x: float) -> float:
        asked.append(x)
        return sides.exp(x)

    height, width, count = 3000, 4000, 20_000
    ratio = (3 / 4, 4 / 3)
    low, high = torch.log(torch.tensor(ratio)).tolist()
    rounding = uniform.uniform_rounding()
    op = _native.Op("random_resized_crop", (2, 2), (0.08, 1.0), (low, high), ratio, "nearest", "across", rounding, exp)
    rows, columns = np.indices((height, width), dtype=np.int32)
    pixels = np.stack([rows % 251, columns % 251, rows // 251 * 16 + columns // 251], axis=2).astype(np.uint8)
    source = _native.ArrayImages(pixels[None], _native.Plan([op], bytes(range(256)) * 3, 3, 1, inks=b""))
    generator = _native.Generator(5)
    batch = _native.Batch(source, [0] * count, generator)
    ours = np.empty((count, 3, 2, 2), np.uint8)
    batch.run(_native.JobQueue(1), ours.reshape(-1))
    assert 1 <= len(asked) <= count // 20

    image = torch.empty(1, height, width, device="meta")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        crops = [v1.RandomResizedCrop.get_params(image, [0.08, 1.0], list(ratio)) for _ in range(count)]
        state = torch.get_rng_state()
    top, left, tall, wide = np.array(crops).T
    y = np.stack([top + tall // 4, top + tall * 3 // 4], axis=1)
    x = np.stack([left + wide // 4, left + wide * 3 // 4], axis=1)
    theirs = pixels[y[:, :, None], x[:, None, :]].transpose(0, 3, 1, 2)
    assert np.array_equal(ours, theirs)
    drawn = state.clone()
    generator.store(drawn.numpy())
    assert torch.equal(drawn, state)


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_an_interrupt_while_torchs_exp_is_asked_is_raised_and_nothing_is_drawn(error):
    def exp(x: float) -> float:
        raise error

    rounding = uniform.uniform_rounding()
    op = _native.Op(
        "random_resized_crop", (2, 2), (0.08, 1.0), (-0.3, 0.3), (0.7, 1.4), "nearest", "across", rounding, exp
    )
    source = _native.ArrayImages(noise((1, 3000, 4000, 3)), _native.Plan([op], bytes(range(256)) * 3, 3, 1, inks=b""))
    generator, untouched = _native.Generator(5), _native.Generator(5)
    with pytest.raises(error):
        _native.Batch(source, [0] * 20_000, generator)
    assert generator.words(3) == untouched.words(3)
    assert _native.Batch(source, [0], generator).refused is None


def test_warnings_are_torchvisions_alone():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        penstock.compile(v1.Compose([v1.RandomResizedCrop(9), v1.ToTensor()]))(noise((1, 20, 20, 3)))
