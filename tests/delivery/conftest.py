"""A fake device in the place of CUDA, and a dataset for each way in which a loader's batches are made."""

import numpy as np
import pytest
from PIL import Image
from support.delivered import COUNT, made
from support.fake_cuda import Gpu

from penstock.delivery import streams


@pytest.fixture
def gpu(monkeypatch):
    gpu = Gpu()
    monkeypatch.setattr(streams, "Cuda", gpu.cuda)
    return gpu


@pytest.fixture(scope="session")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("images")
    noise = np.random.default_rng(0)
    found = [folder / f"{number}.png" for number in range(COUNT)]
    for path in found:
        Image.fromarray(noise.integers(0, 256, (6, 7, 3), np.uint8)).save(path)
    return found


@pytest.fixture(params=["lowered", "recorded", "nested", "torch"])
def dataset(request, paths):
    return made(request.param, paths)
