"""Every example runs; the ordinary script prints the same losses with either import."""

import importlib.util
import subprocess
import sys

import pytest
from support.documentation import ROOT
from support.images import cifar_files

EXAMPLES = ROOT / "examples"

# Runs a script as its user would, but on generated files, whose MD5 sums torchvision cannot know.
RUNNER = """
import runpy, sys, torch, torchvision
torchvision.datasets.cifar.check_integrity = lambda *args, **kwargs: True
torch.set_num_threads(1)
sys.argv = {arguments!r}
sys.path.insert(0, {folder!r})
runpy.run_path({script!r}, run_name="__main__")
"""


@pytest.fixture
def run(passes):
    def run(script, *arguments):
        arguments = [str(script), *arguments]
        return passes(RUNNER.format(arguments=arguments, folder=str(script.parent), script=str(script)))

    return run


def test_the_ordinary_script_prints_the_same_with_either_import(run, tmp_path):
    cifar_files(tmp_path / "data", 60)  # five training files: 300 images in three batches, the last one smaller
    ours = EXAMPLES / "cifar10.py"
    source = ours.read_text()
    line = "from penstock import DataLoader"
    assert source.count(line) == 1
    assert source.count("penstock") == 1, "the import is all that differs"
    theirs = tmp_path / "theirs.py"
    theirs.write_text(source.replace(line, "from torch.utils.data import DataLoader"))

    printed = run(ours, "--epochs", "1")
    assert printed.count("loss") == 3
    assert printed == run(theirs, "--epochs", "1")


@pytest.mark.parametrize("name", ["imagefolder", "self_supervised", "segmentation", "with_lightning"])
def test_trainings_are_native(name, run):
    if name == "with_lightning" and importlib.util.find_spec("lightning") is None:
        pytest.skip("lightning is not installed")
    assert run(EXAMPLES / f"{name}.py").strip().splitlines()[-1] == "native share 100%"


def test_ranks_are_native(passes):
    command = ["--standalone", "--nproc-per-node", "2", str(EXAMPLES / "ddp.py")]
    printed = passes(f"from torch.distributed.run import main\nmain({command!r})\n")
    assert sorted(line.split(":")[0] for line in printed.strip().splitlines()) == ["rank 0 of 2", "rank 1 of 2"]
    assert printed.count("native share 100%") == 2


@pytest.mark.timeout(900)  # Ray starts a dozen processes, each of which imports torch
def test_a_cluster_is_native():
    pytest.importorskip("ray", reason="Ray is not installed")
    line = [sys.executable, str(EXAMPLES / "ray_train.py")]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1].endswith("native share 100%")


@pytest.mark.parametrize(
    ("name", "last_line"),
    [
        ("own_images.py", "(100, 1, 28, 28) torch.float32 torch.int64"),
        ("own_files.py", "the same batches from all three: True"),
        ("numpy_arrays.py", "0."),
    ],
)
def test_the_other_examples_run(name, last_line, run):
    assert run(EXAMPLES / name).strip().splitlines()[-1].startswith(last_line)


def test_every_example_is_named_in_their_readme():
    scripts = {path.name for path in EXAMPLES.glob("*.py")} - {"made_up.py"}
    readme = (EXAMPLES / "README.md").read_text()
    assert scripts == {name for name in scripts if f"`{name}`" in readme}
