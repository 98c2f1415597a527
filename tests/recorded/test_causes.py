"""Reasons name what the user's program called."""

import copy
import io
import threading

import numpy as np
import pytest
import torch
from numpy import asarray
from PIL import Image, ImageChops, ImageDraw, ImageFilter
from support.sides import folder
from torchvision import transforms as T
from torchvision.transforms import functional as F
from torchvision.transforms import v2

from penstock.recording import hooks
from penstock.recording.recorder import Recorder


class OwnElastic(T.ElasticTransform):
    """A user's own kind of a library's transform."""


class Spreading:
    """A user's own transform."""

    def __call__(self, image):
        return image.effect_spread(3)


def _in_lines(image):
    return np.array(
        image,
        copy=True,
    )


CALLS = {
    "ElasticTransform ": T.Compose([T.RandomApply([T.ElasticTransform(sigma=1.0)], p=1.0), T.ToTensor()]),
    "OwnElastic": OwnElastic(sigma=1.0),
    "LinearTransformation": T.Compose([T.ToTensor(), T.LinearTransformation(torch.eye(960), torch.zeros(960))]),
    "ElasticTransform": v2.Compose([v2.RandomApply([v2.ElasticTransform(sigma=1.0)], p=1.0)]),
    "Image.effect_spread": Spreading(),
    "ImageChops.invert": lambda image: ImageChops.invert(image),
    "Image.paste": lambda image: image.copy().paste(image, (2, 2)),
    "ImageDraw.line": lambda image: ImageDraw.Draw(image.copy()).line((0, 0, 9, 9), 7),
    "Image.filter": lambda image: image.filter(ImageFilter.MedianFilter()),
    "Image.getpixel": lambda image: image.getpixel((0, 0)),
    "Image.quantize": lambda image: image.quantize(8),
    "Image.convert": lambda image: image.convert("CMYK"),
    "Image.save": lambda image: image.save(io.BytesIO(), "PNG"),
    "functional.elastic_transform": lambda image: F.elastic_transform(image, torch.zeros(1, 16, 20, 2)),
    "np.array": lambda image: np.array(image),
    "np.asarray": lambda image: T.Lambda(lambda inner: asarray(inner))(image),
    "np.array ": _in_lines,
    "np.mean": lambda image: np.mean(image),
    "copy.deepcopy": lambda image: copy.deepcopy(image),
    "torch.mean": lambda image: torch.mean(F.to_tensor(image)),
    "Tensor.mean": lambda image: F.to_tensor(image).mean(),
    "Tensor.sin": lambda image: F.to_tensor(image).sin(),
    "Tensor.numpy": lambda image: F.to_tensor(image).numpy(),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_reason_is_what_was_called(name):
    assert _reason(CALLS[name]) == name.strip()


def test_what_calls_nothing_is_named_by_its_line():
    def looks(image):
        return [*map(np.array, [image])], image

    assert _reason(looks) == f"test_causes.py:{looks.__code__.co_firstlineno + 1}"


@pytest.mark.parametrize("code", ["np.array(image)", "image.getbbox()", "[*map(np.array, [image])]"])
def test_code_without_a_file(code):
    reason = _reason(lambda image: eval(compile(code, "<string>", "eval"), {"np": np, "image": image}))  # noqa: S307
    assert reason in {"<string>:1", "Image.getbbox"}


def test_what_timm_draws_touches_nothing():
    augment = pytest.importorskip("timm.data.auto_augment").rand_augment_transform("rand-m9-n8", {})
    assert _reason(augment) is None


def test_other_libraries_transforms():
    library = pytest.importorskip("albumentations")
    flip = library.Compose([library.HorizontalFlip(p=1.0)])
    assert _reason(lambda image: flip(image=np.array(image))) == "np.array"


def _reason(function):
    recorder, path = Recorder(threading.get_ident()), folder() / "plain.jpg"
    torch.manual_seed(1)
    with hooks.recording(recorder):
        image = Image.open(path).convert("RGB").resize((20, 16))
        kept = function(image), image
    outcome, *_ = recorder.outcomes  # some make another image, of an array
    del kept
    return outcome.touched
