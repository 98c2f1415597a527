"""Stopping a run and going on with it."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time

import pytest

from penstock.train import TrainingError, checkpoint, recipe_for

PATIENCE = 120  # seconds; a busy machine takes long to import torch


def stop(_epoch):
    raise KeyboardInterrupt


@pytest.mark.parametrize("workers", [0, 2])
def test_a_resumed_run_equals_an_uninterrupted_one(run, assert_equal, workers):
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


def test_a_checkpoint_that_fails_to_be_written_leaves_the_old_one(tmp_path):
    checkpoint.write(tmp_path, {"epoch": 1})
    with pytest.raises((AttributeError, pickle.PicklingError), match=r"pickle|local object"):
        checkpoint.write(tmp_path, {"epoch": lambda: None})
    assert checkpoint.read(tmp_path) == {"epoch": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint.pt"]


def test_a_resumed_run_keeps_its_settings():
    saved = {"recipe": {**vars(recipe_for("digits", lr=0.1))}}
    assert checkpoint.resumed_recipe(saved, loader="torch", lr=None).lr == 0.1
    with pytest.raises(TrainingError, match=r"lr was 0\.1, not 0\.2"):
        checkpoint.resumed_recipe(saved, lr=0.2)


def test_a_finished_run_is_not_overwritten(run):
    run(max_steps=1)
    with pytest.raises(TrainingError, match="--resume"):
        run(max_steps=1)


def test_the_newest_run_is_found(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TrainingError, match="--out"):
        checkpoint.last_folder()
    made = [checkpoint.next_folder(data) for data in ("digits", "folder:/a/b")]
    for folder, age in zip(made, (100, 200), strict=True):
        folder.mkdir(parents=True)
        checkpoint.write(folder, {})
        os.utime(folder / checkpoint.NAME, (age, age))
    assert [folder.name for folder in made] == ["digits-1", "folder-1"]
    assert checkpoint.next_folder("digits").name == "digits-2"
    assert checkpoint.last_folder() == made[1]
    assert checkpoint.last_folder("digits").name == "digits-1"


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
    assert f"go on with: penstock train --resume --out {out}" in said
    assert (out / "curves.png").exists()
    assert len(checkpoint.read(out)["history"]) >= 1
    assert not list(out.glob("*.part"))
