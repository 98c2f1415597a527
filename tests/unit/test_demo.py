"""`penstock demo`: the photographs it makes, what it prints of them, and what it says when it cannot."""

import importlib.util

import numpy as np
from PIL import Image
from torchvision.datasets import ImageFolder
from typer.testing import CliRunner

from penstock.cli import app
from penstock.demo import write_tiles


def test_tiles_are_an_image_folder_of_real_images(tmp_path):
    write_tiles(tmp_path, 5, size=64)
    folder = ImageFolder(str(tmp_path))
    assert len(folder.classes) == 2
    assert [target for _, target in folder] == [0, 0, 0, 1, 1]
    for image, _ in folder:
        assert image.size == (64, 64)
    for path, _ in folder.samples:
        with Image.open(path) as image:
            assert image.format == "JPEG"
    values = np.array([np.asarray(image) for image, _ in folder])
    assert values.std() > 20, "tiles show something"
    assert len({image.tobytes() for image, _ in folder}) == 5


def test_demo_compares_the_loaders_and_explains(tmp_path):
    plot = tmp_path / "demo.png"
    result = CliRunner().invoke(app, ["demo", "--count", "12", "--batch-size", "4", "--plot", str(plot)])
    assert result.exit_code == 0, result.output
    assert "12 tiles of two photographs" in result.output
    assert "all 3 batches equal" in result.output
    assert "native" in result.output
    with Image.open(plot) as image:
        assert image.format == "PNG"


def test_demo_without_its_photographs_says_how_to_get_them(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "sklearn" else found(name, *rest)
    )
    result = CliRunner().invoke(app, ["demo"])
    assert result.exit_code == 1
    assert 'pip install "penstock[train]"' in result.output
