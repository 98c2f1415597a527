"""Colour of float32 tensors against torchvision and the installed torch: every bit."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from PIL import Image
from support.cases import cases
from support.compare import assert_same
from support.images import Images
from support.resizes import noise
from torchvision import transforms as v1
from torchvision.transforms import v2

import penstock
from penstock.ops.color import floats

_CAPABLE = torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
pytestmark = pytest.mark.skipif(not _CAPABLE, reason="torch's resizes are others on this processor")

FIRST = {
    "ToTensor": [v1.ToTensor()],
    "ToDtype": [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)],
}
_sizes = st.tuples(st.integers(1, 90), st.integers(1, 90))


@st.composite
def _steps(draw: Any) -> list[Any]:
    """Transforms of numbers, some of them changes of colour."""
    shares, turns = st.floats(0, 0.9), st.floats(0, 0.5)

    def one() -> Any:
        version = draw(st.sampled_from([v1, v2]))
        contrast = draw(shares) if version is v1 else 0
        return draw(
            st.sampled_from(
                [
                    version.ColorJitter(draw(shares), contrast, draw(shares), draw(turns)),
                    version.ColorJitter(hue=draw(turns)),
                    v1.ColorJitter(contrast=draw(shares)),
                    version.RandomGrayscale(0.5),
                    version.RandomInvert(0.5),
                    version.RandomSolarize(draw(st.floats(0, 1)), 0.7),
                    version.RandomApply(
                        [version.ColorJitter(draw(shares), hue=draw(turns)), version.RandomInvert(0.4)]
                    ),
                    version.RandomHorizontalFlip(),
                    version.Pad(2, fill=0.3),
                    version.Normalize([0.4], [0.3]),
                    version.Resize((20, 31)),
                ]
            )
        )

    return [one() for _ in range(draw(st.integers(1, 4)))]


@cases(300)
@given(_steps(), _sizes, st.sampled_from([*FIRST]), st.booleans(), st.integers(0, 99))
def test_pipelines_equal_torchvision_and_draw_as_it_does(steps, size, first, gray, seed):
    transform = v1.Compose([*FIRST[first], *steps])
    images = noise((2, *size) if gray else (2, *size, 3), seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            made = [transform(Image.fromarray(image)).as_subclass(torch.Tensor) for image in images]
        except TypeError:  # solarized beyond what numbers may be
            assume(False)
        state = torch.get_rng_state()
    generator = torch.Generator().manual_seed(seed)
    try:
        compiled = penstock.compile(transform)
    except penstock.NotSupportedError as error:
        assume("the tensor's type" not in str(error))
        raise
    ours = torch.from_numpy(compiled(images, generator=generator))
    assert torch.equal(ours.view(torch.int32), torch.stack(made).view(torch.int32))
    assert torch.equal(generator.get_state(), state)


_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
JITTER = v1.Compose(
    [
        *(v1.Resize((64, 70)), v1.ToTensor(), v1.RandomApply([v1.ColorJitter(0.4, 0.4, 0.4, 0.1)], 0.8)),
        *(v1.RandomGrayscale(0.3), v1.Normalize(_MEAN, _STD)),
    ]
)
# Of so many pixels torch's sum is rounded, by its threads.
LARGE = v1.Compose([v1.ToTensor(), v1.Resize((250, 300)), v1.ColorJitter(contrast=0.9), v1.CenterCrop(40)])


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("transform", [JITTER, LARGE], ids=["jitter", "large"])
def test_loaders_give_the_same_batches(transform, workers):
    shapes = [(int(h), int(w), 3) for h, w in np.random.default_rng(0).integers(41, 120, (16, 2))]
    data = Images([noise(shape, seed) for seed, shape in enumerate(shapes)], list(range(16)), transform)

    def loader(cls):
        return cls(data, batch_size=5, shuffle=True, num_workers=workers)

    assert penstock.explain(loader(penstock.DataLoader)).native, penstock.explain(loader(penstock.DataLoader))
    torch.manual_seed(11)
    # In workers of torch's own, since a worker's one thread adds up in another order.
    theirs = list(loader(torch.utils.data.DataLoader))
    their_state = torch.get_rng_state()
    torch.manual_seed(11)
    ours = list(loader(penstock.DataLoader))
    assert_same(ours, theirs)
    assert torch.equal(torch.get_rng_state(), their_state)


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ([v1.ToTensor(), v2.ColorJitter(contrast=0.5)], "by the second generation"),
        ([v1.ToTensor(), v1.CenterCrop(9), v1.ColorJitter(contrast=0.5)], "part of others"),
        ([v1.ToTensor(), v1.RandomSolarize(128)], "no value"),
        ([v1.ToTensor(), v1.RandomPosterize(3)], "converted before"),
        ([*FIRST["ToDtype"], v2.RandomGrayscale(), v2.Normalize(_MEAN, _STD)], "more channels"),
    ],
)
def test_what_has_no_native_form_says_so(parts, reason):
    with pytest.raises(penstock.NotSupportedError, match=reason):
        penstock.compile(v2.Compose(parts))


def test_another_torch_is_not_imitated(monkeypatch):
    real = floats.F.adjust_hue
    monkeypatch.setattr(floats.F, "adjust_hue", lambda *args: real(*args) + 1e-7)
    floats._arithmetic_of.cache_clear()
    try:
        assert floats._arithmetic_of("hue_floats", "torch1") is None
    finally:
        monkeypatch.undo()
        floats._arithmetic_of.cache_clear()
    assert floats._arithmetic_of("hue_floats", "torch1") == "torch1"
