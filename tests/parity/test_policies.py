"""Policies with whatever parameters they take: plans draw and make what torchvision draws and makes."""

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


@cases(60)
@given(policies(), st.sampled_from(("RGB", "L")), st.integers(1, 90), st.integers(1, 90), st.integers(0, 1 << 40))
def test_policies(policy, mode, height, width, seed):
    picture = Image.fromarray(photo(height, width, seed=seed % 97)).convert(mode)
    transform = v1.Compose([policy, v1.PILToTensor()])
    pipeline = lower_transform(transform, mode)
    source = _native.Source(np.asarray(picture)[None], pipeline.plan)
    for generator_seed in range(seed, seed + SEEDS):
        generator = _native.Generator(generator_seed)
        batch = _native.Batch(source, [0], generator)
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(generator_seed)
            expected = transform(picture)
            state = torch.default_generator.get_state()
        made, out = memory.empty(batch.shapes[0], pipeline.dtype)
        batch.run(_native.Stream(1), out)
        drawn = state.clone()
        generator.store(drawn.numpy())
        assert torch.equal(drawn, state)
        assert torch.equal(made, expected)
