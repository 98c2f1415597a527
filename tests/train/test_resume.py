"""Stopping a run and going on with it."""

import concurrent.futures
import dataclasses
import json
import os
import pickle
import signal
import stat
import subprocess
import sys
import time

import pytest
import torch
from rich.console import Console

from penstock.train import TrainingError, checkpoint, loop, recipe_for, train
from penstock.train.distributed import processes
from penstock.train.position import Position
from penstock.train.recipe import Recipe

PATIENCE = 120  # seconds; a busy machine takes long to import torch


def stop(_epoch):
    raise KeyboardInterrupt


def ctrl_c_at(*places):
    """Called behind each step: Ctrl-C, as the system sends it, behind those (epoch, step)."""

    def on_step(epoch, step):
        if (epoch, step) in places:
            signal.raise_signal(signal.SIGINT)

    return on_step


def without_times(history):
    return [dataclasses.replace(line, images_per_second=0.0, waiting=0.0, seconds=0.0) for line in history]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_run_that_stopped_between_epochs_equals_an_uninterrupted_one(run, assert_equal, workers):
    whole = run("whole", epochs=2, workers=workers)
    first = run("parts", epochs=2, workers=workers, on_epoch=stop)
    assert first.interrupted
    assert len(first.history) == 1
    assert "interrupted after 1 of 2 epochs" in run.said
    assert (first.folder / "curves.png").exists()

    second = run("parts", resume=True)
    assert not second.interrupted
    assert_equal(whole, second)
    lines = (second.folder / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in lines] == [1, 2]
    assert second.history[0] == first.history[0]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("loaders", [("penstock", "penstock", "torch"), ("torch", "torch", "penstock")])
def test_a_run_that_stopped_within_epochs_equals_an_uninterrupted_one(run, assert_equal, loaders, workers):
    whole = run("whole", epochs=2, workers=workers)
    first = run("parts", epochs=2, workers=workers, loader=loaders[0], on_step=ctrl_c_at((1, 2)))
    assert first.interrupted
    assert not first.history
    assert f"go on with: penstock train --resume {first.folder}" in run.said
    second = run("parts", resume=True, loader=loaders[1], on_step=ctrl_c_at((2, 1)))
    assert second.interrupted
    assert len(second.history) == 1
    third = run("parts", resume=True, loader=loaders[2])
    assert not third.interrupted
    assert_equal(whole, third)
    assert without_times(whole.history) == without_times(third.history)


def test_stopping_behind_an_epochs_last_step_and_in_its_test(run, assert_equal, monkeypatch):
    whole = run("whole", epochs=2)
    assert run("parts", epochs=2, on_step=ctrl_c_at((1, 3))).interrupted
    judge = loop.evaluate

    def stopped(*arguments, **options):
        signal.raise_signal(signal.SIGINT)
        return judge(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(loop, "evaluate", stopped)
        assert run("parts", resume=True).interrupted
    parts = run("parts", resume=True)
    assert_equal(whole, parts)
    assert without_times(whole.history) == without_times(parts.history)


def test_ctrl_c_again_ends_a_step_and_leaves_the_last_checkpoint(run, assert_equal):
    def twice(epoch, step):
        if (epoch, step) == (2, 2):
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    first = run("parts", epochs=2, checkpoint_every=1, on_step=twice)
    assert first.interrupted
    assert checkpoint.read(first.checkpoint)["step"] == 1  # and not that which Ctrl-C once would have written
    assert signal.getsignal(signal.SIGINT) is before
    assert_equal(run("whole", epochs=2), run("parts", resume=True))


def test_outside_the_main_thread_ctrl_c_is_not_looked_at(run):
    before = signal.getsignal(signal.SIGINT)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        assert not pool.submit(run, "run", max_steps=1).result().interrupted
    assert signal.getsignal(signal.SIGINT) is before


# Trains, and meets its end when it writes its second checkpoint.
ENDS = """
import os, pathlib, resource, signal, sys
from penstock.train import checkpoint, recipe_for, train

def killed(*_arguments):
    os.kill(os.getpid(), signal.SIGKILL)

def on_step(epoch, step):
    if step == 3:
        if sys.argv[2] == "killed":
            pathlib.Path.replace = killed
        else:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, resource.RLIM_INFINITY))

settings = dict(epochs=1, max_steps=6, workers=2, device="cpu", out=sys.argv[1], checkpoint_every=2)
train(recipe_for("digits", **settings), on_step=on_step)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="has neither SIGKILL nor a limit of file sizes")
@pytest.mark.parametrize("end", ["killed", "full"])
def test_the_last_checkpoint_is_kept(run, assert_equal, tmp_path, environment, end):
    """When the process is killed between writing and renaming, and when there is no room for a whole file."""
    arguments = [sys.executable, "-c", ENDS, str(tmp_path / "parts"), end]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False, env=environment)
    file = tmp_path / "parts" / checkpoint.NAME
    part = file.with_name(f"{file.name}.part")
    if end == "killed":
        assert done.returncode == -signal.SIGKILL
        assert part.exists()
    else:
        assert done.stderr.splitlines()[-1] == f"penstock.errors.CommandError: {file} cannot be written: File too large"
        assert not part.exists()
    assert checkpoint.read(file)["step"] == 2
    assert_equal(run("whole", max_steps=6), run("parts", resume=True))
    assert not part.exists()


def test_a_folder_that_cannot_be_told_to_keep_its_names_is_no_failure(tmp_path, monkeypatch):
    told, fsync = [], os.fsync

    def refusing(descriptor):
        told.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))
        if told[-1]:
            raise OSError(22, "Invalid argument")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", refusing)
    file = tmp_path / checkpoint.NAME
    checkpoint.write(file, {"version": checkpoint.VERSION})
    assert checkpoint.read(file) == {"version": checkpoint.VERSION}
    assert told == ([False, True] if os.name == "posix" else [False])


def test_a_checkpoint_that_fails_to_be_written_leaves_the_old_one(tmp_path):
    file = tmp_path / checkpoint.NAME
    checkpoint.write(file, {"version": checkpoint.VERSION})
    with pytest.raises((AttributeError, pickle.PicklingError), match=r"pickle|local object"):
        checkpoint.write(file, {"version": lambda: None})
    assert checkpoint.read(file) == {"version": checkpoint.VERSION}
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


@pytest.mark.parametrize(
    "content", [b"", b"hello", b"\x80\x02}q\x00.", b"\x89PNG\r\n", b"\xff\xd8\xff\xe0", b"K", b"PK\x03\x04"]
)
def test_what_is_no_checkpoint_is_refused_in_one_line(tmp_path, content):
    file = tmp_path / checkpoint.NAME
    file.write_bytes(content)
    with pytest.raises(
        TrainingError, match=r"checkpoint\.pt cannot be read: it is no checkpoint, or not whole \(\w+\)$"
    ):
        checkpoint.read(file)


def test_another_runs_checkpoint_is_not_replaced(tmp_path):
    saved = {"recipe": {**vars(recipe_for("digits"))}}
    file, other = tmp_path / "a.pt", tmp_path / "b.pt"
    file.touch()
    assert checkpoint.resumed_recipe(saved, file, checkpoint=str(other)).checkpoint == str(other)
    assert checkpoint.resumed_recipe(saved, file, checkpoint=str(tmp_path / "." / "a.pt")).out is None
    other.touch()
    with pytest.raises(TrainingError, match=r"b\.pt is there already"):
        checkpoint.resumed_recipe(saved, file, checkpoint=str(other))


def test_testing_takes_no_training_time(monkeypatch):
    now = [10.0]
    monkeypatch.setattr("penstock.train.position.time.perf_counter", lambda: now[0])
    zero = torch.zeros(())
    position = Position(zero, zero, {}, step=3, seconds=2.0, _since=now[0])
    now[0] += 1
    assert position.passed == position.end() == 3
    now[0] += 100
    assert position.state(None)["seconds"] == 3


def test_what_is_resumed_elsewhere_needs_no_scale_of_its_own(run, tmp_path):
    """A run on a device where losses are not scaled has none; one where they are begins with torch's."""
    first = run("run", epochs=2, on_epoch=stop)
    saved = checkpoint.read(first.checkpoint)
    assert saved["scaler"] == {}
    recipe = Recipe(**{**saved["recipe"], "out": str(tmp_path / "other"), "checkpoint": None})
    with processes("cpu") as (ranks, device):
        made = loop._Run(recipe, None, ranks, device, Console(quiet=True), on_step=None)
        made.scaler = torch.amp.GradScaler("cpu")
        made._go_on(saved)
    assert made.scaler.get_scale() == 2.0**16


def test_a_resumed_run_keeps_its_settings(tmp_path):
    saved = {"recipe": {**vars(recipe_for("digits", lr=0.1, out="old"))}}
    file = tmp_path / "a.pt"
    resumed = checkpoint.resumed_recipe(saved, file, loader="torch", lr=None)
    assert (resumed.lr, resumed.out, resumed.checkpoint) == (0.1, "old", str(file))
    for changes, message in (({"lr": 0.2}, r"lr was 0\.1, not 0\.2"), ({"compile": True}, "compile was False")):
        with pytest.raises(TrainingError, match=message):
            checkpoint.resumed_recipe(saved, file, **changes)
    # A run's folder that was moved is the run's folder.
    (tmp_path / "metrics.jsonl").touch()
    assert checkpoint.resumed_recipe(saved, file).out == str(tmp_path)
    assert checkpoint.resumed_recipe(saved, file, out="new").out == "new"


def test_a_checkpoint_lies_where_it_is_asked_for(run, tmp_path):
    file = tmp_path / "elsewhere" / "state.pt"
    first = run("run", epochs=2, max_steps=2, checkpoint=str(file), on_step=ctrl_c_at((1, 1)))
    assert first.checkpoint == file
    assert f"--resume {file}" in run.said
    assert not (first.folder / checkpoint.NAME).exists()
    saved = checkpoint.read(file)
    recipe = checkpoint.resumed_recipe(saved, file)
    second = train(recipe, resume=saved, console=Console(quiet=True))
    assert (second.folder, second.checkpoint, len(second.history)) == (first.folder, file, 2)


def test_a_finished_run_is_not_overwritten(run):
    run(max_steps=1)
    with pytest.raises(TrainingError, match="--resume"):
        run(max_steps=1)


def test_the_newest_run_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TrainingError, match="--resume PATH"):
        checkpoint.find("last")
    made = [checkpoint.next_folder(data) for data in ("digits", "folder:/a/b")]
    for folder, age in zip(made, (100, 200), strict=True):
        folder.mkdir(parents=True)
        checkpoint.write(folder / checkpoint.NAME, {})
        os.utime(folder / checkpoint.NAME, (age, age))
    assert [folder.name for folder in made] == ["digits-1", "folder-1"]
    assert checkpoint.next_folder("digits").name == "digits-2"
    assert checkpoint.find("last") == made[1] / checkpoint.NAME
    assert checkpoint.find("last", "digits") == checkpoint.find("runs/digits-1") == made[0] / checkpoint.NAME
    assert checkpoint.find("runs/digits-1/checkpoint.pt") == made[0] / checkpoint.NAME


# torch's worker processes are left out: a signal that comes while Python forks one can be lost.
@pytest.mark.parametrize(("loader", "workers"), [("penstock", "2"), ("torch", "0")])
def test_ctrl_c(tmp_path, environment, loader, workers):
    out = tmp_path / "run"
    command = [sys.executable, "-m", "penstock", "train", "--device", "cpu", "--max-steps", "2", "--out", str(out)]
    metrics = out / "metrics.jsonl"
    with subprocess.Popen(
        [*command, "--epochs", "1000", "--loader", loader, "--workers", workers],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        try:
            until = time.monotonic() + PATIENCE
            while not (metrics.exists() and metrics.read_text().count("\n")) and time.monotonic() < until:
                assert process.poll() is None, process.stderr.read()
                time.sleep(0.05)
            process.send_signal(signal.SIGINT)
            said, errors = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    assert process.returncode == 130, errors
    assert not errors
    assert "interrupted after" in said
    assert f"go on with: penstock train --resume {out}" in said
    assert (out / "curves.png").exists()
    assert len(checkpoint.read(out / checkpoint.NAME)["history"]) >= 1
    assert not list(out.glob("*.part"))
