"""The command line: what is refused, and in which words."""

import subprocess
import sys
import urllib.error

import pytest
import torch
from typer.testing import CliRunner

from penstock.cli import app
from penstock.train import TrainingError, checkpoint, recipe_for, report


@pytest.fixture
def penstock(tmp_path, monkeypatch):
    """Runs `penstock` in an empty folder and returns (exit code, output)."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        result = CliRunner().invoke(app, arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, result.output

    return call


def test_a_run_by_command(penstock, tmp_path):
    code, output = penstock("train", "--epochs", "1", "--max-steps", "1", "--device", "cpu", "--workers", "0")
    assert code == 0, output
    assert (tmp_path / "runs" / "digits-1" / "checkpoint.pt").exists()
    code, output = penstock("train", "--resume", "last", "--lr", "5")
    assert code == 2
    assert "a resumed run keeps its settings: lr was 0.02, not 5.0" in output


@pytest.mark.parametrize("data", ["cifar10", "cifar100", "mnist", "fashion-mnist"])
def test_a_missing_data_set(penstock, data):
    code, output = penstock("train", "--data", data)
    assert code == 1
    assert "is not in data" in output
    assert "--download" in output
    assert "--root" in output
    assert "Traceback" not in output


def test_no_network(penstock, monkeypatch):
    def fail(*_arguments, **_options):
        raise urllib.error.URLError("no network")

    monkeypatch.setattr("torchvision.datasets.cifar.download_and_extract_archive", fail)
    code, output = penstock("train", "--data", "cifar10", "--download")
    assert code == 1
    assert "CIFAR-10 could not be downloaded" in output
    assert "no network" in output


def test_a_folder_without_its_parts(penstock, tmp_path):
    code, output = penstock("train", "--data", f"folder:{tmp_path}")
    assert code == 2
    assert "needs the folders train and val" in output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--data", "imagenet"], "there are digits, cifar10"),
        (["--data", "folder"], "folder:PATH"),
        (["--data", "digits:x"], "is not known"),
        (["--epochs", "0"], "--epochs is at least 1"),
        (["--workers", "-1"], "--workers is at least 0"),
        (["--lr", "0"], "--lr is greater than 0"),
        (["--batch-size", "1000"], "more than there are training images"),
        (["--lr", "inf"], "--lr is greater than 0, and finite"),
        (["--seed", str(1 << 63)], "--seed is from -9223372036854775808 to 9223372036854775807"),
        (["--max-steps", "-1"], "--max-steps is at least 1"),
        (["--resume", "last"], "--resume PATH"),
        (["--resume", "last", "--data", "/nowhere"], "--resume PATH"),
        (["--resume", "last", "--data", "**"], "--resume PATH"),
        (["--checkpoint-every", "0"], "--checkpoint-every is at least 1"),
        (["--label-smoothing", "2"], "--label-smoothing is between 0 and 1"),
        (["--tta", "mirror"], "no digit"),
        (["--recipe", "cifar10"], "there are cifar10-seed, cifar10-94, cifar10-96, folder-160"),
        (["--recipe", "cifar10-94", "--data", "digits"], "is for --data cifar10 or folder:PATH"),
        (["--recipe", "folder-160"], "--data folder is not known"),
        (["--recipe", "folder-160", "--data", "cifar10"], "is for --data folder:PATH"),
        (["--resume", "nowhere"], "to resume from"),
        (["--resume", "broken"], "broken/checkpoint.pt cannot be read: "),
        (["--resume", "other.pt"], "other.pt was not written by the trainer of this version"),
        (["--checkpoint", "file/below.pt"], "--checkpoint: file cannot be written"),
        (["--out", "file"], "--out: file cannot be written: File exists"),
        (["--out", "file/below"], "--out: file/below cannot be written: Not a directory"),
        (["--wrong"], "No such option"),
    ],
)
def test_what_is_refused(penstock, arguments, message, tmp_path):
    (tmp_path / "file").touch()
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "checkpoint.pt").write_bytes(b"no checkpoint")
    torch.save({}, tmp_path / "other.pt")
    code, output = penstock("train", "--device", "cpu", *arguments)
    assert code == 2
    assert message in output


def test_a_folders_name_is_printed_as_it_is(penstock):
    arguments = ("--epochs", "1", "--max-steps", "1", "--device", "cpu", "--workers", "0", "--out", "[bold]/[/x]")
    code, output = penstock("train", *arguments)
    assert code == 0, output
    assert "run    [bold]/[/x]\n" in output


def test_a_disk_that_is_full_ends_the_run_in_one_line(penstock, monkeypatch):
    def full(*_arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(checkpoint, "write", full)
    arguments = ("--epochs", "1", "--max-steps", "1", "--device", "cpu", "--workers", "0", "--out", "run")
    code, output = penstock("train", *arguments)
    assert code == 1
    assert output.endswith("penstock train: run/checkpoint.pt cannot be written: No space left on device\n")


def test_missing_packages_are_named(penstock, monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    code, output = penstock("train")
    assert code == 1
    assert 'pip install "penstock[train]"' in output
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(TrainingError, match=r"matplotlib missing: pip install"):
        report.require_extras()


def test_a_recipe_takes_changes_and_keeps_the_rest():
    recipe = recipe_for("cifar10", epochs=3, lr=None)
    assert (recipe.epochs, recipe.batch_size, recipe.lr) == (3, 512, 0.2)


def test_penstock_alone_loads_no_trainer():
    code = "import sys, penstock; print([name for name in sys.argv[1:] if name in sys.modules])"
    heavy = ("penstock.train", "penstock.cli", "typer", "sklearn", "matplotlib", "tensorboard")
    done = subprocess.run([sys.executable, "-c", code, *heavy], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
