"""Runs of a few steps on real digits, and made-up data sets in the formats of the real ones."""

import io
import os
import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console

from penstock.train import checkpoint, recipe_for, train


@pytest.fixture
def run(tmp_path):
    """Trains on digits for three steps an epoch and returns the result; `said` is what was printed."""

    def go(name="run", *, data="digits", resume=False, on_step=None, on_epoch=None, **changes):
        settings = {"epochs": 1, "max_steps": 3, "workers": 2, "device": "cpu", "root": str(tmp_path / "data")}
        out = tmp_path / name
        console = Console(file=io.StringIO(), width=200)
        saved = None
        if resume:
            file = out / checkpoint.NAME
            saved = checkpoint.read(file)
            recipe = checkpoint.resumed_recipe(saved, file, **changes)
        else:
            recipe = recipe_for(data, **{**settings, **changes, "out": str(out)})
        result = train(recipe, resume=saved, on_step=on_step, on_epoch=on_epoch, console=console)
        go.said = console.file.getvalue()
        return result

    return go


@pytest.fixture
def cifar10(tmp_path, monkeypatch):
    """Files of CIFAR-10's format with made-up images, under tmp_path / "data"."""
    folder = tmp_path / "data" / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in (*(f"data_batch_{number}" for number in range(1, 6)), "test_batch"):
        images = rng.integers(0, 256, (8, 3 * 32 * 32), dtype=np.uint8)
        labels = [int(label) for label in rng.integers(0, 10, 8)]
        (folder / name).write_bytes(pickle.dumps({"data": images, "labels": labels}))
    (folder / "batches.meta").write_bytes(pickle.dumps({"label_names": [str(label) for label in range(10)]}))
    # Made-up files cannot have the MD5 sums of the real ones.
    monkeypatch.setattr("torchvision.datasets.cifar.check_integrity", lambda *_: True)


@pytest.fixture
def folder(tmp_path):
    """Photographs in class folders: two classes, four images to learn from and two to test on."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 4), ("val", 2)):
        for index in range(count):
            path = tmp_path / "images" / part / "ab"[index % 2] / f"{index}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(path)
    return tmp_path / "images"


@pytest.fixture
def saved():
    """Reads what a run saved and returns its tensors by name: weights, momenta, generators."""

    def read(result):
        state = checkpoint.read(result.checkpoint)
        momenta = {f"momentum {key}": value["momentum_buffer"] for key, value in state["optimizer"]["state"].items()}
        return {**state["model"], **momenta, **state["ranks"][0]["random"]}

    return read


@pytest.fixture
def assert_equal(saved):
    """Asserts that two runs ended with the same weights, momenta and generators, bit for bit."""

    def check(one, other):
        left, right = saved(one), saved(other)
        assert left.keys() == right.keys()
        differing = [name for name in left if not torch.equal(left[name], right[name])]
        assert not differing

    return check


@pytest.fixture(scope="session")
def environment():
    """The environment of a command in a process of its own."""
    # Spinning OpenMP threads starve each other where tests share the cores.
    return os.environ | {"OMP_WAIT_POLICY": "passive", "PYTHONUNBUFFERED": "1"}
