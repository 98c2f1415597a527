"""Rotations, affine transforms and blurs of float32 tensors against torchvision and the installed torch: every bit."""

from typing import Any

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image
from support.cases import cases
from support.resizes import noise
from torchvision import transforms as v1
from torchvision.transforms import InterpolationMode, v2

import penstock
from penstock.ops.geometry import grid

FIRST = {
    "ToTensor": [v1.ToTensor()],
    "ToDtype": [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)],
}
MODES = [InterpolationMode.NEAREST, InterpolationMode.BILINEAR]


@st.composite
def _moves(draw: Any) -> Any:
    """A transform that looks at numbers from elsewhere."""
    mode, fill = draw(st.sampled_from(MODES)), draw(st.sampled_from([0, 0.5, -1.0, 3]))
    degrees = draw(st.tuples(st.floats(-200, 0), st.floats(0, 200)))
    center = draw(st.sampled_from([None, (3, 40)]))
    version = draw(st.sampled_from([v1, v2]))
    rotation = v1.RandomRotation(degrees, mode, expand=draw(st.booleans()), center=center, fill=fill)
    affine = version.RandomAffine(
        degrees, (0.1, 0.3), (0.6, 1.5), draw(st.sampled_from([None, (-10, 20)])), mode, fill, center
    )
    sides = st.sampled_from([5, 7, 11])
    blur = version.GaussianBlur((draw(sides), draw(sides)), (0.2, draw(st.floats(0.3, 4))))
    return draw(st.sampled_from([rotation, affine, blur]))


@cases(300)
@given(
    st.lists(_moves(), min_size=1, max_size=2),
    st.tuples(st.integers(1, 90), st.integers(1, 90)),
    st.sampled_from([*FIRST]),
    st.booleans(),
    st.integers(0, 99),
)
def test_pipelines_equal_torchvision_and_draw_as_it_does(moves, size, first, gray, seed):
    transform = v1.Compose([*FIRST[first], *moves, v1.CenterCrop(20), v1.Normalize([0.4], [0.3])])
    images = noise((1, *size) if gray else (1, *size, 3), seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            theirs = transform(Image.fromarray(images[0])).as_subclass(torch.Tensor)
        except RuntimeError:  # smaller than what a blur reflects
            assume(False)
        state = torch.get_rng_state()
    generator = torch.Generator().manual_seed(seed)
    try:
        compiled = penstock.compile(transform)
    except penstock.NotSupportedError as error:
        assume("the tensor's type" not in str(error))
        raise
    ours = torch.from_numpy(compiled(images, generator=generator))[0]
    assert torch.equal(ours.view(torch.int32), theirs.contiguous().view(torch.int32))
    assert torch.equal(generator.get_state(), state)


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        (v2.RandomRotation(9), "whole quarters"),
        (v1.RandomPerspective(), "no native form"),
        (v1.GaussianBlur(3), "one channel and few weights"),
        (v1.RandomAffine(9, interpolation=InterpolationMode.BICUBIC), "bicubic"),
    ],
)
def test_what_has_no_native_form_says_so(part, reason):
    with pytest.raises(penstock.NotSupportedError, match=reason):
        penstock.compile(v2.Compose([v1.ToTensor(), part]))


def test_another_torch_is_not_imitated(monkeypatch):
    assert grid._places("v1") is not None  # asked before
    real = grid._AFFINE["v1"]
    monkeypatch.setitem(grid._AFFINE, "v1", lambda *args, **options: real(*args, **options) + 1e-7)
    grid._samples_floats.cache_clear()
    try:
        assert not grid._samples_floats("v1", "bilinear")
    finally:
        monkeypatch.undo()
        grid._samples_floats.cache_clear()
    assert grid._samples_floats("v1", "bilinear")
