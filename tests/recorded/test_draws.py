"""The rectangles of `RandomResizedCrop` on recording images: torchvision's, from the same place in torch's stream."""

import io
import random

import pytest
import torch
from PIL import Image
from support.files import encode, photo
from torchvision import transforms

from penstock.recording.hooks import recording
from penstock.recording.recorder import Recorder

SIZES = [(50, 60), (1, 1), (1, 90), (120, 7), (333, 500)]


def drawn(image, scale, ratio, seed):
    """Return the rectangle, and where torch's generator stands then; it holds a cached normal for some seeds."""
    torch.manual_seed(seed)
    if seed % 2:
        torch.randn(3)
    return transforms.RandomResizedCrop.get_params(image, scale, ratio), torch.get_rng_state()


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_rectangles_are_torchvisions(size):
    dice = random.Random(size[0])
    file = encode(photo(*size))
    for seed in range(300):
        scale, ratio = (dice.uniform(0.005, 0.9), 1.0), (dice.uniform(0.3, 1.0), dice.uniform(1.0, 3.0))
        given = (list, tuple)[seed % 2]
        with recording(Recorder()):
            image = Image.open(io.BytesIO(file)).convert("RGB")
            ours = drawn(image, given(scale), given(ratio), seed)
        theirs = drawn(Image.new("RGB", size[::-1]), given(scale), given(ratio), seed)
        assert ours[0] == theirs[0]
        assert [type(value) for value in ours[0]] == [type(value) for value in theirs[0]]
        assert torch.equal(ours[1], theirs[1])


@pytest.mark.parametrize(
    ("scale", "ratio"),
    [
        ((0.5, 0.1), (0.7, 1.4)),
        ((0.1, 0.5), (1.4, 0.7)),
        ((0.1, 1), (1e-9, 1)),
        ((0.1, "x"), (1, 2)),
        ((0.1, [1]), (1, 2)),
    ],
    ids=str,
)
def test_odd_bounds_are_torchvisions_to_judge(scale, ratio):
    def result(image):
        try:
            return drawn(image, scale, ratio, 3)[0]
        except Exception as error:
            return type(error), str(error)

    with recording(Recorder()):
        ours = result(Image.open(io.BytesIO(encode(photo(50, 60)))).convert("RGB"))
    assert ours == result(Image.new("RGB", (60, 50)))


def test_the_class_is_torchvisions_again_afterwards():
    before = vars(transforms.RandomResizedCrop)["get_params"].__func__
    with recording(Recorder()):
        assert transforms.RandomResizedCrop.get_params is not before
    assert vars(transforms.RandomResizedCrop)["get_params"].__func__ is before
