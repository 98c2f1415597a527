"""`Resize` and `RandomResizedCrop` of float32 tensors against torchvision and the installed torch: every bit."""

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
from support.images import Images
from support.resizes import noise
from support.workers import ReferenceLoader
from torchvision import transforms as v1
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

import penstock
from penstock.ops import resampling

_CAPABLE = torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512")
pytestmark = pytest.mark.skipif(not _CAPABLE, reason="torch's sums are others on this processor")

MODES = [InterpolationMode.NEAREST, InterpolationMode.BILINEAR, InterpolationMode.BICUBIC]
_lengths = st.one_of(st.integers(1, 300), st.integers(1, 40), st.sampled_from([1, 2, 3, 31, 32, 33, 64, 65, 224]))
_sizes = st.tuples(_lengths, _lengths)
_short = st.tuples(st.integers(1, 60), st.integers(1, 60))


def equal(ours: Any, theirs: Any) -> bool:
    """Whether two tensors of float32 are the same bits."""
    return torch.equal(ours.view(torch.int32), theirs.as_subclass(torch.Tensor).contiguous().view(torch.int32))


@cases(300)
@given(_sizes, _sizes, st.sampled_from(MODES), st.booleans())
@example((375, 500), (224, 224), InterpolationMode.BILINEAR, False)
@example((500, 375), (224, 224), InterpolationMode.BICUBIC, False)
@example((3000, 3), (2, 300), InterpolationMode.BICUBIC, True)
@example((1, 1), (224, 224), InterpolationMode.BICUBIC, False)
@example((90, 90), (1, 1), InterpolationMode.BILINEAR, False)
def test_every_filter_equals_torchs_for_every_layout(before, after, mode, gray):
    pixels = noise((*before, 1 if gray else 3), sum(before))
    transform = v1.Compose([v1.ToTensor(), v1.Resize(after, mode)])
    ours = torch.from_numpy(penstock.compile(transform)(pixels[None, ..., 0] if gray else pixels[None])[0])
    last = torch.from_numpy(pixels).permute(2, 0, 1).float().div(255)
    for image in (last, last.contiguous()):
        for function in (F.resize, F2.resize):
            assert equal(ours, function(image, list(after), mode, antialias=True))


@st.composite
def _steps(draw: Any) -> list[Any]:
    """Transforms of numbers, a resize among them."""
    modes, versions = st.sampled_from(MODES), st.sampled_from([v1, v2])

    def one() -> Any:
        version = draw(versions)
        return draw(
            st.sampled_from(
                [
                    version.Resize(draw(_short), draw(modes)),
                    version.Resize(draw(st.integers(1, 50)), draw(modes)),
                    version.RandomResizedCrop(draw(_short), interpolation=draw(modes)),
                    version.RandomHorizontalFlip(),
                    version.RandomVerticalFlip(),
                    version.Pad(draw(st.integers(0, 4)), fill=draw(st.sampled_from([0, 0.3, -2.0]))),
                    version.Pad(1, padding_mode="edge"),
                    version.RandomCrop(draw(st.integers(1, 30)), pad_if_needed=True, fill=0.7),
                    version.CenterCrop(draw(st.integers(1, 40))),
                    version.Normalize([0.4], [0.3]),
                ]
            )
        )

    return [one() for _ in range(draw(st.integers(1, 4)))]


@cases(300)
@given(_steps(), _sizes, st.booleans(), st.booleans(), st.integers(0, 99))
def test_pipelines_equal_torchvision_and_draw_as_it_does(steps, size, gray, by_tensor, seed):
    first = [v1.ToTensor()] if by_tensor else [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]
    transform = v1.Compose([*first, *steps])
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
        assume("the tensor's type" not in str(error))
        raise
    ours = torch.from_numpy(compiled(images, generator=generator))
    assert equal(ours, theirs)
    assert torch.equal(generator.get_state(), state)


_MEAN, _STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
TRAIN = v1.Compose([v1.ToTensor(), v1.RandomResizedCrop(48), v1.RandomHorizontalFlip(), v1.Normalize(_MEAN, _STD)])
SECOND = v2.Compose(
    [
        *(v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.RandomResizedCrop(48, antialias=True)),
        *(v2.RandomHorizontalFlip(), v2.Normalize(_MEAN, _STD), v2.RandomErasing(0.9, value="random")),
    ]
)
MIXED = v1.Compose(
    [
        *(v1.Resize(70), v1.ColorJitter(0.3, 0.3, 0.3), v1.ToTensor(), v1.Normalize(_MEAN, _STD)),
        *(
            v1.Resize((60, 50), InterpolationMode.BICUBIC),
            v1.RandomCrop(48, padding=3, fill=0.5),
            v1.RandomErasing(0.9),
        ),
    ]
)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("transform", [TRAIN, SECOND, MIXED], ids=["train", "second", "mixed"])
def test_loaders_give_the_same_batches(transform, workers):
    shapes = [(int(h), int(w), 3) for h, w in np.random.default_rng(0).integers(2, 200, (30, 2))]
    data = Images([noise(shape, seed) for seed, shape in enumerate(shapes)], list(range(30)), transform)

    def loader(cls):
        return cls(data, batch_size=7, shuffle=True, num_workers=workers)

    assert penstock.explain(loader(penstock.DataLoader)).native, penstock.explain(loader(penstock.DataLoader))
    torch.manual_seed(11)
    theirs = list(loader(ReferenceLoader))
    their_state = torch.get_rng_state()
    torch.manual_seed(11)
    ours = list(loader(penstock.DataLoader))
    assert_same(ours, theirs)
    assert torch.equal(torch.get_rng_state(), their_state)


def test_another_torch_is_not_imitated(monkeypatch):
    real = F.resize
    monkeypatch.setattr(
        F, "resize", lambda *args, **options: torch.nextafter(real(*args, **options), torch.tensor(2.0))
    )
    resampling._floats_agree.cache_clear()
    try:
        with pytest.raises(resampling.Opaque, match="to other numbers"):
            resampling.float_filter(InterpolationMode.BILINEAR, True, version=1)
    finally:
        monkeypatch.undo()
        resampling._floats_agree.cache_clear()
    assert resampling.float_filter(InterpolationMode.BILINEAR, True, version=1) == "bilinear"


def test_a_torch_without_fused_sums_is_not_imitated():
    environment = {**os.environ, "ATEN_CPU_CAPABILITY": "default"}
    program = "\n".join(
        (
            "import penstock",
            "from torchvision import transforms as T",
            "try:",
            "    penstock.compile(T.Compose([T.ToTensor(), T.Resize(9)]))",
            "except penstock.NotSupportedError as error:",
            "    print(error)",
        )
    )
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert "other numbers on this processor" in run.stdout
