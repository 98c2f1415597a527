"""What a `worker_init_fn` leaves behind: where each generator of a worker stands when its first batch comes.

torch calls it in the worker process. Most do nothing there but seed generators, from one of which the plan draws. So
the function runs in a `Sandbox`, with generators of the logical worker's own in the place of the process's, and the
worker's streams start from where these are left. What may do more than that is refused, and torch's own workers call
it.
"""

import collections.abc
import dataclasses
import functools
import os
import random
import threading
import types
import typing
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch.utils.data import get_worker_info

from penstock.compat.torch import generate_state
from penstock.generators import seeded_python
from penstock.lowering.collation import start_method
from penstock.lowering.known import is_pristine
from penstock.lowering.sandbox import Refused, Sandbox, innermost

__all__ = ["Left", "left_behind", "why_not"]

# As large as most base seeds, so that what is too large for a generator shows in advance.
_SOME_SEED = 2**62 + 3**39
# Types and functions that compute something of their arguments.
_PURE = (
    *(np.random.SeedSequence, np.iinfo, np.int32, np.int64, np.uint32, np.uint64, int, float, str, bool),
    *(typing.Callable, collections.abc.Callable),
)
# Seeds of generators that a process without an accelerator keeps for later.
_ACCELERATORS = ("cuda", "xpu", "mps", "mtia")


@dataclasses.dataclass(frozen=True)
class Left:
    """Where a worker's generators stand.

    Attributes:
        torch_state: Of torch's.
        python: Python's.
    """

    torch_state: torch.Tensor
    python: random.Random

    def is_same(self, other: "Left") -> bool:
        """Whether the generators stand where the other ones do."""
        same = torch.equal(self.torch_state, other.torch_state)
        return same and self.python.getstate() == other.python.getstate()


def why_not(loader: Any) -> str | None:
    """Return why a loader's `worker_init_fn` is not known to do nothing but seed; None if it is."""
    if loader.worker_init_fn is None:
        return None
    try:
        for worker in {0, loader.num_workers - 1}:
            left_behind(loader, _SOME_SEED, worker)
    except Refused as refused:
        return f"it runs in worker processes, and does more than seed generators: {refused}"
    except Exception as error:
        return f"it runs in worker processes, and raises {type(error).__name__}"
    return None


def left_behind(loader: Any, base_seed: int, worker: int) -> Left:
    """Return where a worker's generators stand when its first batch comes.

    Args:
        loader: Whose dataset, number of workers and `worker_init_fn` the worker has.
        base_seed: As torch has drawn it.
        worker: Number of the worker.

    Raises:
        Refused: If the function is not known to do nothing but seed.
        Exception: What the function raises.
    """
    if loader.worker_init_fn is None:
        seed = base_seed + worker
        return Left(torch.Generator().manual_seed(seed).get_state(), seeded_python(seed))
    left, asked = _run(loader, base_seed, worker, accelerated=False)
    if asked and not _run(loader, base_seed, worker, accelerated=True)[0].is_same(left):
        raise Refused("what it seeds depends on there being an accelerator")
    return left


def _run(loader: Any, base_seed: int, worker: int, *, accelerated: bool) -> tuple[Left, bool]:
    process = _Process(loader, base_seed, worker, accelerated=accelerated)
    try:
        process.sandbox.call(loader.worker_init_fn, worker)
        if process.sandbox.reads_process and start_method(loader) != "fork":
            raise Refused("it looks at what a process that is not forked need not have")
    finally:
        process.sandbox.close()
    return Left(process.torch.get_state(), process.random), process.asked


class _Process:
    """A worker process as far as a function that seeds can see it.

    Args:
        loader: Whose worker it is.
        base_seed: As torch has drawn it.
        worker: Number of the worker.
        accelerated: Whether to say that there is an accelerator.

    Attributes:
        sandbox: In which a function sees it.
        torch: Its generator.
        random: Python's.
        asked: Whether the function wanted to know if there is an accelerator.
    """

    def __init__(self, loader: Any, base_seed: int, worker: int, *, accelerated: bool) -> None:
        self._loader, self._base_seed, self._worker, self._accelerated = loader, base_seed, worker, accelerated
        self.torch = torch.Generator()
        self.torch.manual_seed(base_seed + worker)
        self.random = seeded_python(base_seed + worker)
        self._numpy_seed: Any = None
        self.asked = False
        stand_ins = {id(real): functools.partial(function, self) for real, function in _stand_ins()}
        known = {id(value): value for value in _PURE} | stand_ins
        self.sandbox = Sandbox(known, {id(os.environ): lambda: dict(os.environ)})

    def manual_seed(self, seed: Any) -> None:
        """Do for this worker what `torch.manual_seed` does."""
        self.torch.manual_seed(int(seed))

    def seed_accelerator(self, seed: Any) -> None:
        """Do what `torch.cuda.manual_seed` and its kin come to where there is none."""
        int(seed)

    def has_accelerator(self) -> bool:
        """Answer `torch.cuda.is_available`."""
        self.asked = True
        return self._accelerated

    def initial_seed(self) -> int:
        """Do for this worker what `torch.initial_seed` does."""
        return self.torch.initial_seed()

    def set_num_threads(self, threads: Any) -> None:
        """Do nothing: no thread of torch's works for this worker."""
        if type(threads) is not int or threads <= 0:
            self.sandbox.refuse("torch.set_num_threads")

    def worker_info(self) -> Any:
        """Do for this worker what `torch.utils.data.get_worker_info` does."""
        count, seed = self._loader.num_workers, self._base_seed + self._worker
        info = types.SimpleNamespace(id=self._worker, num_workers=count, seed=seed, dataset=self._loader.dataset)
        return self.sandbox.stand_in(info)

    def seed_random(self, a: Any = None, version: int = 2) -> None:
        """Do for this worker what `random.seed` does."""
        self.random.seed(a, version)

    def seed_numpy(self, seed: Any = None) -> None:
        """Do for this worker what `numpy.random.seed` does."""
        _numpy_of_this_thread().seed(seed)
        self._numpy_seed = seed

    def numpy_state(self) -> Any:
        """Do for this worker what `numpy.random.get_state` does before a number was drawn."""
        seed = self._numpy_seed
        generator = _numpy_of_this_thread()
        generator.seed(generate_state(self._base_seed, self._worker) if seed is None else seed)
        return generator.get_state()


_this_thread = threading.local()


def _numpy_of_this_thread() -> Any:
    """Return a generator of NumPy's in which nothing is kept; to make one takes longer than all else here."""
    if not hasattr(_this_thread, "numpy"):
        _this_thread.numpy = np.random.RandomState(0)
    return _this_thread.numpy


@functools.cache
def _stand_ins() -> tuple[tuple[Any, Callable[..., Any]], ...]:
    """Return the functions that a worker has of its own, each with what does the same for a logical worker."""
    pairs: list[tuple[Any, Callable[..., Any]]] = [
        (torch.manual_seed, _Process.manual_seed),
        (torch.initial_seed, _Process.initial_seed),
        (torch.set_num_threads, _Process.set_num_threads),
        (torch.cuda.is_available, _Process.has_accelerator),
        (get_worker_info, _Process.worker_info),
        (random.seed, _Process.seed_random),
        (np.random.seed, _Process.seed_numpy),
        (np.random.get_state, _Process.numpy_state),
    ]
    seeders = [getattr(getattr(torch, name, None), "manual_seed", None) for name in _ACCELERATORS]
    seeders += [getattr(getattr(torch, name, None), "manual_seed_all", None) for name in _ACCELERATORS]
    pairs += [(seeder, _Process.seed_accelerator) for seeder in seeders if seeder is not None]
    pairs = [(innermost(real), mine) for real, mine in pairs]
    return tuple((real, mine) for real, mine in pairs if _is_original(real))


def _is_original(function: Any) -> bool:
    """Whether a function is the library's; if somebody has put another one there, that is run."""
    function = getattr(function, "__func__", function)
    if not isinstance(function, types.FunctionType):
        return True  # not written in Python
    return is_pristine(function) or function.__code__.co_filename == random.__file__
