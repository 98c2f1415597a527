"""Several processes that train one network, as torchrun starts them: what each does, and what they agree on.

torch's `DistributedDataParallel` takes the mean of their gradients. All else that they have to do alike is here: they
make the same number of steps, stop behind the same one, and fail together where the first of them fails to write.
"""

import contextlib
import dataclasses
import datetime
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import Dataset, DistributedSampler

from penstock.errors import CommandError
from penstock.train.recipe import SettingError

__all__ = ["ALONE", "Ranks", "processes"]

_T = TypeVar("_T")
PATIENCE = datetime.timedelta(minutes=30)  # until processes that wait for one another give up; torch's own


@dataclasses.dataclass(frozen=True)
class Ranks:
    """The processes of a run, as one of them sees them.

    Attributes:
        rank: This one's number.
        world: How many there are.
        flags: The group in which what is no tensor of the device's is exchanged; None for torch's default group.
    """

    rank: int = 0
    world: int = 1
    flags: Any = None

    @property
    def leads(self) -> bool:
        """Whether this is the one that prints and writes."""
        return self.rank == 0

    def share_of_batch(self, size: int) -> int:
        """Return how many images of a step's batch are this process's."""
        if size % self.world:
            raise SettingError(f"--batch-size {size} cannot be divided among {self.world} processes")
        return size // self.world

    def sampler(self, dataset: Dataset[Any], seed: int) -> DistributedSampler[Any] | None:
        """Return what gives this process its training images; None if it takes them all.

        The last ones are left out where there are not equally many for each: a process with a batch more than the
        others would wait for them in vain.
        """
        if self.world == 1:
            return None
        return DistributedSampler(dataset, self.world, self.rank, shuffle=True, seed=seed, drop_last=True)

    def share_of_test(self, count: int) -> range | None:
        """Return the test images of this process, each of which is nobody else's; None if it takes them all."""
        return range(self.rank, count, self.world) if self.world > 1 else None

    def parallel(self, model: nn.Module, device: torch.device) -> nn.Module:
        """Return a network whose gradients are the mean of all processes'."""
        if self.world == 1:
            return model
        return DistributedDataParallel(model, device_ids=[device.index] if device.type == "cuda" else None)

    def share_buffers(self, model: nn.Module) -> None:
        """Give all processes the first one's running means and variances, which no gradient keeps equal."""
        if self.world > 1:
            for buffer in model.buffers():
                dist.broadcast(buffer, 0)

    def add(self, tensors: Sequence[torch.Tensor]) -> None:
        """Put into tensors the sums of all processes'."""
        if self.world > 1:
            for tensor in tensors:
                dist.all_reduce(tensor)

    def any(self, flag: bool) -> bool:
        """Return whether something is so in any process; all of them have to ask."""
        if self.world == 1:
            return flag
        told = torch.tensor(int(flag))
        dist.all_reduce(told, dist.ReduceOp.MAX, group=self.flags)
        return bool(told)

    def gather(self, value: _T) -> list[_T]:
        """Return all processes' values, in their order, in the first one; an empty list in the others."""
        if self.world == 1:
            return [value]
        values: list[Any] | None = [None] * self.world if self.leads else None
        dist.gather_object(value, values, group=self.flags)
        return values or []

    def lead(self, work: Callable[[], _T]) -> _T:
        """Have the first process do something for all, and return in each what came of it.

        Raises:
            CommandError: In each of them, what it raised.
        """
        if self.world == 1:
            return work()
        outcome: list[Any] = [None, None]
        if self.leads:
            try:
                outcome[0] = work()
            except CommandError as error:
                outcome[1] = error
        dist.broadcast_object_list(outcome, 0, group=self.flags)
        if outcome[1] is not None:
            raise outcome[1]
        return outcome[0]  # type: ignore[no-any-return]


ALONE = Ranks()


@contextlib.contextmanager
def processes(device: str) -> Iterator[tuple[Ranks, torch.device]]:
    """Join the other processes of a run, if there are any, and say on which device this one is to compute.

    Those are torchrun's; where a program has a process group already, its.

    Args:
        device: As `Recipe.device`.

    Raises:
        SettingError: If there is no such device, or the environment has a number of processes and no way to them.
    """
    mine = pick_device(device)
    joined = dist.is_available() and dist.is_initialized()
    torchruns = not joined and dist.is_available() and int(os.environ.get("WORLD_SIZE", "1")) > 1
    if not joined and not torchruns:
        yield ALONE, mine
        return
    if mine.type == "cuda":
        mine = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(mine)
    if torchruns:
        _join("nccl" if mine.type == "cuda" else "gloo")
    try:
        flags = dist.new_group(backend="gloo", timeout=PATIENCE) if dist.get_backend() != "gloo" else None
        yield Ranks(dist.get_rank(), dist.get_world_size(), flags), mine
    finally:
        if torchruns:
            dist.destroy_process_group()


def _join(backend: str) -> None:
    try:
        dist.init_process_group(backend, timeout=PATIENCE)
    except ValueError as error:
        world = os.environ["WORLD_SIZE"]
        raise SettingError(f"WORLD_SIZE={world} tells of processes that torchrun has not started: {error}") from error


def pick_device(name: str) -> torch.device:
    """Return the device that a recipe names."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise SettingError("--device cuda: torch finds no GPU here")
    return torch.device(name)
