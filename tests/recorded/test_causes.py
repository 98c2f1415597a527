"""Reasons name what the user's program called."""

import copy
import io
import threading

import numpy as np
import pytest
import torch
from numpy import asarray
from PIL import Image, ImageFilter, ImageOps
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

    def __call__(self, picture):
        return picture.effect_spread(3)


def _in_lines(picture):
    return np.array(
        picture,
        copy=True,
    )


CALLS = {
    "ElasticTransform ": T.Compose([T.RandomApply([T.ElasticTransform(sigma=1.0)], p=1.0), T.ToTensor()]),
    "OwnElastic": OwnElastic(sigma=1.0),
    "LinearTransformation": T.Compose([T.ToTensor(), T.LinearTransformation(torch.eye(960), torch.zeros(960))]),
    "ElasticTransform": v2.Compose([v2.RandomApply([v2.ElasticTransform(sigma=1.0)], p=1.0)]),
    "Image.effect_spread": Spreading(),
    "ImageOps.pad": lambda picture: ImageOps.pad(picture, (30, 30)),
    "Image.filter": lambda picture: picture.filter(ImageFilter.MedianFilter()),
    "Image.getpixel": lambda picture: picture.getpixel((0, 0)),
    "Image.quantize": lambda picture: picture.quantize(8),
    "Image.convert": lambda picture: picture.convert("HSV"),
    "Image.save": lambda picture: picture.save(io.BytesIO(), "PNG"),
    "functional.elastic_transform": lambda picture: F.elastic_transform(picture, torch.zeros(1, 16, 20, 2)),
    "np.array": lambda picture: np.array(picture),
    "np.asarray": lambda picture: T.Lambda(lambda inner: asarray(inner))(picture),
    "np.array ": _in_lines,
    "np.mean": lambda picture: np.mean(picture),
    "copy.deepcopy": lambda picture: copy.deepcopy(picture),
    "torch.mean": lambda picture: torch.mean(F.to_tensor(picture)),
    "Tensor.mean": lambda picture: F.to_tensor(picture).mean(),
    "Tensor.sin": lambda picture: F.to_tensor(picture).sin(),
    "Tensor.numpy": lambda picture: F.to_tensor(picture).numpy(),
}


@pytest.mark.parametrize("name", CALLS)
def test_the_reason_is_what_was_called(name):
    assert _reason(CALLS[name]) == name.strip()


def test_what_calls_nothing_is_named_by_its_line():
    def looks(picture):
        return [*map(np.array, [picture])], picture

    assert _reason(looks) == f"test_causes.py:{looks.__code__.co_firstlineno + 1}"


@pytest.mark.parametrize("code", ["np.array(picture)", "picture.getbbox()", "[*map(np.array, [picture])]"])
def test_code_without_a_file(code):
    reason = _reason(lambda picture: eval(compile(code, "<string>", "eval"), {"np": np, "picture": picture}))  # noqa: S307
    assert reason in {"<string>:1", "Image.getbbox"}


def test_what_timm_draws_touches_nothing():
    augment = pytest.importorskip("timm.data.auto_augment").rand_augment_transform("rand-m9-n8", {})
    assert _reason(augment) is None


def test_other_libraries_transforms():
    library = pytest.importorskip("albumentations")
    flip = library.Compose([library.HorizontalFlip(p=1.0)])
    assert _reason(lambda picture: flip(image=np.array(picture))) == "np.array"


def _reason(function):
    recorder, path = Recorder(threading.get_ident()), folder() / "plain.jpg"
    torch.manual_seed(1)
    with hooks.recording(recorder):
        picture = Image.open(path).convert("RGB").resize((20, 16))
        kept = function(picture), picture
    fate, *_ = recorder.fates  # some make another picture, of an array
    del kept
    return fate.touched
