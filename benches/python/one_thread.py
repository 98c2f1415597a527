"""What one thread of the engine makes, beside torchvision's own transforms and beside plain filling of memory.

A process of its own, started by `record.py` with PENSTOCK_NUM_THREADS=1; prints JSON. Everything takes turns, so a
ratio is between neighbours in time. The ways:

* `torchvision`: the dataset's own samples, one after another, and torch's `default_collate`; one thread, no loader.
* `engine`: what `num_workers=0` does for a batch, without the sampler: targets are read and collated, numbers drawn,
  pixels made, in one thread. As in training, one batch is held while the next is made.
* `loader`: whole epochs of `penstock.DataLoader(num_workers=1)`: one thread makes pixels while the caller's thread
  samples, draws and collates targets.
* `engine, memory`: as `engine`, but the batches are held until a ring larger than the caches is full, so that every
  batch is written to memory that has left them. This is what is compared with `fill`: memory of the same ring set to
  one value by the quickest of NumPy, torch and libc. Both start when all pages have been touched.
"""

import collections
import ctypes
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import cifar
import numpy as np
import numpy.typing as npt
import torch
from torch.utils.data import DataLoader, default_collate

import penstock
from penstock import _native, memory
from penstock.lowering.gather import Gathering
from penstock.lowering.lower import Lowered, lower
from penstock.prepared import collate_targets

if TYPE_CHECKING:
    from penstock.lowering.readers import Located

PYTHON_IMAGES = 1024
RING_BYTES = 640 << 20


class Engine:
    """One thread that makes batches of a dataset in random order."""

    def __init__(self, root: str, output: str, batch: int) -> None:
        self.dataset = cifar.dataset(root, output)
        lowered = lower(DataLoader(self.dataset, batch_size=batch))
        assert isinstance(lowered, Lowered), lowered
        self.loader = penstock.DataLoader(self.dataset, batch_size=batch, shuffle=True, num_workers=1)
        self._place = lowered.reader
        self._stream = _native.JobQueue(1)
        self._generator = _native.Generator(0)
        self._order: list[int] = torch.randperm(cifar.COUNT, generator=torch.Generator().manual_seed(0)).tolist()
        self._at = 0
        self.batch = batch

    def indices(self) -> list[int]:
        """Return the indices of the next batch."""
        if self._at + self.batch > len(self._order):
            self._at = 0
        self._at += self.batch
        return self._order[self._at - self.batch : self._at]

    def next(self) -> list[Any]:
        """Make the next batch."""
        located: Located = Gathering(self._place, self.indices()).finish()
        batch = _native.Batch(located.sources, located.positions, self._generator)
        dtype = located.pipeline(0).dtype
        images, out = memory.empty((self.batch, *batch.shapes[0]), dtype)
        targets = collate_targets(located.targets)
        batch.run(self._stream, out)
        return [images, targets]

    def torchvision(self) -> Any:
        """Make the next batch as a worker of torch's loader makes it."""
        return default_collate([self.dataset[index] for index in self.indices()])


def seconds(work: Callable[[], Any], repeat: int) -> float:
    """Return the seconds for each of some calls."""
    start = time.perf_counter()
    for _ in range(repeat):
        work()
    return (time.perf_counter() - start) / repeat


def fills(ring: npt.NDArray[np.uint8], batch_bytes: int) -> dict[str, float]:
    """Return the bytes per second at which each way sets a ring of batches to one value."""
    parts = [ring[at : at + batch_bytes] for at in range(0, len(ring) - batch_bytes + 1, batch_bytes)]
    tensors = [torch.from_numpy(part).view(torch.float32) for part in parts]
    floats = [part.view(np.float32) for part in parts]
    ways: dict[str, tuple[Sequence[Any], Callable[[Any], Any]]] = {
        "torch": (tensors, lambda tensor: tensor.fill_(0.5)),
        "numpy": (floats, lambda array: array.fill(0.5)),
        "libc": ([part.ctypes.data for part in parts], lambda address: ctypes.memset(address, 1, batch_bytes)),
    }
    found = {}
    for name, (items, fill) in ways.items():
        start = time.perf_counter()
        for item in items:
            fill(item)
        found[name] = batch_bytes * len(parts) / (time.perf_counter() - start)
    return found


def measure(root: str, output: str, batch: int, rounds: int) -> dict[str, Any]:
    """Measure all ways in turn; rates are medians, in images or bytes per second."""
    engine = Engine(root, output, batch)
    batch_bytes = batch * 3 * 32 * 32 * cifar.OUTPUTS[output]
    slots = RING_BYTES // batch_bytes
    ring = np.ones(RING_BYTES, dtype=np.uint8)
    held: collections.deque[Any] = collections.deque(maxlen=slots)
    passes = -(-cifar.COUNT // batch)
    made: dict[str, list[float]] = collections.defaultdict(list)
    engine.next(), engine.torchvision()
    for _ in range(rounds):
        made["torchvision"].append(batch / seconds(engine.torchvision, max(1, PYTHON_IMAGES // batch)))
        previous: list[Any] = []

        def hold_one(previous: list[Any] = previous) -> None:
            previous[:] = engine.next()

        made["engine"].append(batch / seconds(hold_one, passes))
        previous.clear()
        start = time.perf_counter()
        for _ in engine.loader:
            pass
        made["loader"].append(cifar.COUNT / (time.perf_counter() - start))
        for _ in range(slots - len(held)):
            held.append(engine.next())
        made["engine, memory"].append(batch / seconds(lambda: held.append(engine.next()), slots))
        for name, rate in fills(ring, batch_bytes).items():
            made[f"fill, {name}"].append(rate)
        held.clear()
    medians = {name: statistics.median(values) for name, values in made.items()}
    ratios = {way: _ratio(made[way], made["torchvision"]) for way in ("engine", "loader")}
    return {
        "output": output,
        "batch": batch,
        "batch_bytes": batch_bytes,
        "rates": medians,
        "times_torchvision": ratios,
        "rounds": dict(made),
    }


def _ratio(ours: Sequence[float], theirs: Sequence[float]) -> float:
    return statistics.median(a / b for a, b in zip(ours, theirs, strict=True))


def main() -> None:
    """Measure what the arguments ask for: ROOT ROUNDS OUTPUT:BATCH..."""
    root, rounds, *cases = sys.argv[1:]
    torch.set_num_threads(1)
    measured = []
    for case in cases:
        output, _, batch = case.partition(":")
        measured.append(measure(root, output, int(batch), int(rounds)))
    print(json.dumps(measured))


if __name__ == "__main__":
    main()
