"""`penstock.compile`: over NumPy arrays what the transform gives image by image, and the same numbers drawn."""

import itertools
import random

import numpy as np
import pytest
import torch
import torchvision.transforms as v1
from hypothesis import event, given
from hypothesis import strategies as st
from PIL import Image
from support.cases import cases
from support.compare import assert_same
from support.images import contiguous
from support.loaders import layouts
from support.pipelines import lengths, pipelines
from torch import nn
from torchvision.transforms import v2

import penstock
from penstock.lowering.transforms import lower_transform
from penstock.ops.opaque import Opaque

AUGMENT = v1.Compose([v1.RandomCrop(5, padding=2), v1.RandomHorizontalFlip(), v1.ToTensor()])
MIXED = v2.Compose([v2.ToImage(), v2.RandomCrop((4, 6), padding=(1, 3), fill=9), v2.RandomVerticalFlip(0.3)])


def pixels(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def expected(transform, images, indices, generator):
    """The definition, with torch's global generator where `generator` is."""
    before = torch.get_rng_state()
    torch.set_rng_state(generator.get_state())
    try:
        return np.stack([transform(Image.fromarray(images[index])) for index in indices])
    finally:
        generator.set_state(torch.get_rng_state())
        torch.set_rng_state(before)


def generator_pair(seed):
    pair = torch.Generator().manual_seed(seed), torch.Generator().manual_seed(seed)
    for generator in pair:
        torch.randn(1, generator=generator)  # leaves a normal number in it
        torch.rand(7, generator=generator)
    return pair


@st.composite
def array_cases(draw):
    channels = draw(st.sampled_from([1, 3]))
    count, height, width = draw(st.integers(1, 9)), draw(lengths), draw(lengths)
    shape = (count, height, width) if channels == 1 else (count, height, width, 3)
    layout = draw(st.none() | layouts(len(shape)))
    some = st.lists(st.integers(-count, count - 1), min_size=1, max_size=12)
    indices = draw(st.none() | some | some.map(tuple) | some.map(np.array) | some.map(torch.tensor))
    # What is drawn may not decide about the size: the result is one array.
    of_one_size = pipelines(height, width, channels).filter(lambda pipeline: "expand=True" not in repr(pipeline))
    return shape, layout, draw(of_one_size), indices, draw(st.integers(0, 2**64 - 1))


def is_lowered(transform, mode):
    try:
        lower_transform(transform, mode)
    except Opaque:
        return False
    return True


@cases(800)
@given(array_cases())
def test_equals_the_transform(case):
    shape, layout, pipeline, indices, seed = case
    transform = pipeline.recipe.make()
    images = (layout or contiguous(len(shape))).array(np.random.default_rng(0), shape)
    try:
        compiled = penstock.compile(transform)
    except penstock.NotSupportedError:
        event("not supported")
        if pipeline.promised:
            out = transform(Image.fromarray(images[0]))
            # It is compiled for images of both modes, and was made for those of one.
            other = "RGB" if images.ndim == 3 else "L"
            assert out.dtype == torch.bfloat16 or not is_lowered(transform, other)
        return
    mine, other = generator_pair(seed)
    untouched = images.copy()
    before = torch.get_rng_state()
    # What the first generation chooses by is Python's own.
    random.seed(seed)
    found = compiled(images, indices, generator=mine)
    after = random.getstate()
    assert torch.equal(torch.get_rng_state(), before)
    random.seed(seed)
    assert_same(found, expected(transform, images, range(len(images)) if indices is None else indices, other))
    assert random.getstate() == after
    assert torch.equal(mine.get_state(), other.get_state())
    assert found.flags.c_contiguous
    assert found.flags.writeable
    assert np.array_equal(images, untouched)
    # Again, into memory of the caller's.
    mine, _ = generator_pair(seed)
    out = np.empty_like(found)
    random.seed(seed)
    assert compiled(images, indices, generator=mine, out=out) is out
    assert_same(out, found)


@pytest.mark.parametrize("shape", [(6, 7, 8), (6, 7, 8, 3)])
def test_the_global_generator_is_the_default(shape):
    images = pixels(*shape)
    torch.manual_seed(4)
    torch.randn(1)
    found = penstock.compile(AUGMENT)(images)
    after = torch.get_rng_state()
    torch.manual_seed(4)
    torch.randn(1)
    assert_same(found, np.stack([AUGMENT(Image.fromarray(image)) for image in images]))
    assert torch.equal(torch.get_rng_state(), after)


def test_calls_go_on_where_the_last_one_ended():
    images, compiled = pixels(6, 7, 8, 3), penstock.compile(AUGMENT)
    mine, other = generator_pair(1)
    for indices in ([1, 2], [3], None, [5, 5, 5]):
        assert_same(
            compiled(images, indices, generator=mine),
            expected(AUGMENT, images, range(6) if indices is None else indices, other),
        )


def test_parameters_are_those_of_the_compilation():
    transform = v1.Compose([v1.RandomHorizontalFlip(0.0), v1.PILToTensor()])
    compiled = penstock.compile(transform)
    transform.transforms[0].p = 1.0
    images = pixels(2, 3, 4)
    assert np.array_equal(compiled(images)[:, 0], images)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.uint8, torch.float64])
def test_torch_takes_the_result_without_a_copy(dtype):
    compiled = penstock.compile(v2.Compose([v2.ToImage(), v2.ToDtype(dtype, scale=True)]))
    batch = compiled(pixels(5, 4, 4, 3))
    tensor = torch.from_numpy(batch)
    assert tensor.dtype == dtype
    assert tensor.data_ptr() == batch.ctypes.data
    value = tensor.clone()
    del batch
    compiled(pixels(5, 4, 4, 3, seed=1))
    assert torch.equal(tensor, value)


def test_a_result_is_never_written_again():
    compiled = penstock.compile(AUGMENT)
    held = [compiled(pixels(16, 7, 8, 3, seed=seed)) for seed in range(20)]
    sums = [batch.tobytes() for batch in held]
    for seed in range(20):
        compiled(pixels(16, 7, 8, 3, seed=seed))
    assert [batch.tobytes() for batch in held] == sums


def test_what_an_index_may_be():
    images, compiled = pixels(6, 4, 4), penstock.compile(v1.PILToTensor())
    for indices in (
        [1, -1],
        (1, -1),
        np.array([1, -1]),
        torch.tensor([1, -1]),
        iter([1, -1]),
        [np.int8(1), torch.tensor(-1)],
    ):
        assert np.array_equal(compiled(images, indices)[:, 0], images[[1, 5]])
    assert np.array_equal(compiled(images, range(2, 4))[:, 0], images[2:4])


def test_memory_maps_and_read_only_arrays(tmp_path):
    images = pixels(6, 4, 5, 3)
    images.tofile(tmp_path / "images")
    compiled = penstock.compile(AUGMENT)
    mapped = np.memmap(tmp_path / "images", np.uint8, "r", shape=images.shape)
    one, other = (compiled(array, generator=torch.Generator().manual_seed(3)) for array in (images, mapped))
    assert_same(one, other)


def test_repr():
    assert repr(penstock.compile(v1.ToTensor())) == "penstock.compile(ToTensor())"


# ---------------------------------------------------------------------------------------------------------------
# what is wrong with a call

IMAGES = pixels(6, 7, 8, 3)
BIG = np.zeros(10_000, np.uint8)


def overlapping():
    memory = np.zeros(6 * 3 * 7 * 8 * 2, np.uint8)
    return memory[: 6 * 3 * 7 * 8].reshape(6, 7, 8, 3), memory[100 : 100 + 6 * 3 * 7 * 8].reshape(6, 3, 7, 8)


def interleaved():
    """Views of one memory that share no byte."""
    memory = np.zeros((6, 2, 3 * 7 * 8), np.uint8)
    return memory[:, 0].reshape(6, 7, 8, 3), np.zeros((6, 3, 7, 8), np.uint8)


# The call, the exception, and a word of its message. All of them are found before anything is drawn.
WRONG = {
    "a list": (lambda f, out: f(IMAGES.tolist(), out=out), TypeError, "uint8, got list"),
    "a tensor": (lambda f, out: f(torch.from_numpy(IMAGES), out=out), TypeError, "uint8, got Tensor"),
    "float32": (lambda f, out: f(IMAGES.astype(np.float32), out=out), TypeError, "uint8, got float32"),
    "int8": (lambda f, out: f(IMAGES.view(np.int8), out=out), TypeError, "uint8, got int8"),
    "one image": (lambda f, out: f(IMAGES[0, :, :, 0], out=out), ValueError, "shape"),
    "five axes": (lambda f, out: f(IMAGES[None], out=out), ValueError, "shape"),
    "four channels": (lambda f, out: f(np.zeros((6, 7, 8, 4), np.uint8), out=out), ValueError, "shape"),
    "one channel": (lambda f, out: f(np.zeros((6, 7, 8, 1), np.uint8), out=out), ValueError, "shape"),
    "no rows": (lambda f, out: f(np.zeros((6, 0, 8, 3), np.uint8), out=out), ValueError, "shape"),
    "no images": (lambda f, out: f(IMAGES[:0], out=out), ValueError, "at least one"),
    "no indices": (lambda f, out: f(IMAGES, [], out=out), ValueError, "at least one"),
    "index too large": (lambda f, out: f(IMAGES, [0, 6], out=out), IndexError, "index 6 is out of range"),
    "index too small": (lambda f, out: f(IMAGES, [0, -7], out=out), IndexError, "index -7 is out of range"),
    "index huge": (lambda f, out: f(IMAGES, [0, 2**70], out=out), IndexError, "out of range"),
    "float index": (lambda f, out: f(IMAGES, [0, 1.0], out=out), TypeError, "integer"),
    "bool index": (lambda f, out: f(IMAGES, [True, False], out=out), TypeError, "bool"),
    "mask": (lambda f, out: f(IMAGES, np.ones(6, bool), out=out), TypeError, "bool"),
    "string index": (lambda f, out: f(IMAGES, "12", out=out), TypeError, "integer"),
    "one int": (lambda f, out: f(IMAGES, 3, out=out), TypeError, "iterable"),
    "out of another dtype": (lambda f, out: f(IMAGES, out=np.zeros((6, 3, 5, 5), np.float64)), TypeError, "float32, got float64"),
    "out of another byte order": (lambda f, out: f(IMAGES, out=np.zeros((6, 3, 5, 5), ">f4")), TypeError, "float32"),
    "out no array": (lambda f, out: f(IMAGES, out=torch.zeros(6, 3, 5, 5)), TypeError, "got Tensor"),
    "out of another shape": (lambda f, out: f(IMAGES, out=np.zeros((6, 3, 5, 6), np.float32)), ValueError, r"\(6, 3, 5, 5\)"),
    "out for more images": (lambda f, out: f(IMAGES, [1], out=np.zeros((6, 3, 5, 5), np.float32)), ValueError, r"\(1, 3, 5, 5\)"),
    "out not contiguous": (lambda f, out: f(IMAGES, out=np.zeros((6, 3, 5, 10), np.float32)[..., ::2]), ValueError, "contiguous"),
    "out in Fortran's order": (lambda f, out: f(IMAGES, out=np.zeros((6, 3, 5, 5), np.float32, order="F")), ValueError, "contiguous"),
    "out read-only": (lambda f, out: f(IMAGES, out=np.broadcast_to(np.float32(0), (6, 3, 5, 5))), ValueError, "writable"),
    "generator of another kind": (lambda f, out: f(IMAGES, out=out, generator=np.random.default_rng(0)), AttributeError, "get_state"),
}  # fmt: skip


@pytest.mark.parametrize(("call", "error", "word"), WRONG.values(), ids=WRONG)
def test_wrong_calls(call, error, word):
    out = np.full((6, 3, 5, 5), 0.25, np.float32)
    before = torch.get_rng_state()
    with pytest.raises(error, match=word):
        call(penstock.compile(AUGMENT), out)
    assert (out == 0.25).all()
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("wrong", [which for n in (1, 2, 3) for which in itertools.combinations(range(3), n)])
def test_all_that_is_wrong_with_out_is_named(wrong):
    shape, layout, writability = (k in wrong for k in range(3))
    out = np.zeros((6, 3, 5, 6 if shape else 5), np.float32, order="F" if layout else "C")
    out.flags.writeable = not writability
    with pytest.raises(ValueError, match=r"^out must be ") as raised:
        penstock.compile(AUGMENT)(IMAGES, out=out)
    message = str(raised.value)
    assert ("of shape (6, 3, 5, 5), got (6, 3, 5, 6)" in message) == shape
    assert ("C-contiguous, got strides" in message) == layout
    assert ("writable, got a read-only array" in message) == writability


def test_out_must_not_overlap():
    compiled = penstock.compile(v1.PILToTensor())
    images, out = overlapping()
    with pytest.raises(ValueError, match="shares memory"):
        compiled(images, out=out)
    with pytest.raises(ValueError, match="shares memory"):
        compiled(images, out=images.reshape(6, 3, 7, 8))
    assert not out.any()
    images, out = interleaved()
    compiled(images, out=out)


@pytest.mark.parametrize("kind", [(7, 8), (7, 8, 3)])
def test_images_that_the_transform_refuses(kind):
    """The transform's own exception; what it had drawn until then is drawn."""
    transform = v1.Compose([v1.RandomHorizontalFlip(), v1.RandomCrop(9), v1.ToTensor()])
    images, out = pixels(4, *kind), np.full((4, 3, 9, 9), 0.25, np.float32)
    mine, other = generator_pair(2)
    with pytest.raises(ValueError, match="Required crop size") as ours:
        penstock.compile(transform)(images, generator=mine, out=out)
    with pytest.raises(ValueError, match="Required crop size") as theirs:
        expected(transform, images, range(4), other)
    assert str(ours.value) == str(theirs.value)
    assert (out == 0.25).all()
    assert torch.equal(mine.get_state(), other.get_state())


def test_a_transform_for_one_mode_only():
    transform = v1.Compose([v1.ToTensor(), v1.Normalize([0.5] * 3, [0.5] * 3)])
    compiled = penstock.compile(transform)
    assert compiled(pixels(2, 4, 4, 3)).shape == (2, 3, 4, 4)
    with pytest.raises(RuntimeError) as ours:
        compiled(pixels(2, 4, 4))
    with pytest.raises(RuntimeError) as theirs:
        transform(Image.fromarray(pixels(4, 4)))
    assert str(ours.value) == str(theirs.value)


class OwnFlip(v1.RandomHorizontalFlip):
    pass


UNSUPPORTED = {
    "bfloat16": (v2.Compose([v2.ToImage(), v2.ToDtype(torch.bfloat16)]), "bfloat16, which NumPy lacks"),
    "unknown op": (v1.Compose([v1.ElasticTransform(), v1.ToTensor()]), "ElasticTransform.*no native form"),
    "a function": (lambda img: torch.from_numpy(np.array(img)), "does not know"),
    "subclass": (v1.Compose([OwnFlip(), v1.ToTensor()]), "OwnFlip|RandomHorizontalFlip"),
    "no tensor": (v1.RandomHorizontalFlip(), "Pillow"),
    "nothing": (None, "None"),
    "hooked": (nn.Sequential(v2.ToImage()), "hooks"),
}


@pytest.mark.parametrize(("transform", "word"), UNSUPPORTED.values(), ids=UNSUPPORTED)
def test_what_cannot_be_compiled(transform, word):
    if word == "hooks":
        transform[0].register_forward_hook(lambda *_: None)
    with pytest.raises(penstock.NotSupportedError, match=f"(?s){word}"):
        penstock.compile(transform)


def test_a_fill_that_does_not_suit_gray_images():
    """It matters where there is a margin."""
    transform = v1.Compose([v1.RandomCrop(6, pad_if_needed=True, fill=(1, 2, 3)), v1.PILToTensor()])
    compiled = penstock.compile(transform)
    for shape in ((2, 4, 9, 3), (2, 9, 9, 3), (2, 9, 9)):
        images = pixels(*shape)
        mine, other = generator_pair(3)
        assert_same(compiled(images, generator=mine), expected(transform, images, range(2), other))
    with pytest.raises(ValueError, match="number of elements in 'fill'"):
        compiled(pixels(2, 4, 9), out=np.zeros((2, 1, 6, 6), np.uint8))


def test_another_default_dtype():
    compiled = penstock.compile(AUGMENT)
    before = torch.get_rng_state()
    torch.set_default_dtype(torch.float64)
    try:
        with pytest.raises(penstock.NotSupportedError, match="float64"):
            compiled(IMAGES)
    finally:
        torch.set_default_dtype(torch.float32)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_bfloat16_step_before_another_dtype():
    transform = v2.Compose([v2.ToImage(), v2.ToDtype(torch.bfloat16, scale=True), v2.ToDtype(torch.float32)])
    found = penstock.compile(transform)(IMAGES)
    assert_same(found, np.stack([transform(Image.fromarray(image)) for image in IMAGES]))
