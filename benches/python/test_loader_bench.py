"""pytest-benchmark's view of the loader: `pytest benches/python`.

For comparing two commits on one machine (`--benchmark-autosave`, `--benchmark-compare`); what penstock promises is
measured by `record.py`. With `--benchmark-disable` each runs once, so that none of this rots.
"""

from typing import Any

import pytest
import torch.utils.data

import penstock
from penstock.bench_loaders import synthetic

COUNT = 20_000
CLASSES = {"torch": torch.utils.data.DataLoader, "penstock": penstock.DataLoader}


def drain(loader: Any) -> int:
    """Go through an epoch; returns how many images it had."""
    return sum(len(images) for images, _ in loader)


def first(loader: Any) -> Any:
    """Return the first batch; the rest is abandoned."""
    return next(iter(loader))


@pytest.mark.parametrize("workers", [0, 1, 2])
@pytest.mark.parametrize("batch_size", [128, 512])
def test_epoch(benchmark: Any, batch_size: int, workers: int) -> None:
    loader = synthetic(penstock.DataLoader, batch_size=batch_size, workers=workers, count=COUNT)
    benchmark.extra_info["images"] = COUNT
    assert benchmark(drain, loader) == COUNT


# Newer Pythons warn where a process with threads forks, as torch's loader does.
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
@pytest.mark.parametrize("which", CLASSES)
def test_first_batch(benchmark: Any, which: str) -> None:
    loader = synthetic(CLASSES[which], batch_size=128, workers=2, count=COUNT)
    images, targets = benchmark.pedantic(first, (loader,), rounds=10, warmup_rounds=1)
    assert images.shape == (128, 3, 32, 32)
    assert targets.shape == (128,)


def test_explain(benchmark: Any) -> None:
    loader = synthetic(penstock.DataLoader, batch_size=128, workers=2, count=COUNT)
    assert benchmark(penstock.explain, loader).native
