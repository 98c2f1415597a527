"""`Resize` and `RandomResizedCrop` of uint8 tensors against torchvision and the installed torch: every bit.

torch has several loops for them; which one runs depends on the tensor's layout, so images take the ways to them
that pipelines have: channels last as they come from a Pillow image, cropped, flipped, padded, resized before.
"""

import os
import subprocess
import sys
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
from support.pipelines import geometry
from support.recipes import Recipe, call
from support.resizes import TENSOR_MODES, noise, tensor_resizes
from support.workers import ReferenceLoader
from torchvision import transforms as v1
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms.v2 import functional as F2

import penstock
from penstock.ops import resampling

_LARGEST = 90_000
_CAPABLE = torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
pytestmark = pytest.mark.skipif(not _CAPABLE, reason="torch resizes bilinearly in float32 on this processor")

_lengths = st.one_of(st.integers(1, 300), st.integers(1, 40), st.sampled_from([1, 2, 3, 31, 32, 33, 63, 64, 65, 224]))
# Of images of one row or column, the strides do not tell which axis is the innermost.
_few = st.integers(1, 4)
_sizes = st.tuples(_lengths, _lengths)


@st.composite
def _pipelines(draw: Any) -> tuple[list[Recipe], tuple[int, int], bool]:
    """Transforms of tensors, among them a resize, with the size of an image that they take and whether it is gray."""
    lengths = draw(st.sampled_from([_lengths, _few]))
    sizes = st.tuples(lengths, lengths)
    size, gray = draw(sizes), draw(st.booleans())
    image = torch.zeros(1 if gray else 3, *size, dtype=torch.uint8)
    parts = [call(draw(st.sampled_from(["v2.ToImage", "v2.PILToTensor", "v1.PILToTensor"])))]
    step = st.one_of(geometry(len(image)), tensor_resizes(lengths, sizes))
    steps = [
        *draw(st.lists(step, max_size=2)),
        draw(tensor_resizes(lengths, sizes)),
        *draw(st.lists(step, max_size=2)),
    ]
    for part in steps:
        try:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                image = part.make()(image)
        except (ValueError, RuntimeError, TypeError, OverflowError, IndexError):
            assume(False)
        assume(image.numel() and max(image.shape[1:]) > 1 and image[0].numel() <= _LARGEST)
    return [*parts, *steps], size, gray


@cases(400)
@given(_pipelines(), st.integers(0, 99))
def test_pipelines_equal_torchvision_and_draw_as_it_does(case, seed):
    parts, size, gray = case
    transform = v1.Compose([part.make() for part in parts])
    images = noise((2, *size) if gray else (2, *size, 3), seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            theirs = torch.stack([transform(Image.fromarray(image)).as_subclass(torch.Tensor) for image in images])
        except (ValueError, RuntimeError):  # too small for a crop, or of two sizes
            assume(False)
        state = torch.get_rng_state()
    generator = torch.Generator().manual_seed(seed)
    try:
        compiled = penstock.compile(transform)
    except penstock.NotSupportedError as error:
        assume(not any(known in str(error) for known in ("negative margins", "the tensor's type")))
        raise
    ours = torch.from_numpy(compiled(images, generator=generator))
    assert torch.equal(ours, theirs), f"{(ours != theirs).float().mean():.3%} of the bytes differ"
    assert torch.equal(generator.get_state(), state)


@cases(400)
@given(_sizes, _sizes, st.sampled_from(TENSOR_MODES), st.booleans())
@example((375, 500), (224, 224), InterpolationMode.BILINEAR, False)
@example((500, 375), (224, 224), InterpolationMode.BICUBIC, False)
@example((3, 3000), (300, 2), InterpolationMode.LANCZOS, False)
@example((3000, 3), (2, 300), InterpolationMode.LANCZOS, True)
@example((1, 1), (224, 224), InterpolationMode.BICUBIC, False)
@example((2, 2), (55, 83), InterpolationMode.NEAREST, False)
@example((1500, 2), (1, 2), InterpolationMode.BILINEAR, False)  # more than 15 bits of a weight's fraction
def test_every_filter_equals_torchs_for_every_layout(before, after, mode, gray):
    assume(max(after) > 1 and mode in TENSOR_MODES)
    pixels = noise((*before, 1 if gray else 3), sum(before))
    transform = v2.Compose([v2.ToImage(), v2.Resize(after, mode)])
    ours = torch.from_numpy(penstock.compile(transform)(pixels[None, ..., 0] if gray else pixels[None])[0])
    last = torch.from_numpy(pixels).permute(2, 0, 1)
    for image in (last, last.contiguous()):
        assert torch.equal(ours, F2.resize(image, list(after), mode, antialias=True))


def test_the_comparison_can_fail():
    """What these tests rest on: Pillow's pixels, and those of other filters, are others."""
    pixels = noise((250, 200, 3))
    made = {
        (world, mode): penstock.compile(v2.Compose([*world, v2.Resize((224, 224), mode), v2.PILToTensor()]))(
            pixels[None]
        )
        for world in ((), (v2.ToImage(),))
        for mode in TENSOR_MODES
        if world or mode is not InterpolationMode.NEAREST
    }
    assert len({array.tobytes() for array in made.values()}) == len(made)


TRAIN = v2.Compose(
    [
        v2.ToImage(),
        v2.RandomResizedCrop(48, antialias=True),
        v2.RandomHorizontalFlip(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    ]
)
PRESET = v2.Compose(
    [
        v2.PILToTensor(),
        v2.Resize(64, interpolation=InterpolationMode.BICUBIC),
        v2.CenterCrop(56),
        v2.ToDtype(torch.float16),
    ]
)
PADDED = v2.Compose(
    [
        v2.RandomCrop(32, padding=4, pad_if_needed=True, fill=200),
        v2.ToImage(),
        v2.Pad(2, fill=31),
        v2.Resize((80, 71)),
        v2.Pad(3, fill=7),
        v1.Resize(50, InterpolationMode.NEAREST),
        v2.ToImage(),
        v2.RandomCrop(40),
        v2.ConvertImageDtype(torch.float32),
    ]
)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("transform", [TRAIN, PRESET, PADDED], ids=["train", "preset", "padded"])
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

    explained = penstock.explain(loader(penstock.DataLoader))
    assert explained.native, explained
    assert "torch's own arithmetic" in str(explained)
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
        (v2.Resize(16, max_size=17), (1, 60)),
        (v2.Resize((0, 5)), (9, 9)),
        (v2.RandomResizedCrop((5, 0)), (1, 40)),
        (v1.Resize((5, 0), InterpolationMode.NEAREST), (9, 9)),
        (v2.Resize([4], max_size=3), (9, 9)),
        (v2.Resize(9, interpolation="cubic"), (9, 9)),
    ],
)
def test_what_torchvision_refuses_raises_its_own_error(transform, size):
    pipeline = v1.Compose([v1.RandomHorizontalFlip(), v2.PILToTensor(), transform])
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
    ("parts", "reason"),
    [
        ([v2.ToImage(), v2.Resize(9, antialias=False)], "without antialiasing"),
        ([v2.ToImage(), v2.Resize(9, antialias=None)], "without antialiasing"),
        ([v2.ToImage(), v2.RandomResizedCrop(9, interpolation=InterpolationMode.NEAREST_EXACT)], "which loop"),
        ([v2.PILToTensor(), v2.Resize(9, InterpolationMode.BOX)], "no box filter"),
        ([v1.PILToTensor(), v1.Resize(9)], "float32"),
        ([v1.ToTensor(), v2.ToDtype(torch.float64), v2.Resize(9)], "converted before"),
        ([v1.ToTensor(), v1.Resize(9, antialias=False)], "without antialiasing"),
        ([v1.ToTensor(), v1.Resize(9, InterpolationMode.NEAREST_EXACT)], "which loop"),
        ([v1.ToTensor(), v1.Resize(9), v2.ToDtype(torch.float16)], "after they were converted"),
        (
            [v2.ToImage(), v2.ToDtype(torch.bfloat16, scale=True), v2.ToDtype(torch.uint8, scale=True), v2.Resize(9)],
            "conv",
        ),
        ([v2.ToImage(), v2.Resize(1)], "one pixel"),
        ([v2.ToImage(), v2.RandomResizedCrop((1, 1))], "one pixel"),
    ],
)
def test_what_has_no_native_form_says_so(parts, reason):
    with pytest.raises(penstock.NotSupportedError, match=reason):
        penstock.compile(v2.Compose(parts))


def test_torch_itself_fails_to_make_one_pixel_of_some_tensors():
    """Why that has no native form: once this is mended, it may have one."""
    image = torch.zeros(3, 7, 9, dtype=torch.uint8)
    with pytest.raises(RuntimeError, match="num_channels == unpacked_output"):
        F2.resize(image, [1, 1])


def test_another_torch_is_not_imitated(monkeypatch):
    real = F2.resize
    monkeypatch.setattr(F2, "resize", lambda *args, **options: real(*args, **options) ^ 1)
    resampling._tensors_agree.cache_clear()
    try:
        with pytest.raises(resampling.Opaque, match="to other pixels"):
            resampling.tensor_filter(InterpolationMode.BILINEAR, True, version=2)
    finally:
        monkeypatch.undo()
        resampling._tensors_agree.cache_clear()
    assert resampling.tensor_filter(InterpolationMode.BILINEAR, True, version=2) == "bilinear"


_ON_ANOTHER_PROCESSOR = """
import torch
from torchvision.transforms import v2
import penstock
assert torch.backends.cpu.get_cpu_capability() == "DEFAULT"
penstock.compile(v2.Compose([v2.ToImage(), v2.Resize(9, v2.InterpolationMode.BICUBIC)]))
try:
    penstock.compile(v2.Compose([v2.ToImage(), v2.Resize(9)]))
except penstock.NotSupportedError as error:
    print(error)
"""


def test_a_torch_without_vectors_resizes_bilinearly_in_float32_and_is_not_imitated():
    environment = {**os.environ, "ATEN_CPU_CAPABILITY": "default"}
    command = [sys.executable, "-c", _ON_ANOTHER_PROCESSOR]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "other pixels on this processor" in run.stdout
