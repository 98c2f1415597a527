"""Iterators come and go without leaving threads, memory or a held GIL behind."""

import gc
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from support.images import dataset_of
from torchvision import transforms as v1

from penstock import DataLoader, _native

CIFAR = v1.Compose([v1.RandomCrop(32, padding=4), v1.RandomHorizontalFlip(), v1.ToTensor()])


def threads() -> set[str]:
    names = (Path(entry) / "comm" for entry in Path("/proc/self/task").iterdir())
    return {name.read_text().strip() for name in names}


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts threads in /proc")
def test_a_thousand_abandoned_iterators_leave_no_thread_and_no_memory():
    loader = DataLoader(dataset_of("CIFAR10", 256, 32, 32, transform=CIFAR), batch_size=16, shuffle=True, num_workers=2)
    for images, _ in loader:
        del images
    gc.collect()
    started = {name for name in threads() if name.startswith("penstock-")}
    live, _ = _native.memory_usage()
    for step in range(1000):
        iterator = iter(loader)
        for _ in range(step % 3):
            next(iterator)
        del iterator
    gc.collect()
    assert {name for name in threads() if name.startswith("penstock-")} == started
    assert _native.memory_usage()[0] == live


def test_python_threads_go_on_while_a_batch_is_made():
    # One image of 2 x 2 pixels blown up to 8192 x 8192: the batch takes long, and Python has nothing to do in it.
    blow_up = v1.Compose([v1.Pad(4095, padding_mode="edge"), v1.ToTensor()])
    loader = DataLoader(dataset_of("CIFAR10", 1, 2, 2, transform=blow_up), batch_size=1)
    steps, stop = 0, threading.Event()

    def count():
        nonlocal steps
        while not stop.is_set():
            steps += 1

    counter = threading.Thread(target=count)
    counter.start()
    try:
        iterator = iter(loader)
        before = steps
        images, _ = next(iterator)
        during = steps - before
    finally:
        stop.set()
        counter.join()
    assert images.shape == (1, 3, 8192, 8192)
    # A thread that held the GIL throughout would let the counter in a few times at most: some 5 ms each.
    assert during > 10_000


def run(**environment: str) -> list[str]:
    """The vector level and the digest of many batches in a process with these settings."""
    paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **environment}
    command = [sys.executable, "-m", "support.digest"]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=240, check=True).stdout.split()


def test_threads_and_vectors_never_change_a_bit():
    best, torchs = run(PENSTOCK="0")
    levels = ["scalar", "avx2", "avx512"]
    for level, threads in (("scalar", "1"), ("avx2", "3"), ("avx512", "8")):
        used, ours = run(PENSTOCK_NUM_THREADS=threads, PENSTOCK_SIMD=level)
        assert used == min(level, best, key=levels.index)
        assert ours == torchs, (level, threads)


def test_the_number_of_threads_is_what_was_asked_for(monkeypatch):
    from penstock import explain

    loader = DataLoader(dataset_of("CIFAR10", 4, 32, 32, transform=CIFAR), num_workers=2)
    alone = DataLoader(loader.dataset)
    monkeypatch.delenv("PENSTOCK_NUM_THREADS", raising=False)
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    assert explain(loader).threads == 2
    assert explain(alone).threads == _native.available_parallelism()
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "1000")
    assert (explain(loader).threads, explain(alone).threads) == (2, 1)
    monkeypatch.setenv("PENSTOCK_NUM_THREADS", "5")
    assert (explain(loader).threads, explain(alone).threads) == (5, 5)
    torch.manual_seed(0)
    assert len(list(loader)) == 4
