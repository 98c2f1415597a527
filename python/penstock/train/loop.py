"""The training loop, to be read from top to bottom: set-up, an epoch, what is kept of it, what is left at the end.

    penstock train                                              # handwritten digits, a minute or two on 2 cores
    penstock train --recipe cifar10-94 --download               # CIFAR-10, for a GPU
    penstock train --data folder:images --batch-size 64       # your own
    penstock train --resume last                                # go on after Ctrl-C
    torchrun --nproc-per-node 8 -m penstock train --recipe folder-160 --data folder:images

Handwritten digits end at 97.7 to 98.2 % test accuracy (10 epochs, seeds 0 to 2, no test-time augmentation).
The same settings give the same weights whoever's `DataLoader` makes the batches: that is penstock's claim, and on a
CPU `tests/train/test_equal.py` holds the two runs against each other, bit for bit. `tests/train/test_resume.py` does so
with runs that were stopped.
"""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
import torch.utils.data
from rich.console import Console
from torch.nn import functional as F

from penstock import DataLoader, explain, stats
from penstock.outputs import make_folder, writing
from penstock.train import checkpoint
from penstock.train.data import Images, load
from penstock.train.distributed import ALONE, Ranks, processes
from penstock.train.evaluation import TEST_BATCH, TTA, Precision, evaluate
from penstock.train.model import learning_rate, make_model, make_optimizer
from penstock.train.position import Position, random_state, set_random_state
from penstock.train.recipe import Recipe, SettingError
from penstock.train.report import Epoch, Report, Silence, draw_curves, require_extras
from penstock.train.stopping import Stop, Stopped, leave_to_trainer

__all__ = ["Result", "make_loaders", "train"]

CURVES = "curves.png"


@dataclasses.dataclass(frozen=True)
class Result:
    """What a run left behind.

    Attributes:
        folder: The run's folder.
        checkpoint: The file that it goes on from.
        history: Its finished epochs.
        interrupted: Whether Ctrl-C ended it.
    """

    folder: Path
    checkpoint: Path
    history: tuple[Epoch, ...]
    interrupted: bool

    @property
    def accuracy(self) -> float:
        """Test accuracy after the last finished epoch; 0 if there is none."""
        return self.history[-1].test_accuracy if self.history else 0.0


def train(
    recipe: Recipe,
    *,
    resume: dict[str, Any] | None = None,
    on_step: Callable[[int, int], None] | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
    console: Console | None = None,
) -> Result:
    """Train a classifier and write the run's folder.

    Started by torchrun, several processes train one network. The first of them prints and writes; a checkpoint that is
    gone on from is read by each.

    Args:
        recipe: All settings; see `recipe_for`.
        resume: A checkpoint to go on from, as `checkpoint.read` returns it; its recipe is `recipe`.
        on_step: Called behind each step with its epoch and its number in it, both counted from 1.
        on_epoch: Called after each epoch is saved; a KeyboardInterrupt from it ends the run as Ctrl-C does.
        console: Where to print.

    Raises:
        TrainingError: If something is missing that the user can supply.
        ArgumentError: If the run's folder cannot be written.
        CommandError: If it no longer can, before the run has ended.
    """
    require_extras()
    with processes(recipe.device) as (ranks, device):
        console = (console or Console()) if ranks.leads else Console(quiet=True)
        run = _Run(recipe, resume, ranks, device, console, on_step=on_step)
        began = time.perf_counter()
        interrupted = False
        try:
            with run.report() as report, Stop(patient=ranks.world > 1) as stop:
                while len(run.history) < recipe.epochs:
                    epoch = run.epoch(report, stop)
                    if on_epoch is not None:
                        on_epoch(epoch)
        except (KeyboardInterrupt, Stopped):
            interrupted = True
        result = Result(run.folder, run.file, tuple(run.history), interrupted)
        if ranks.leads:
            _conclude(run, result, time.perf_counter() - began)
    return result


class _Run:
    """A run, from its settings to its weights.

    Attributes:
        folder: The run's.
        file: Its checkpoint.
        history: Its finished epochs.
    """

    def __init__(
        self,
        recipe: Recipe,
        resume: dict[str, Any] | None,
        ranks: Ranks,
        device: torch.device,
        console: Console,
        *,
        on_step: Callable[[int, int], None] | None,
    ) -> None:
        self.ranks, self.device, self.console, self.on_step = ranks, device, console, on_step

        # ---- everything random hangs on this seed: weights, order, augmentation
        torch.manual_seed(recipe.seed)
        if recipe.download:  # by one process, and before the others look
            ranks.lead(lambda: load(recipe) and None)
        self.data = data = load(recipe)
        self.train_loader, self.test_loader = make_loaders(recipe, data, device, ranks)
        self.tested = len(data.test)  # type: ignore[arg-type]
        self.steps = min(len(self.train_loader), recipe.max_steps or len(self.train_loader))
        if self.steps == 0:
            raise SettingError(f"--batch-size {recipe.batch_size} is more than there are training images")
        self.model = make_model(data.size, data.channels, data.classes, recipe.stem)

        # ---- on a GPU: reduced precision
        self.precision = precision = Precision.of(device, amp=recipe.amp)
        if device.type == "cuda":
            torch.backends.cudnn.deterministic = True  # the same seed is to give the same weights
        self.model.to(device=device, memory_format=precision.layout)  # type: ignore[call-overload]
        # bfloat16 has float32's range.
        scaled = precision.amp and precision.half is torch.float16
        self.scaler = torch.amp.GradScaler(device.type, enabled=scaled)
        self.optimizer = make_optimizer(recipe, self.model)

        # ---- where an earlier part of the run ended
        self.history: list[Epoch] = []
        self.resumed: dict[str, Any] | None = None  # this process's part, and "step": of the epoch that was not over
        if resume is not None:
            self._go_on(resume)
        elif ranks.world > 1:
            torch.manual_seed(recipe.seed + ranks.rank)  # else the first workers of all would augment alike
        self.network = ranks.parallel(self.model, device)
        self.judged = self.model  # without what waits for other processes: they test on unequal numbers of batches
        if recipe.compile:
            self.network, self.judged = torch.compile(self.network), torch.compile(self.model)  # type: ignore[assignment]
        self.folder, self.file = ranks.lead(lambda: _places(recipe, resumed=resume is not None))
        self.recipe = dataclasses.replace(recipe, out=str(self.folder), checkpoint=str(self.file))

        together = f", shared by {ranks.world} processes" if ranks.world > 1 else ""
        rate = f"peak lr {recipe.lr}" if recipe.schedule == "triangle" else f"lr {recipe.lr}"
        console.print(
            f"{recipe.data}: {len(data.train):,} training and {self.tested:,} test images of "  # type: ignore[arg-type]
            f"{data.size}x{data.size}x{data.channels}, {data.classes} classes\n"
            f"resnet18 on {device}, {precision}{', compiled' if recipe.compile else ''}; {recipe.epochs} epochs of "
            f"{self.steps} steps, batch {recipe.batch_size}{together}, {rate}, seed {recipe.seed}",
            highlight=False,
            markup=False,
        )
        # By --loader torch, or by PENSTOCK=0.
        self.plain = type(self.train_loader) is torch.utils.data.DataLoader
        console.print("loader: torch.utils.data.DataLoader" if self.plain else explain(self.train_loader))

    def _go_on(self, saved: dict[str, Any]) -> None:
        if len(saved["ranks"]) != self.ranks.world:
            was, now = len(saved["ranks"]), self.ranks.world
            raise SettingError(f"a resumed run keeps its number of processes: it was {was}, not {now}")
        self.model.load_state_dict(saved["model"])
        self.optimizer.load_state_dict(saved["optimizer"])
        if saved["scaler"]:  # empty if it was on another device, where nothing was scaled
            self.scaler.load_state_dict(saved["scaler"])
        self.history = [Epoch(**line) for line in saved["history"]]
        mine = saved["ranks"][self.ranks.rank]
        set_random_state(mine["random"], self.device)
        if saved["step"]:
            self.resumed = {**mine, "step": saved["step"]}

    def report(self) -> Silence:
        """Return what shows how far the run is."""
        if not self.ranks.leads:
            return Silence()
        done = len(self.history) * self.steps + (self.resumed["step"] if self.resumed else 0)
        with writing(self.folder):
            epochs, tta = self.recipe.epochs, self.recipe.tta
            return Report(self.folder, epochs, self.steps, self.history, self.console, done=done, tta=tta)

    def epoch(self, report: Silence, stop: Stop) -> Epoch:
        """Make the next epoch, or what is left of it.

        Raises:
            Stopped: If Ctrl-C has ended it, behind a step.
        """
        recipe, ranks, precision = self.recipe, self.ranks, self.precision
        number, saved = len(self.history) + 1, self.resumed
        self.resumed = None
        if isinstance(self.train_loader.sampler, torch.utils.data.DistributedSampler):
            self.train_loader.sampler.set_epoch(number)

        # ---- learn from every training image once
        self.network.train()
        position = Position.first(precision) if saved is None else Position.of(saved, saved["step"], precision)
        if position.step < self.steps:
            asked = time.perf_counter()
            batches = position.batches(self.train_loader, saved, self.device)
            position.waited += time.perf_counter() - asked  # starting the workers is waiting too
            for step in range(position.step, self.steps):
                asked = time.perf_counter()
                batch = next(batches)
                position.waited += time.perf_counter() - asked
                images, labels = precision.put(batch[0], batch[1])

                behind = (number - 1) * self.steps + step
                for group in self.optimizer.param_groups:
                    group["lr"] = learning_rate(recipe, behind / (recipe.epochs * self.steps))
                with precision.autocast():
                    scores = self.network(images)
                    loss = F.cross_entropy(scores, labels, label_smoothing=recipe.label_smoothing)
                self.optimizer.zero_grad()
                self.scaler.scale(loss).backward()
                self.scaler.step(self.optimizer)
                self.scaler.update()

                position.loss_sum += loss.detach()
                position.correct += (scores.detach().argmax(1) == labels).sum()
                position.step = step + 1
                passed = position.passed
                report.step(number, position.step * recipe.batch_size / passed, position.waited / passed)
                if self.on_step is not None:
                    self.on_step(number, position.step)
                if ranks.any(stop.asked):
                    self._save(position)
                    raise Stopped
                if recipe.checkpoint_every and (behind + 1) % recipe.checkpoint_every == 0 and step + 1 < self.steps:
                    self._save(position)
            del batches  # where max_steps cuts an epoch off, this stops its workers
        # What is summed over all processes is not the position's, which is saved if the test is stopped.
        loss_sum, correct = position.loss_sum.clone(), position.correct.clone()
        waited = torch.tensor(position.waited, dtype=torch.float64, device=self.device)
        ranks.add((loss_sum, correct, waited))
        loss_mean = loss_sum.item() / self.steps / ranks.world  # waits for the GPU: the epoch's time is all of it
        seconds = position.end()

        # ---- test
        report.testing(number)
        test_loss, test_accuracy = self._test(position, stop)
        seen = self.steps * recipe.batch_size
        epoch = Epoch(
            epoch=number,
            step=number * self.steps,
            loss=loss_mean,
            train_accuracy=correct.item() / seen,
            test_loss=test_loss,
            test_accuracy=test_accuracy,
            tta=recipe.tta,
            images_per_second=seen / seconds,
            waiting=waited.item() / ranks.world / seconds,
            seconds=seconds,
        )

        # ---- keep what was reached
        self._save(None, [*self.history, epoch])
        self.history.append(epoch)
        with writing(self.folder):
            report.epoch(epoch)
        return epoch

    def _test(self, position: Position, stop: Stop) -> tuple[float, float]:
        random = random_state(self.device)  # testing draws the seed of its workers

        def look() -> None:
            if self.ranks.any(stop.asked):
                self._save(position, random=random)
                raise Stopped

        self.ranks.share_buffers(self.model)
        ways: dict[str, Any] = {"tta": self.recipe.tta, "count": self.tested, "ranks": self.ranks}
        return evaluate(self.judged, self.test_loader, self.precision, before_batch=look, **ways)

    def _save(
        self,
        position: Position | None,
        history: list[Epoch] | None = None,
        random: dict[str, torch.Tensor] | None = None,
    ) -> None:
        """Write the checkpoint.

        Args:
            position: Within an epoch; None behind one.
            history: Finished epochs; None for the run's.
            random: Where the generators stand; None for where they do.
        """
        mine: dict[str, Any] = {"random": random or random_state(self.device)}
        if position is not None:
            mine |= position.state(self.train_loader)
        parts = self.ranks.gather(mine)

        def write() -> None:
            kept = {
                "version": checkpoint.VERSION,
                "recipe": dataclasses.asdict(self.recipe),
                "model": self.model.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "scaler": self.scaler.state_dict(),
                "history": [dataclasses.asdict(line) for line in history or self.history],
                "step": 0 if position is None else position.step,
                "ranks": parts,
            }
            with writing(self.file):
                checkpoint.write(self.file, kept)

        self.ranks.lead(write)


def make_loaders(recipe: Recipe, data: Images, device: torch.device, ranks: Ranks = ALONE) -> tuple[Any, Any]:
    """Return the loaders of a process's share of the training and of the test images.

    Their workers do not persist, so that each epoch of torch's loader too begins where the generators stand.
    """
    loader: Any = DataLoader if recipe.loader == "penstock" else torch.utils.data.DataLoader
    common: dict[str, Any] = {"num_workers": recipe.workers}
    if loader is torch.utils.data.DataLoader:  # by --loader torch, or by PENSTOCK=0
        common |= {"pin_memory": device.type == "cuda", "worker_init_fn": leave_to_trainer}
    else:
        common |= {"device": device, "memory_format": Precision.of(device, amp=recipe.amp).layout}
    sampler = ranks.sampler(data.train, recipe.seed)
    order = {"shuffle": True} if sampler is None else {"sampler": sampler}
    share = ranks.share_of_test(len(data.test))  # type: ignore[arg-type]
    return (
        # A last batch of one image would leave batch normalisation without a variance.
        loader(data.train, ranks.share_of_batch(recipe.batch_size), drop_last=True, **order, **common),
        loader(data.test, TEST_BATCH, sampler=share, **common),
    )


def _places(recipe: Recipe, *, resumed: bool) -> tuple[Path, Path]:
    """Return a run's folder and its checkpoint, both of which can be written."""
    folder = Path(recipe.out).expanduser() if recipe.out else checkpoint.next_folder(recipe.data)
    file = Path(recipe.checkpoint).expanduser() if recipe.checkpoint else folder / checkpoint.NAME
    if not resumed and file.exists():
        raise SettingError(f"{file} holds a run already; go on with --resume {file}, or name another place")
    make_folder("--out", folder)
    if file.parent != folder:
        make_folder("--checkpoint", file.parent)
    return folder, file


def _conclude(run: _Run, result: Result, seconds: float) -> None:
    """Draw the curves and print what came of a run."""
    history, recipe, console = run.history, run.recipe, run.console
    if result.interrupted:
        console.print(
            f"interrupted after {len(history)} of {recipe.epochs} epochs", style="bold yellow", highlight=False
        )
    if history:
        accuracy = f"test accuracy {result.accuracy:.2%} on {run.data.title} ({TTA[recipe.tta]})"
        with writing(run.folder):
            draw_curves(run.folder / CURVES, history, f"resnet18: {accuracy}")
        waiting = sum(line.waiting * line.seconds for line in history) / sum(line.seconds for line in history)
        console.print(
            f"{accuracy} in {seconds:.0f} s; {waiting:.1%} of the training time was spent waiting for data",
            style="bold",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
        if not run.plain:
            console.print(stats(run.train_loader).verdict, highlight=False, markup=False, soft_wrap=True)
        places = f"curves {run.folder / CURVES}\nrun    {run.folder}"
        console.print(places, highlight=False, markup=False, soft_wrap=True)
    if result.interrupted and run.file.exists():
        at = run.folder if run.file == run.folder / checkpoint.NAME else run.file
        console.print(f"go on with: penstock train --resume {at}", highlight=False, markup=False, soft_wrap=True)
