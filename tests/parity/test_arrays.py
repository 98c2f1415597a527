"""`penstock.compile` against the transform itself, picture by picture."""

import dataclasses
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image
from support.cases import cases
from support.loaders import layouts
from support.pictures import Layout
from support.pipelines import Pipeline, pipelines
from torchvision import transforms as v1
from torchvision.transforms import v2

import penstock


@dataclasses.dataclass(frozen=True)
class Case:
    """A pipeline over an array, and which pictures of it."""

    pipeline: Pipeline
    shape: tuple[int, ...]
    layout: Layout
    indices: tuple[int, ...] | None
    seed: int


@st.composite
def array_cases(draw: Any) -> Case:
    count, height, width = draw(st.integers(1, 5)), draw(st.integers(1, 9)), draw(st.integers(1, 9))
    channels = draw(st.sampled_from([1, 3]))
    shape = (count, height, width) if channels == 1 else (count, height, width, 3)
    indices = draw(st.none() | st.lists(st.integers(-count, count - 1), min_size=1, max_size=6).map(tuple))
    pipeline = draw(pipelines(height, width, channels))
    return Case(pipeline, shape, draw(layouts(len(shape))), indices, draw(st.integers(0, 2**40)))


def expected(transform: Any, images: Any, indices: Any) -> np.ndarray:
    chosen = range(len(images)) if indices is None else indices
    return np.stack([transform(Image.fromarray(images[i])).numpy() for i in chosen])


@cases(400)
@given(array_cases(), st.booleans())
def test_equals_the_transform_and_draws_as_it_does(case, use_global):
    transform = case.pipeline.recipe.make()
    images = case.layout.array(np.random.default_rng(case.seed), case.shape)
    try:
        compiled = penstock.compile(transform)
    except penstock.NotSupportedError:
        assert not case.pipeline.promised or "bfloat16" in str(_dtype(transform, images))
        assume(False)
    torch.manual_seed(case.seed)
    theirs = expected(transform, images, case.indices)
    state = torch.get_rng_state()
    if use_global:
        torch.manual_seed(case.seed)
        ours = compiled(images, case.indices)
        assert torch.equal(torch.get_rng_state(), state)
    else:
        generator = torch.Generator().manual_seed(case.seed)
        torch.manual_seed(0)
        before = torch.get_rng_state()
        ours = compiled(images, case.indices, generator=generator)
        assert torch.equal(generator.get_state(), state)
        assert torch.equal(torch.get_rng_state(), before)
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
    assert ours.tobytes() == theirs.tobytes()


def _dtype(transform: Any, images: Any) -> Any:
    with torch.random.fork_rng(devices=[]):
        return transform(Image.fromarray(images[0])).dtype


CROP = v1.Compose([v1.RandomCrop(6, padding=1), v1.ToTensor()])


def pictures(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def test_the_result_is_torchs_without_a_copy():
    result = penstock.compile(CROP)(pictures(4, 6, 6, 3))
    tensor = torch.from_numpy(result)
    assert tensor.data_ptr() == result.__array_interface__["data"][0]
    assert result.flags.c_contiguous
    assert result.flags.writeable


def test_out_is_filled_and_returned():
    images, out = pictures(4, 6, 6, 3), np.empty((2, 3, 6, 6), np.float32)
    torch.manual_seed(1)
    theirs = expected(CROP, images, [2, -1])
    torch.manual_seed(1)
    assert penstock.compile(CROP)(images, [2, -1], out=out) is out
    assert np.array_equal(out, theirs)


def test_indices_may_be_anything_that_counts_as_an_integer():
    images = pictures(4, 6, 6, 3)
    f = penstock.compile(v1.ToTensor())
    for indices in (range(3), np.array([0, 1, 2]), torch.tensor([0, 1, 2]), (np.int8(0), 1, 2), iter([0, 1, 2])):
        assert np.array_equal(f(images, indices), f(images)[:3])


def overlapping() -> tuple[np.ndarray, np.ndarray]:
    memory = np.zeros(4 * 3 * 6 * 6, np.uint8)
    return memory.reshape(4, 6, 6, 3), memory.reshape(4, 3, 6, 6)


@pytest.mark.parametrize(
    ("images", "keywords", "error", "message"),
    [
        ([[1]], {}, TypeError, "array of uint8, got list"),
        (pictures(4, 6, 6, 3).astype(np.int16), {}, TypeError, "array of uint8, got int16"),
        (pictures(6, 6), {}, ValueError, r"shape \(N, H, W\)"),
        (pictures(4, 6, 6, 4), {}, ValueError, r"got \(4, 6, 6, 4\)"),
        (pictures(4, 0, 6, 3), {}, ValueError, r"got \(4, 0, 6, 3\)"),
        (pictures(4, 6, 6, 3), {"indices": [0, 4]}, IndexError, "index 4 is out of range for 4 images"),
        (pictures(4, 6, 6, 3), {"indices": [-5]}, IndexError, "index -5"),
        (pictures(4, 6, 6, 3), {"indices": [True]}, TypeError, "bool"),
        (pictures(4, 6, 6, 3), {"indices": [1.0]}, TypeError, "float"),
        (pictures(4, 6, 6, 3), {"indices": []}, ValueError, "at least one picture"),
        (
            pictures(4, 6, 6, 3),
            {"out": np.zeros((4, 3, 6, 6), np.float64)},
            TypeError,
            "out must be an array of float32",
        ),
        (pictures(4, 6, 6, 3), {"out": [0]}, TypeError, "got list"),
        (pictures(4, 6, 6, 3), {"out": np.zeros((4, 3, 6, 5), np.float32)}, ValueError, "of shape"),
        (
            pictures(4, 6, 6, 3),
            {"out": np.zeros((4, 6, 6, 3), np.float32).transpose(0, 3, 1, 2)},
            ValueError,
            "C-contig",
        ),
        (pictures(4, 5, 4, 3), {}, ValueError, "Required crop size .6, 6. is larger"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_written_or_drawn(images, keywords, error, message):
    crop = v1.Compose([v1.RandomCrop(6), v1.ToTensor()])
    out = keywords.get("out")
    before = out.copy() if isinstance(out, np.ndarray) else None
    torch.manual_seed(2)
    state = torch.get_rng_state()
    with pytest.raises(error, match=message):
        penstock.compile(crop)(images, **keywords)
    assert torch.equal(torch.get_rng_state(), state)
    if before is not None:
        assert np.array_equal(before, out)


def test_out_may_not_lie_on_the_pictures():
    images, out = overlapping()
    to_bytes = penstock.compile(v1.PILToTensor())
    with pytest.raises(ValueError, match="shares memory"):
        to_bytes(images, out=out)
    frozen = np.zeros((4, 3, 6, 6), np.uint8)
    frozen.flags.writeable = False
    with pytest.raises(ValueError, match="writable"):
        to_bytes(pictures(4, 6, 6, 3), out=frozen)


@pytest.mark.parametrize(
    ("transform", "message"),
    [
        (v2.Compose([v2.ToImage(), v2.ToDtype(torch.bfloat16, scale=True)]), "bfloat16, which NumPy lacks"),
        (v1.Compose([v1.ColorJitter(0.1), v1.ToTensor()]), "ColorJitter.*no native form"),
        (v1.Compose([lambda image: image, v1.ToTensor()]), "code that penstock does not know"),
        (v1.RandomCrop(3), "Pillow images reach collation"),
    ],
)
def test_what_cannot_be_compiled_is_named(transform, message):
    with pytest.raises(penstock.NotSupportedError, match=message):
        penstock.compile(transform)


def test_another_default_dtype_would_draw_otherwise():
    compiled = penstock.compile(CROP)
    torch.set_default_dtype(torch.float64)
    try:
        with pytest.raises(penstock.NotSupportedError, match="float64"):
            compiled(pictures(2, 6, 6, 3))
    finally:
        torch.set_default_dtype(torch.float32)
