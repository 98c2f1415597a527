"""torch's loader with its worker processes played in this process: the same batches, without the price of a fork.

`test_reference.py` compares it with the real thing.
"""

import collections
import copy
import itertools
import random
import warnings
from typing import Any

import numpy as np
import torch
from torch._utils import ExceptionWrapper
from torch.utils.data import DataLoader
from torch.utils.data._utils import worker as torch_worker
from torch.utils.data.dataloader import _BaseDataLoaderIter, _DatasetKind


class ReferenceLoader(DataLoader[Any]):
    """torch's own class; only worker processes are replaced, by streams of random numbers in this process."""

    def _get_iterator(self) -> _BaseDataLoaderIter:
        if self.num_workers == 0:
            return super()._get_iterator()
        self.check_worker_number_rationality()
        return _ReferenceIter(self)


class _ReferenceIter(_BaseDataLoaderIter):
    """What torch does with workers, all of it in the caller's thread at the moment a batch is sent to a worker."""

    def __init__(self, loader: Any) -> None:
        super().__init__(loader)
        self._prefetch_factor = loader.prefetch_factor
        workers = range(loader.num_workers)
        self._workers_of_ours = [_Worker(loader, self._base_seed, worker) for worker in workers]
        self._reset(loader, first_iter=True)

    def _reset(self, loader: Any, first_iter: bool = False) -> None:
        super()._reset(loader, first_iter)
        self._done: collections.deque[Any] = collections.deque()
        self._cycle = itertools.cycle(self._workers_of_ours)
        for _ in range(self._prefetch_factor * self._num_workers):
            self._try_put_index()

    def _try_put_index(self) -> None:
        try:
            index = self._next_index()
        except StopIteration:
            return
        self._done.append(next(self._cycle).fetch(index))

    def _next_data(self) -> Any:
        if not self._done:
            raise StopIteration
        data = self._done.popleft()
        self._try_put_index()
        if isinstance(data, ExceptionWrapper):
            data.reraise()
        return data


class _Worker:
    """A worker process: its copy of the dataset, its random numbers."""

    def __init__(self, loader: Any, base_seed: int, worker: int) -> None:
        self.where = f"in DataLoader worker process {worker}"
        dataset = copy.deepcopy(loader.dataset) if isinstance(loader, ForkingReferenceLoader) else loader.dataset
        seed = base_seed + worker
        self.info = torch_worker.WorkerInfo(id=worker, num_workers=loader.num_workers, seed=seed, dataset=dataset)
        self.fetcher = _DatasetKind.create_fetcher(
            loader._dataset_kind, dataset, loader._auto_collation, loader.collate_fn, loader.drop_last
        )
        mine = get_states()
        random.seed(seed)
        torch.manual_seed(seed)
        np.random.seed(torch_worker._generate_state(base_seed, worker))  # noqa: NPY002 - torch does
        self.states = get_states()
        set_states(mine)

    def fetch(self, index: Any) -> Any:
        mine = get_states()
        set_states(self.states)
        torch_worker._worker_info = self.info
        try:
            with warnings.catch_warnings(record=True):  # a process would write them to its own stderr
                return self.fetcher.fetch(index)
        except Exception:
            return ExceptionWrapper(where=self.where)
        finally:
            torch_worker._worker_info = None
            self.states = get_states()
            set_states(mine)


class ForkingReferenceLoader(ReferenceLoader):
    """Each worker has a copy of the dataset, as a forked process has, so that later edits do not reach it."""


def get_states() -> tuple[torch.Tensor, Any, Any]:
    """The three global generators' states: torch's, Python's and NumPy's."""
    return torch.get_rng_state(), random.getstate(), np.random.get_state()  # noqa: NPY002 - the global one


def set_states(states: tuple[torch.Tensor, Any, Any]) -> None:
    """Put the three global generators where `get_states` found them."""
    torch.set_rng_state(states[0])
    random.setstate(states[1])
    np.random.set_state(states[2])  # noqa: NPY002 - the global one
