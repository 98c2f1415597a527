"""Policies with whatever parameters they take, and what else is chosen or jittered: plans draw and make what torchvision
draws and makes, of images, and of tensors that lie in memory in any way that transforms before leave them in."""

import numpy as np
import torch
import torchvision.transforms as v1
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.cases import cases
from support.files import photo
from torchvision.transforms import AutoAugmentPolicy, InterpolationMode, v2

from penstock import _native, memory
from penstock.lowering.transforms import lower_transform

SEEDS = 6
MODULES = st.sampled_from((v1, v2))
OPTIONS = {
    "interpolation": st.sampled_from(
        (InterpolationMode.NEAREST, InterpolationMode.BILINEAR, InterpolationMode.BICUBIC),
    ),
    "fill": st.one_of(
        st.none(), st.integers(0, 255), st.floats(0, 255), st.lists(st.integers(0, 255), max_size=1, min_size=1)
    ),
}


@st.composite
def policies(draw):
    module = draw(MODULES)
    options = draw(st.fixed_dictionaries(OPTIONS))
    match draw(st.sampled_from(("rand", "trivial", "auto"))):
        case "rand":
            bins = draw(st.integers(2, 40))
            return module.RandAugment(draw(st.integers(0, 4)), draw(st.integers(-bins, bins - 1)), bins, **options)
        case "trivial":
            return module.TrivialAugmentWide(draw(st.integers(2, 40)), **options)
    return module.AutoAugment(draw(st.sampled_from(list(AutoAugmentPolicy))), **options)


def assert_made(transform, image, mode, seed):
    """Fail unless a plan draws and makes what a transform does; return the plan."""
    pipeline = lower_transform(transform, mode)
    source = _native.ArrayImages(np.asarray(image)[None], pipeline.plan)
    for generator_seed in range(seed, seed + SEEDS):
        generator = _native.Generator(generator_seed)
        batch = _native.Batch(source, [0], generator)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(generator_seed)
            expected = transform(image)
            state = torch.default_generator.get_state()
        made, out = memory.empty(batch.shapes[0], pipeline.dtype)
        batch.run(_native.JobQueue(1), out)
        drawn = state.clone()
        generator.store(drawn.numpy())
        assert torch.equal(drawn, state)
        assert torch.equal(made, expected.as_subclass(torch.Tensor))


@cases(60)
@given(policies(), st.sampled_from(("RGB", "L")), st.integers(1, 90), st.integers(1, 90), st.integers(0, 1 << 40))
def test_policies(policy, mode, height, width, seed):
    image = Image.fromarray(photo(height, width, seed=seed % 97)).convert(mode)
    assert_made(v1.Compose([policy, v1.PILToTensor()]), image, mode, seed)


# What leaves tensors in other ways in memory, and what goes on from there.
BEFORE = st.lists(
    st.sampled_from(
        (
            v2.RandomHorizontalFlip(),
            v2.RandomCrop((9, 11), padding=2, pad_if_needed=True),
            v2.RandomResizedCrop((13, 12), scale=(0.3, 1.0)),
            v2.Resize((14, 15)),
            v2.RandomRotation((90, 90), expand=True),
            v2.RandomRotation(20),
            v2.RandomChannelPermutation(),
            v1.RandomEqualize(),
            v2.RandomEqualize(),
            v1.RandomGrayscale(),
            v2.RandomGrayscale(),
            v1.ColorJitter(hue=0.2),
            v2.ColorJitter(hue=0.2),
            v2.GaussianBlur(5),
        )
    ),
    max_size=3,
)


@st.composite
def of_tensors(draw):
    module = draw(MODULES)
    modes = (InterpolationMode.NEAREST, InterpolationMode.BILINEAR)
    options = {
        "interpolation": draw(st.sampled_from(modes)),
        "fill": draw(st.sampled_from((0, 7, 200.5, [77]))),
    }
    match draw(st.sampled_from(("rand", "trivial", "auto", "jitter", "distort", "rotate", "affine", "perspective"))):
        case "rand":
            return module.RandAugment(draw(st.integers(0, 4)), draw(st.integers(0, 30)), **options)
        case "trivial":
            return module.TrivialAugmentWide(**options)
        case "auto":
            return module.AutoAugment(draw(st.sampled_from(list(AutoAugmentPolicy))))
        case "jitter":
            return module.ColorJitter(0.4, 0.9, 0.4, draw(st.sampled_from((0, 0.2))))
        case "distort":
            return v2.RandomPhotometricDistort(p=0.7)
        case "rotate":
            return module.RandomRotation((-180, 180), expand=draw(st.booleans()), **options)
        case "affine":
            return module.RandomAffine(
                (-40, 70),
                (0.2, 0.3),
                (0.5, 1.9),
                (-20, 30, 0, 20),
                center=draw(st.sampled_from((None, (3, 4.5)))),
                **options,
            )
    return module.RandomPerspective(0.4, p=0.9, **options)


@cases(150)
@given(
    st.sampled_from((v1.PILToTensor(), v2.ToImage())),
    BEFORE,
    of_tensors(),
    MODULES,
    st.sampled_from(("RGB", "RGB", "L")),
    *(st.integers(12, 90), st.integers(12, 90), st.integers(0, 1 << 40)),
)
def test_tensors(convert, before, transform, module, mode, height, width, seed):
    """Contrast comes last: of tensors its last bit depends on how they lie in memory."""
    pixels = photo(height, width, seed=seed % 97)
    # Images of few colours have values for which roundings decide.
    pixels = (pixels, pixels // 64 * 64, np.broadcast_to(pixels[:1, :1], pixels.shape))[seed % 3]
    image = Image.fromarray(np.ascontiguousarray(pixels)).convert(mode)
    pipeline = v1.Compose([convert, *before, transform, module.ColorJitter(contrast=(0.1, 1.9))])
    assert_made(pipeline, image, mode, seed)
