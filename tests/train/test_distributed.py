"""Two processes that train one network, as torchrun starts them, over gloo."""

import json
import subprocess
import sys

import pytest
import torch

from penstock.train import checkpoint, data, recipe_for, train
from penstock.train.distributed import ALONE, Ranks, processes
from penstock.train.evaluation import Precision, evaluate
from penstock.train.model import make_model
from penstock.train.recipe import SettingError

# What each process does; it notes the steps that it made.
PROGRAM = """
import json, os, pathlib, signal, sys
import torch, torch.distributed as dist
from rich.console import Console
from penstock.errors import CommandError
from penstock.train import checkpoint, loop, recipe_for, train

torch.set_num_threads(1)
dist.init_process_group("gloo")
folder, rank, steps = pathlib.Path(sys.argv[1]), dist.get_rank(), []

def on_step(epoch, step):
    steps.append((epoch, step))
    if rank == 1 and (epoch, step) == stop:
        signal.raise_signal(signal.SIGINT)

def parts(**changes):
    file = folder / "parts" / checkpoint.NAME
    saved = checkpoint.read(file)
    return train(checkpoint.resumed_recipe(saved, file, **changes), resume=saved, on_step=on_step)

settings = dict(epochs=2, max_steps=3, workers=1, device="cpu")
stop = None
train(recipe_for("digits", **settings, out=str(folder / "whole")), on_step=on_step)
stop = (1, 2)
assert train(recipe_for("digits", **settings, out=str(folder / "parts")), on_step=on_step).interrupted
stop = (2, 1)
assert parts(loader="torch").interrupted
stop, judge = None, loop.evaluate

def stopped(*arguments, **options):
    if rank == 1:
        signal.raise_signal(signal.SIGINT)
    return judge(*arguments, **options)

loop.evaluate = stopped
assert parts().interrupted
loop.evaluate = judge
assert not parts(loader="penstock").interrupted

(folder / "file").touch()
for out, words in (("file", "cannot be written"), ("whole", "holds a run already")):
    try:
        train(recipe_for("digits", **settings, out=str(folder / out)))
    except CommandError as error:
        assert words in str(error)
    else:
        raise AssertionError
(folder / f"steps-{rank}.json").write_text(json.dumps(steps))
dist.destroy_process_group()
"""


def torchrun(environment, *arguments):
    line = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *arguments]
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory, environment):
    """The folder in which two processes have trained; `said` beside it is what they printed."""
    made = tmp_path_factory.mktemp("runs")
    (made / "program.py").write_text(PROGRAM)
    said = torchrun(environment, str(made / "program.py"), str(made))
    (made / "said").write_text(said)
    return made


def read(folder, name):
    return checkpoint.read(folder / name / checkpoint.NAME)


def test_all_processes_make_the_same_steps(folder):
    steps = [json.loads((folder / f"steps-{rank}.json").read_text()) for rank in (0, 1)]
    assert steps[0] == steps[1] == [[epoch, step] for epoch in (1, 2) for step in (1, 2, 3)] * 2


def test_only_the_first_one_writes_and_prints(folder):
    said = (folder / "said").read_text()
    assert said.count("batch 32, shared by 2 processes") == 5
    assert [said.count(f"interrupted after {epochs} of 2 epochs") for epochs in (0, 1)] == [1, 2]
    lines = (folder / "whole" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]


def test_a_resumed_run_equals_an_uninterrupted_one(folder):
    whole, parts = read(folder, "whole"), read(folder, "parts")
    assert all(torch.equal(tensor, parts["model"][name]) for name, tensor in whole["model"].items())
    for key, state in whole["optimizer"]["state"].items():
        assert torch.equal(state["momentum_buffer"], parts["optimizer"]["state"][key]["momentum_buffer"])
    for one, other in zip(whole["ranks"], parts["ranks"], strict=True):
        assert torch.equal(one["random"]["cpu"], other["random"]["cpu"])
    names = ("loss", "train_accuracy", "test_loss", "test_accuracy")
    assert [[line[name] for name in names] for line in whole["history"]] == [
        [line[name] for name in names] for line in parts["history"]
    ]


def test_the_processes_draw_different_numbers(folder):
    one, other = (part["random"]["cpu"] for part in read(folder, "whole")["ranks"])
    assert not torch.equal(one, other)


def test_each_test_image_counts_once(folder):
    saved = read(folder, "whole")
    images = data.load(recipe_for("digits"))
    model = make_model(images.size, images.channels, images.classes)
    model.load_state_dict(saved["model"])
    precision = Precision.of(torch.device("cpu"), amp=False)
    loader = torch.utils.data.DataLoader(images.test, 512)
    loss, accuracy = evaluate(model, loader, precision, count=len(images.test))
    line = saved["history"][-1]
    assert line["test_accuracy"] == accuracy
    assert line["test_loss"] == pytest.approx(loss, rel=1e-4)  # sums of float32 in another order


def test_the_command_under_torchrun(tmp_path, environment):
    quick = ("--device", "cpu", "--epochs", "1", "--max-steps", "1", "--workers", "1", "--out", str(tmp_path / "run"))
    said = torchrun(environment, "-m", "penstock", "train", *quick)
    assert said.count("test accuracy") == 1
    assert len(checkpoint.read(tmp_path / "run" / checkpoint.NAME)["ranks"]) == 2


def test_the_number_of_processes_is_kept(folder):
    file = folder / "whole" / checkpoint.NAME
    saved = checkpoint.read(file)
    with pytest.raises(SettingError, match="number of processes: it was 2, not 1"):
        train(checkpoint.resumed_recipe(saved, file), resume=saved)


def test_a_number_of_processes_without_torchrun_is_refused(monkeypatch):
    for name in ("RANK", "MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with (
        pytest.raises(SettingError, match="WORLD_SIZE=2 tells of processes that torchrun has not started"),
        processes("cpu"),
    ):
        pass


def test_a_batch_that_cannot_be_divided_is_refused():
    assert Ranks(0, 4).share_of_batch(12) == 3
    with pytest.raises(SettingError, match="--batch-size 10 cannot be divided among 4 processes"):
        Ranks(0, 4).share_of_batch(10)


@pytest.mark.parametrize("world", [1, 2, 3, 5])
def test_shares_are_disjoint_and_complete(world):
    shares = [Ranks(rank, world).share_of_test(11) or range(11) for rank in range(world)]
    assert sorted(index for share in shares for index in share) == list(range(11))
    assert ALONE.share_of_test(11) is None
