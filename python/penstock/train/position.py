"""Where a process stands within an epoch: what it has counted, and where its loader and its generators are.

A checkpoint has one of these for each process. To go on, penstock's loader is told by its state; torch's, which has
none, makes the epoch's first batches again from where the generators stood then, and they are thrown away. Either one
goes on from a checkpoint that was written with the other.
"""

import dataclasses
import time
from collections.abc import Iterator
from typing import Any

import torch

from penstock.train.evaluation import Precision

__all__ = ["Position", "random_state", "set_random_state"]


def random_state(device: torch.device) -> dict[str, torch.Tensor]:
    """Return where the generators stand that the rest of a run draws from."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(state: dict[str, torch.Tensor], device: torch.device) -> None:
    """Put the generators where `random_state` found them."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)


@dataclasses.dataclass
class Position:
    """Of one process, in one epoch.

    Attributes:
        loss_sum: Of the steps' losses.
        correct: Images of the right class.
        began: Where the generators stood before the epoch's loader was asked.
        step: Steps behind it.
        seconds: That they took in parts of the run that are over.
        waited: Of all of them, for the loader, in seconds.
    """

    loss_sum: torch.Tensor
    correct: torch.Tensor
    began: dict[str, torch.Tensor]
    step: int = 0
    seconds: float = 0.0
    waited: float = 0.0
    _since: float | None = dataclasses.field(default_factory=time.perf_counter)

    @classmethod
    def first(cls, precision: Precision) -> "Position":
        """Return an epoch's beginning."""
        loss_sum, correct = precision.zeros()
        return cls(loss_sum, correct, random_state(precision.device))

    @classmethod
    def of(cls, saved: dict[str, Any], step: int, precision: Precision) -> "Position":
        """Return what `state` has saved.

        Args:
            saved: By this process's predecessor.
            step: Steps of the epoch behind it.
            precision: In what is computed.
        """
        loss_sum, correct = (saved[name].to(precision.device) for name in ("loss_sum", "correct"))
        return cls(loss_sum, correct, saved["began"], step, saved["seconds"], saved["waited"])

    @property
    def passed(self) -> float:
        """Seconds that the epoch's steps have taken."""
        return self.seconds + (0.0 if self._since is None else time.perf_counter() - self._since)

    def end(self) -> float:
        """Have the steps be over, so that they take no more time; return how much they took."""
        self.seconds, self._since = self.passed, None
        return self.seconds

    def state(self, loader: Any) -> dict[str, Any]:
        """Return what this process goes on from, besides its generators.

        Args:
            loader: Whose batches it has had.
        """
        # A loader whose batches torch makes after all, as ours has failed, says that its state is lost.
        where = loader.state_dict() if hasattr(loader, "state_dict") else {"lost": True}
        return {
            "loss_sum": self.loss_sum.cpu(),
            "correct": self.correct.cpu(),
            "began": self.began,
            "seconds": self.passed,
            "waited": self.waited,
            "loader": None if "lost" in where else where,
        }

    def batches(self, loader: Any, saved: dict[str, Any] | None, device: torch.device) -> Iterator[Any]:
        """Return the epoch's batches that are left.

        Args:
            loader: Of them.
            saved: What `state` has saved, and where the generators stood as "random"; None where all are left.
            device: On which is computed.
        """
        batches: Iterator[Any]
        if saved is None:
            batches = iter(loader)
            return batches
        set_random_state(saved["began"], device)
        if saved["loader"] is not None and hasattr(loader, "load_state_dict"):
            loader.load_state_dict(saved["loader"])
            batches = iter(loader)
        else:
            batches = iter(loader)
            for _ in range(self.step):
                next(batches)
        set_random_state(saved["random"], device)
        return batches
