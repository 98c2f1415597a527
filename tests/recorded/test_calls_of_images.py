"""Calls that programs make on images touch nothing, and what comes of them goes on recording."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw, ImageOps
from support.programs import ON_IMAGES
from support.sides import folder, is_ours, side
from torchvision.transforms import functional as F

from penstock.recording.hooks import recording
from penstock.recording.images import is_recorded
from penstock.recording.recorder import Recorder

# Of `ON_IMAGES`, those that record whatever the image.
NAMES = (
    *("bands", "band", "luma", "Cr", "value", "HSV and back", "YCbCr", "YCbCr and back", "rectangle", "rectangles"),
    *("rectangle outside", "rectangle of a name", "rectangle of a number", "rectangle of NumPy's", "paint"),
    *("paint outside", "paint nothing", "square", "letterbox", "corner", "pad", "pasted partly"),
    *("bands in order", "bands resized", "bands looked up", "bands with tables", "gray three times"),
    *("pasted by NumPy's", "pasted to its size"),
)


def opened(**options):
    return Image.open(folder() / "plain.jpg", **options).convert("RGB")


@pytest.mark.parametrize("name", NAMES)
def test_they_record(name):
    with recording(Recorder()):
        image = opened()
        outcome = image._trace.source.outcome
        made = ON_IMAGES[name](image)
        for each in made if isinstance(made, (list, tuple)) else [made]:
            assert is_ours(each)
            assert is_ours(F.to_tensor(each))
    assert not outcome.is_touched


def all_values(values):
    return [value.numpy() if isinstance(value, torch.Tensor) else np.array(value) for value in values]


def assert_alike(program):
    """Assert that a program makes the same of images that record and of Pillow's."""
    results = []
    for ours in (True, False):
        with side(ours):
            results.append(program(opened()))
    for one, other in zip(*map(all_values, results), strict=True):
        assert np.array_equal(one, other)


def test_channels_are_copies():
    def program(image):
        red, green, blue = image.split()
        merged = Image.merge("RGB", (blue, green, red))
        red.paste(7, (0, 0, 9, 9))
        green.putpixel((1, 1), 3)
        image.putpixel((2, 2), (1, 2, 3))
        gray = image.convert("L")
        (again,) = gray.split()
        again.paste(9, (0, 0, 5, 5))
        return image, red, green, blue, merged, gray, again, Image.merge("RGB", (red, green, blue))

    assert_alike(program)


def test_what_is_pasted_is_what_it_was():
    def program(image):
        canvas = Image.new("RGB", (60, 60), "red")
        canvas.paste(image, (4, 5))
        image.paste((1, 2, 3), (0, 0, 20, 20))
        copy = canvas.copy()
        canvas.paste(image, (9, 9))
        ImageDraw.Draw(copy).rectangle((0, 0, 8, 8), 255)
        return image, canvas, copy

    assert_alike(program)


def test_a_pen_that_is_kept_draws_on():
    def program(image):
        draw = ImageDraw.Draw(image)
        draw.rectangle((0, 0, 9, 9), "blue")
        before = image.copy(), F.to_tensor(image)
        image.load()[3, 3] = 1, 2, 3
        draw.rectangle((5, 5, 12, 12), (9, 8, 7))
        draw.ellipse((2, 2, 20, 20), fill=(1, 1, 1))
        return image, before[0], before[1] + 0

    assert_alike(program)


@pytest.mark.parametrize("kind", [Image.Image, ImageDraw.ImageDraw])
def test_methods_of_the_users_are_called(kind, monkeypatch):
    names = ("split", "getchannel", "paste") if kind is Image.Image else ("rectangle",)
    for name in names:
        monkeypatch.setattr(kind, name, lambda self, *_args, name=name, **_options: (name, np.array(self.im.size)))

    def program(image):
        draw, canvas = ImageDraw.Draw(image), Image.new("RGB", (9, 9))
        drawn = draw.rectangle((1, 1, 5, 5), 7)
        return drawn, image.paste(3, (0, 0, 5, 5)), canvas.paste(image), image.split()[0], image.getchannel(0), image

    results = []
    for ours in (True, False):
        with side(ours):
            results.append([str(value) for value in program(opened())[:-1] if not isinstance(value, Image.Image)])
    assert results[0] == results[1]


def test_blanks_that_nothing_is_pasted_on_are_pillows():
    with side(ours=True):
        opened()
        blank = Image.new("RGB", (7, 5), "green")
        assert type(blank) == Image.Image  # noqa: E721 - as tables by type ask
        assert not is_recorded(blank)
        assert torch.equal(F.pil_to_tensor(blank)[:, 0, 0], torch.tensor([0, 128, 0], dtype=torch.uint8))
        assert type(blank) is Image.Image
        assert type(ImageOps.expand(Image.new("L", (3, 3)), 2)) == Image.Image  # noqa: E721
