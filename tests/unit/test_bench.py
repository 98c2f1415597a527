"""`penstock bench`: what it measures, what it finds equal, and what it says when it cannot go on."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.utils.data
from PIL import Image
from typer.testing import CliRunner

import penstock
from penstock import bench, measure
from penstock.cli import app

LOADERS = """
import numpy as np
from torchvision.transforms import v2

import penstock


class Squares(penstock.ImageDataset):
    def __init__(self, count=10, brightest=255):
        random = np.random.default_rng(0)
        self.images = random.integers(0, brightest, (count, 6, 6, 3), dtype=np.uint8)
        self.transform = v2.Compose([v2.RandomCrop(6, padding=2), v2.ToImage()])

    def __len__(self):
        return len(self.images)

    def locate(self, index):
        return self.images[index], {"name": str(index), "label": index}


def equal(DataLoader):
    print("what a user's file prints stays out of the way")
    return DataLoader(Squares(), batch_size=4, shuffle=True)


def other_pixels(DataLoader):
    return DataLoader(Squares(brightest=256 if DataLoader is penstock.DataLoader else 200), batch_size=4)


def fails(DataLoader):
    raise LookupError("no such images")


def stops(DataLoader):
    raise SystemExit("put the images there first")


def returns_a_list(DataLoader):
    return [1, 2]


def ignores_its_argument(DataLoader):
    import torch.utils.data

    return torch.utils.data.DataLoader(Squares(), batch_size=4)


not_a_function = 3
"""


@pytest.fixture(scope="module")
def loaders(tmp_path_factory):
    path = tmp_path_factory.mktemp("bench") / "own_loaders.py"
    path.write_text(LOADERS)
    return path


@pytest.fixture
def load(loaders, monkeypatch):
    """Loads a function's loader in this process, and leaves no trace of the file."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "modules", dict(sys.modules))
    return lambda function, which="torch", file=loaders: measure.load_loader(which, str(file), function, {})


def test_command(loaders, tmp_path):
    outcome = tmp_path / "outcome.json"
    plot = tmp_path / "outcome.png"
    options = ["--epochs", "1", "--json", str(outcome), "--plot", str(plot)]
    result = CliRunner().invoke(app, ["bench", "--module", f"{loaders}:equal", *options])
    assert result.exit_code == 0, result.output
    assert "all 3 batches equal" in result.output
    assert "make these batches natively" in result.output
    assert "what a user's file prints" not in result.output
    found = json.loads(outcome.read_text())
    assert found["equal"] is True
    assert found["difference"] is None
    assert found["explain"]["way"] == "lowered"
    assert found["settings"]["batch_size"] == 4
    assert found["settings"]["batches_per_pass"] == 3
    assert {"cpu", "cores", "vector_level"} <= found["machine"].keys()
    assert {"python", "torch", "torchvision", "numpy", "pillow", "penstock"} <= found["versions"].keys()
    for which in ("torch", "penstock"):
        assert found[which]["images_per_second"] > 0
        assert found[which]["first_batch_seconds"] > 0
        assert all(each["images"] == 10 for each in found[which]["passes"])
    assert found["ratio"].keys() == {row.figure for row in bench.ROWS}
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_different_batches_are_found(loaders):
    result = bench.measure(bench.Subject("other", loaders, "other_pixels"), epochs=1, batches=2)
    assert not result.equal
    assert result.verdict.startswith("not equal: batch 0 is the first")
    assert {each["images"] for each in result.torch.passes} == {8}


def test_error_of_the_users_file_ends_the_command(loaders):
    result = CliRunner().invoke(app, ["bench", "--module", f"{loaders}:fails"])
    assert result.exit_code == 1, "the argument is right"
    assert "LookupError: no such images" in result.output


@pytest.mark.parametrize(
    ("function", "which", "message"),
    [
        ("fails", "torch", "called with torch's DataLoader, failed:(.|\n)*in fails(.|\n)*no such images"),
        ("stops", "torch", "^put the images there first$"),
        ("returns_a_list", "torch", "returned a builtins.list"),
        ("ignores_its_argument", "penstock", "with the class it is called with, here penstock.loader.DataLoader"),
        ("nowhere", "torch", "no function nowhere in .*; it defines Squares, equal"),
        ("not_a_function", "torch", "no function not_a_function"),
    ],
)
def test_functions_that_make_no_loader(load, function, which, message):
    with pytest.raises(measure.RefusedError, match=message):
        load(function, which)


def test_files_that_cannot_be_loaded(load, tmp_path):
    with pytest.raises(measure.RefusedError, match="there is no file"):
        load("make", file=tmp_path / "missing.py")
    (tmp_path / "notes.txt").write_text("not Python")
    with pytest.raises(measure.RefusedError, match="no Python file"):
        load("make", file=tmp_path / "notes.txt")
    (tmp_path / "broken.py").write_text("import nothing_of_that_name\n")
    with pytest.raises(measure.RefusedError, match="nothing_of_that_name"):
        load("make", file=tmp_path / "broken.py")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--module", "loaders.py"], "FILE.py:FUNCTION"),
        (["--module", "loaders.py:make", "--data", "digits"], "exclude each other"),
        (["--module", "loaders.py:make", "--workers", "4"], "your function sets them"),
        (["--data", "images"], "not known; there are synthetic, digits"),
        (["--json", "nowhere/at/all.json"], "there is no folder"),
        (["--json", "."], "--json: . cannot be written: Is a directory"),
        (["--plot", "{made}"], "--plot: {made} cannot be written: "),
        (["--module", "missing.py:make"], "there is no file missing.py"),
    ],
)
def test_options_that_do_not_fit(options, message, tmp_path):
    made = tmp_path / "made"
    made.mkdir()
    result = CliRunner().invoke(app, ["bench", *(option.format(made=made) for option in options)])
    assert result.exit_code == 2, result.output
    assert result.output.startswith("penstock bench: ")
    assert result.output.count("\n") == 1
    assert message.format(made=made) in result.output


def test_equal_batches_have_equal_digests():
    def batch():
        nan = torch.tensor([float("nan"), 1.0])
        image = Image.new("RGB", (2, 2), "red")
        return {"x": torch.arange(6).reshape(2, 3), "y": [("a", 1), np.ones(3)], "z": (nan, None, image)}

    assert measure.digest(batch()) == measure.digest(batch())
    strided = torch.arange(6).reshape(3, 2).t()
    assert measure.digest(strided) == measure.digest(strided.contiguous())


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (torch.zeros(2), torch.zeros(2, dtype=torch.int32)),
        (torch.zeros(2, 3), torch.zeros(3, 2)),
        (torch.tensor(0.0), torch.tensor(-0.0)),
        ([torch.zeros(2)], (torch.zeros(2),)),
        ({"a": 1}, {"b": 1}),
        ([[1], [2, 3]], [[1, 2], [3]]),
        (np.zeros(2), np.zeros(2, dtype=np.float32)),
        (Image.new("L", (2, 3)), Image.new("L", (3, 2))),
        (["a"], ["b"]),
    ],
)
def test_different_batches_have_different_digests(one, other):
    assert measure.digest(one) != measure.digest(other)


def test_a_batch_that_cannot_be_compared_is_refused():
    with pytest.raises(measure.RefusedError, match="cannot be compared"):
        measure.digest([lambda: None])


@pytest.mark.parametrize(
    ("batch", "count"),
    [
        ([torch.zeros(4, 3), torch.zeros(4)], 4),
        ({"image": torch.zeros(5, 3)}, 5),
        ([[torch.zeros(6)], 1], 6),
        (["a", "b"], 2),
        (torch.tensor(1), 1),
        ([], 0),
    ],
)
def test_images_in(batch, count):
    assert measure.images_in(batch) == count


@pytest.mark.skipif(measure.memory_bytes() is None, reason="this system does not tell the proportional set size")
def test_memory_and_time_of_children_count():
    memory, used = measure.memory_bytes(), measure.cpu_seconds()
    work = "held = bytearray(64 << 20); sum(range(3_000_000)); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", work], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        child.stdout.readline()
        assert child.pid in measure.descendants()
        assert measure.memory_bytes() - memory > 32 << 20
        assert measure.cpu_seconds() > used
        child.communicate(b"\n")


def test_both_classes_pass_over_the_same_batches():
    data = torch.utils.data.TensorDataset(torch.arange(10))
    for loader in (penstock.DataLoader(data, batch_size=4), torch.utils.data.DataLoader(data, batch_size=4)):
        seen = measure.epoch(loader, seed=0, batches=None)
        assert (seen["images"], seen["batches"]) == (10, 3)
        assert 0 < seen["first_batch_seconds"] <= seen["seconds"]
        assert measure.epoch(loader, seed=0, batches=2)["images"] == 8
        assert len(measure.check(loader, seed=0, batches=2)["digests"]) == 2
