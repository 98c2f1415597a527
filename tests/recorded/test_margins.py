"""Margins of images that record: mirrors of torchvision's, and rectangles that reach beyond the image."""

import io

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.cases import cases
from support.files import encode, photo
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

from penstock.recording.hooks import recording
from penstock.recording.images import is_recorded
from penstock.recording.recorder import Recorder

FILE = encode(photo(23, 31))
SIDES = st.integers(-9, 70)


def assert_same(call, mode="RGB", *, records=True):
    """Check what a call makes of an image, alone and as a tensor of its flipped half, and that it records."""

    def made():
        image = call(Image.open(io.BytesIO(FILE)).convert(mode))
        recorded = is_recorded(image)
        half = F.hflip(image).resize((11, 12))
        return (image.mode, image.size, sorted(image.info), image.tobytes(), F.to_tensor(half) + 0), recorded

    theirs, _ = made()
    with recording(Recorder()):
        ours, recorded = made()
    assert recorded or not records
    assert ours[:-1] == theirs[:-1]
    assert torch.equal(ours[-1], theirs[-1])


@cases(40)
@given(
    st.lists(st.integers(0, 40), min_size=4, max_size=4).filter(any),
    st.sampled_from(["edge", "reflect", "symmetric"]),
    st.sampled_from([F, F2]),
)
def test_mirrors_are_torchvisions(margins, mode, functional):
    assert_same(lambda image: functional.pad(image, margins, padding_mode=mode))


@pytest.mark.parametrize("padding", [3, (3,), (2, 5), [1, 2, 3, 4]], ids=str)
def test_margins_are_given_as_torchvision_takes_them(padding):
    assert_same(lambda image: F.pad(image, padding, padding_mode="reflect"))


def test_what_crops_or_is_gray_is_torchvisions():
    assert_same(lambda image: F.pad(image, [-2, 3, 4, 5], padding_mode="edge"), records=False)
    assert_same(lambda image: F.pad(image, 2, padding_mode="edge"), "L", records=False)


@cases(40)
@given(SIDES, SIDES, st.integers(1, 50), st.integers(1, 50), st.sampled_from(["L", "RGB"]))
def test_rectangles_reach_beyond_the_image(left, top, width, height, mode):
    assert_same(lambda image: image.crop((left, top, left + width, top + height)), mode)
