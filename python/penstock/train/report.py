"""What a run shows and leaves behind: progress bar, table of epochs, metrics.jsonl, TensorBoard events, curves.png.

The table is printed row by row above the bar, so that a run that is stopped, or whose output goes to a file, has its
rows all the same. Where there is no terminal for a bar, a line now and then says how far the run is.
"""

import dataclasses
import importlib.util
import json
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from penstock.train.checkpoint import METRICS
from penstock.train.recipe import TrainingError

__all__ = ["Epoch", "Report", "Silence", "draw_curves", "require_extras"]


@dataclasses.dataclass(frozen=True)
class Epoch:
    """One line of metrics.jsonl.

    Attributes:
        epoch: Counted from 1.
        step: Training steps since the run's first.
        loss: Mean training loss, label smoothing included.
        train_accuracy: Of the augmented images, while they were being learned from.
        test_loss: Mean cross entropy of the test images after the epoch.
        test_accuracy: After the epoch.
        tta: The test-time augmentation that both figures of the test are of: "none" or "mirror".
        images_per_second: Training images per second of training time; testing is not counted.
        waiting: Share of the training time that the loop spent waiting for its loader, its start included.
        seconds: Training time.
    """

    epoch: int
    step: int
    loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float
    tta: str
    images_per_second: float
    waiting: float
    seconds: float


def require_extras() -> None:
    """Raise if a package that the report needs is missing: better now than when the last epoch is over.

    Raises:
        TrainingError: Naming what is missing and how to install it.
    """
    missing = [name for name in ("matplotlib", "tensorboard") if importlib.util.find_spec(name) is None]
    if missing:
        raise TrainingError(f'{" and ".join(missing)} missing: pip install "penstock[train]"')


class Silence:
    """What the other processes of a run show beside the first one's report: nothing."""

    def __enter__(self) -> Self:
        """Do nothing."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Do nothing."""

    def step(self, epoch: int, images_per_second: float, waiting: float) -> None:
        """Do nothing."""

    def testing(self, epoch: int) -> None:
        """Do nothing."""

    def epoch(self, epoch: Epoch) -> None:
        """Do nothing."""


class Report(Silence):
    """A run's output, written as the run goes; a context manager, since a bar and open files have to be closed.

    Args:
        folder: The run's folder, which exists.
        epochs: Epochs of the whole run.
        steps: Training steps of an epoch.
        history: Epochs that an earlier part of this run has finished.
        console: Where to print.
        done: Training steps that it has made; None for those of these epochs.
        tta: How the images are tested, which names the column of their accuracy.
    """

    LINE_SECONDS = 30.0  # between two lines where there is no terminal

    def __init__(
        self,
        folder: Path,
        epochs: int,
        steps: int,
        history: list[Epoch],
        console: Console,
        *,
        done: int | None = None,
        tta: str = "none",
    ) -> None:
        # Imported here: TensorBoard takes a second to load, and only a run needs it.
        from torch.utils.tensorboard import SummaryWriter

        self._console = console
        self._epochs, self._steps = epochs, steps
        self._said = time.monotonic()
        # Rewritten rather than appended to: a run stopped between two files may have left a line too many.
        self._metrics = (folder / METRICS).open("w", encoding="utf-8")
        if done is None:
            done = history[-1].step if history else 0
        accuracy = "test acc" if tta == "none" else f"{tta} acc"
        self._headings = ("epoch", "loss", "train acc", accuracy, "images/s", "waiting")
        self._tensorboard = SummaryWriter(str(folder), purge_step=done + 1 if done else None)
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[speed]}"),
            TimeRemainingColumn(),
            console=console,
            refresh_per_second=4,  # each refresh takes the interpreter from the loop for a moment
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("", total=epochs * steps, completed=done, speed="")
        self._earlier = history

    def __enter__(self) -> Self:
        """Print the table's head and the rows of epochs that are done already; show the bar."""
        self._console.print("  ".join(f"{heading:>9}" for heading in self._headings), style="bold")
        for epoch in self._earlier:
            self._write(epoch)
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the bar and close the files."""
        self._bar.stop()
        self._metrics.close()
        self._tensorboard.close()

    def step(self, epoch: int, images_per_second: float, waiting: float) -> None:
        """Move the bar on by one training step; without a bar say so, if nothing was said for a while."""
        title = f"epoch {epoch}/{self._epochs}"
        speed = f"{images_per_second:,.0f} images/s, {waiting:.0%} waiting"
        self._bar.update(self._task, advance=1, description=title, speed=speed)
        if self._bar.disable and time.monotonic() - self._said >= self.LINE_SECONDS:
            done = int(self._bar.tasks[0].completed) - (epoch - 1) * self._steps
            self._say(f"{title}, step {done:,} of {self._steps:,}: {speed}")

    def testing(self, epoch: int) -> None:
        """Say that the epoch's test has begun."""
        self._bar.update(self._task, description=f"epoch {epoch}/{self._epochs}, testing")

    def _say(self, line: str) -> None:
        self._console.print(line, highlight=False)
        self._said = time.monotonic()

    def epoch(self, epoch: Epoch) -> None:
        """Add a finished epoch to the table, to metrics.jsonl and to TensorBoard."""
        self._write(epoch)
        for name, value in dataclasses.asdict(epoch).items():
            if name not in ("epoch", "step", "tta"):
                self._tensorboard.add_scalar(name, value, epoch.step)
        self._tensorboard.flush()

    def _write(self, epoch: Epoch) -> None:
        self._metrics.write(json.dumps(dataclasses.asdict(epoch)) + "\n")
        self._metrics.flush()
        cells = (
            f"{epoch.epoch}",
            f"{epoch.loss:.4f}",
            f"{epoch.train_accuracy:.2%}",
            f"{epoch.test_accuracy:.2%}",
            f"{epoch.images_per_second:,.0f}",
            f"{epoch.waiting:.1%}",
        )
        self._say("  ".join(f"{cell:>9}" for cell in cells))


def draw_curves(path: Path, history: list[Epoch], title: str) -> None:
    """Draw loss and accuracy over the epochs into a PNG file."""
    # The figure is made without pyplot, so no display is looked for and the user's backend stays what it is.
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    epochs = [epoch.epoch for epoch in history]
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    figure.suptitle(title)
    left, right = figure.subplots(1, 2)
    panels: tuple[tuple[Any, str, tuple[str, str]], ...] = (
        (left, "loss", ("loss", "test_loss")),
        (right, "accuracy", ("train_accuracy", "test_accuracy")),
    )
    for axes, label, (train, test) in panels:
        axes.plot(epochs, [getattr(epoch, train) for epoch in history], marker=".", label="train, augmented")
        axes.plot(epochs, [getattr(epoch, test) for epoch in history], marker=".", label="test")
        axes.set(xlabel="epoch", ylabel=label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.grid(alpha=0.3)
        axes.legend()
    right.yaxis.set_major_formatter(PercentFormatter(1.0))
    figure.savefig(path, format="png")
