"""Every example runs; the ordinary script prints the same losses with either import."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.pictures import cifar_files

HERE = Path(__file__).parent

# Runs a script as its user would, but on generated files, whose MD5 sums torchvision cannot know.
RUNNER = """
import runpy, sys, torchvision
torchvision.datasets.cifar.check_integrity = lambda *args, **kwargs: True
script, *sys.argv[1:] = sys.argv[1:]
sys.argv[0] = script
runpy.run_path(script, run_name="__main__")
"""


def run(script: Path, *arguments: str) -> str:
    command = [sys.executable, "-c", RUNNER, str(script), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert "these batches" not in done.stderr
    return done.stdout


def test_the_ordinary_script_prints_the_same_with_either_import(tmp_path):
    cifar_files(tmp_path / "data", 60)  # five training files: 300 pictures in three batches, the last one smaller
    ours = HERE / "cifar10_script.py"
    source = ours.read_text()
    line = "from penstock import DataLoader"
    assert source.count(line) == 1
    assert source.count("penstock") == 1, "the import is all that differs"
    theirs = tmp_path / "theirs.py"
    theirs.write_text(source.replace(line, "from torch.utils.data import DataLoader"))

    arguments = ("--data", str(tmp_path / "data"), "--epochs", "1")
    printed = run(ours, *arguments)
    assert printed.count("loss") == 3
    assert printed == run(theirs, *arguments)


@pytest.mark.parametrize(
    ("name", "last_line"),
    [
        ("own_pictures.py", "(100, 1, 28, 28) torch.float32 torch.int64"),
        ("own_files.py", "the same batches from all three: True"),
        ("numpy_arrays.py", "0."),
    ],
)
def test_the_other_examples_run(name, last_line):
    assert run(HERE / name).strip().splitlines()[-1].startswith(last_line)
