"""The training loop, to be read from top to bottom: set-up, epochs, what is left at the end.

    penstock train                                              # handwritten digits, under a minute on 2 cores
    penstock train --data cifar10 --download                    # CIFAR-10, for a GPU
    penstock train --data folder:pictures --batch-size 64       # your own
    penstock train --resume                                     # go on after Ctrl-C

Handwritten digits end at 98.2 to 98.6 % test accuracy (12 epochs, seeds 0 to 2, no test-time augmentation).
The same settings give the same weights whoever's `DataLoader` makes the batches: that is penstock's claim, and on a
CPU `tests/train/test_equal.py` holds the two runs against each other, bit for bit.
"""

import dataclasses
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.utils.data
from rich.console import Console
from torch import nn
from torch.nn import functional as F

from penstock import DataLoader, explain, stats
from penstock.outputs import make_folder, writing
from penstock.train import checkpoint
from penstock.train.data import Pictures, load
from penstock.train.model import make_model
from penstock.train.recipe import Recipe, SettingError
from penstock.train.report import Epoch, Report, draw_curves, require_extras

__all__ = ["Result", "make_loaders", "train"]

CURVES = "curves.png"
FIRST_LR = 0.2  # learning rate of the first step, as a share of the peak
TEST_BATCH = 512  # nothing is learned in testing, so the batch is whatever runs well


@dataclasses.dataclass(frozen=True)
class Result:
    """What a run left behind.

    Attributes:
        folder: The run's folder.
        history: Its finished epochs.
        interrupted: Whether Ctrl-C ended it.
    """

    folder: Path
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
    on_epoch: Callable[[Epoch], None] | None = None,
    console: Console | None = None,
) -> Result:
    """Train a classifier and write the run's folder.

    Args:
        recipe: All settings; see `recipe_for`.
        resume: A checkpoint to go on from, as `checkpoint.read` returns it; its recipe is `recipe`.
        on_epoch: Called after each epoch is saved; a KeyboardInterrupt from it ends the run as Ctrl-C does.
        console: Where to print.

    Raises:
        TrainingError: If something is missing that the user can supply.
        ArgumentError: If the run's folder cannot be written.
        CommandError: If it no longer can, before the run has ended.
    """
    console = console or Console()
    require_extras()
    device = pick_device(recipe.device)

    # ---- everything random hangs on this seed: weights, order, augmentation
    torch.manual_seed(recipe.seed)
    pictures = load(recipe)
    train_loader, test_loader = make_loaders(recipe, pictures, device)
    steps = min(len(train_loader), recipe.max_steps or len(train_loader))
    if steps == 0:
        raise SettingError(f"--batch-size {recipe.batch_size} is more than there are training pictures")
    model = make_model(pictures.size, pictures.channels, pictures.classes)

    # ---- on a GPU: reduced precision
    cuda = device.type == "cuda"
    layout = layout_for(device)
    half = torch.float16 if cuda and not torch.cuda.is_bf16_supported(including_emulation=False) else torch.bfloat16
    if cuda:
        torch.backends.cudnn.deterministic = True  # the same seed is to give the same weights
    model.to(device=device, memory_format=layout)  # type: ignore[call-overload]
    scaler = torch.amp.GradScaler(device.type, enabled=half is torch.float16)  # bfloat16 has float32's range
    optimizer = torch.optim.SGD(
        model.parameters(),
        lr=recipe.lr,
        momentum=recipe.momentum,
        weight_decay=recipe.weight_decay,
        nesterov=True,
        fused=True,
    )

    # ---- where an earlier part of the run ended
    folder = Path(recipe.out).expanduser() if recipe.out else checkpoint.next_folder(recipe.data)
    history: list[Epoch] = []
    if resume is not None:
        model.load_state_dict(resume["model"])
        optimizer.load_state_dict(resume["optimizer"])
        scaler.load_state_dict(resume["scaler"])
        checkpoint.set_random_state(resume["random"], device)
        history = [Epoch(**line) for line in resume["history"]]
    elif (folder / checkpoint.NAME).exists():
        raise SettingError(f"{folder} holds a run already; go on with --resume, or name another folder with --out")
    make_folder("--out", folder)

    console.print(
        f"{recipe.data}: {len(train_loader.dataset):,} training and {len(test_loader.dataset):,} test pictures of "
        f"{pictures.size}x{pictures.size}x{pictures.channels}, {pictures.classes} classes\n"
        f"resnet18 on {device}, {f'AMP {half}' if cuda else 'float32'}; {recipe.epochs} epochs of {steps} steps, "
        f"batch {recipe.batch_size}, peak lr {recipe.lr}, seed {recipe.seed}",
        highlight=False,
    )
    plain = type(train_loader) is torch.utils.data.DataLoader  # by --loader torch, or by PENSTOCK=0
    console.print("loader: torch.utils.data.DataLoader" if plain else explain(train_loader))

    interrupted = False
    began = time.perf_counter()
    try:
        with writing(folder):
            report = Report(folder, recipe.epochs, steps, history, console)
        with report:
            for number in range(len(history) + 1, recipe.epochs + 1):
                # ---- learn from every training picture once
                model.train()
                # Summed on the device: reading a number from a GPU would make every step wait for it.
                loss_sum, correct = zeros(device)
                start = time.perf_counter()
                batches = iter(train_loader)
                waited = time.perf_counter() - start  # starting the workers is waiting too
                for step in range(steps):
                    asked = time.perf_counter()
                    images, labels = next(batches)
                    waited += time.perf_counter() - asked
                    # Nothing is left to do where the loader has delivered them, as penstock's does.
                    images = images.to(device, non_blocking=True, memory_format=layout)
                    labels = labels.to(device, non_blocking=True)

                    progress = ((number - 1) * steps + step) / (recipe.epochs * steps)
                    for group in optimizer.param_groups:
                        group["lr"] = recipe.lr * triangle(progress, recipe.warmup)
                    with torch.autocast(device.type, half, enabled=cuda):
                        scores = model(images)
                        loss = F.cross_entropy(scores, labels, label_smoothing=recipe.label_smoothing)
                    optimizer.zero_grad()
                    scaler.scale(loss).backward()
                    scaler.step(optimizer)
                    scaler.update()

                    loss_sum += loss.detach()
                    correct += (scores.detach().argmax(1) == labels).sum()
                    passed = time.perf_counter() - start
                    report.step(number, (step + 1) * recipe.batch_size / passed, waited / passed)
                del batches  # where max_steps cuts an epoch off, this stops its workers
                loss_mean = loss_sum.item() / steps  # waits for the GPU, so that the epoch's time is all of it
                seconds = time.perf_counter() - start

                # ---- test
                report.testing(number)
                test_loss, test_accuracy = evaluate(model, test_loader, device, layout, half)
                seen = steps * recipe.batch_size
                epoch = Epoch(
                    epoch=number,
                    step=number * steps,
                    loss=loss_mean,
                    train_accuracy=correct.item() / seen,
                    test_loss=test_loss,
                    test_accuracy=test_accuracy,
                    images_per_second=seen / seconds,
                    waiting=waited / seconds,
                    seconds=seconds,
                )

                # ---- keep what was reached
                kept = {
                    "recipe": dataclasses.asdict(recipe),
                    "model": model.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "scaler": scaler.state_dict(),
                    "random": checkpoint.random_state(device),
                    "history": [dataclasses.asdict(line) for line in [*history, epoch]],
                }
                with writing(folder):
                    checkpoint.write(folder, kept)
                    history.append(epoch)
                    report.epoch(epoch)
                if on_epoch is not None:
                    on_epoch(epoch)
    except KeyboardInterrupt:
        interrupted = True

    # ---- the result
    result = Result(folder, tuple(history), interrupted)
    if interrupted:
        console.print(
            f"interrupted after {len(history)} of {recipe.epochs} epochs", style="bold yellow", highlight=False
        )
    if history:
        with writing(folder):
            draw_curves(folder / CURVES, history, f"{recipe.data}, resnet18: test accuracy {result.accuracy:.2%}")
        waiting = sum(line.waiting * line.seconds for line in history) / sum(line.seconds for line in history)
        console.print(
            f"test accuracy {result.accuracy:.2%} in {time.perf_counter() - began:.0f} s; "
            f"{waiting:.1%} of the training time was spent waiting for data",
            style="bold",
            highlight=False,
            soft_wrap=True,
        )
        if not plain:
            console.print(stats(train_loader).verdict, highlight=False, markup=False, soft_wrap=True)
        console.print(f"curves {folder / CURVES}\nrun    {folder}", highlight=False, soft_wrap=True)
        if interrupted:
            console.print(f"go on with: penstock train --resume --out {folder}", highlight=False, soft_wrap=True)
    return result


def pick_device(name: str) -> torch.device:
    """Return the device that a recipe names."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if name == "cuda" and not torch.cuda.is_available():
        raise SettingError("--device cuda: torch finds no GPU here")
    return torch.device(name)


def layout_for(device: torch.device) -> torch.memory_format:
    """Return the layout of pictures and weights that is quickest: tensor cores want a pixel's channels together."""
    return torch.channels_last if device.type == "cuda" else torch.contiguous_format


def make_loaders(recipe: Recipe, pictures: Pictures, device: torch.device) -> tuple[Any, Any]:
    """Return the loaders of the training and of the test pictures.

    Their workers do not persist: those would keep their random streams from epoch to epoch, and a checkpoint could
    not tell where they stand.
    """
    loader: Any = DataLoader if recipe.loader == "penstock" else torch.utils.data.DataLoader
    common: dict[str, Any] = {"num_workers": recipe.workers}
    if loader is torch.utils.data.DataLoader:  # by --loader torch, or by PENSTOCK=0
        common |= {"pin_memory": device.type == "cuda"}
    else:
        common |= {"device": device, "memory_format": layout_for(device)}
    return (
        # A last batch of one picture would leave batch normalisation without a variance.
        loader(pictures.train, recipe.batch_size, shuffle=True, drop_last=True, **common),
        loader(pictures.test, TEST_BATCH, **common),
    )


def triangle(progress: float, warmup: float) -> float:
    """Return the learning rate as a share of its peak: up in a straight line, then down to 0.

    Being a function of the progress alone, it leaves a checkpoint nothing to save.
    """
    return float(np.interp(progress, [0, warmup, 1], [FIRST_LR, 1, 0]))


def zeros(device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a sum of losses and a count of hits, both 0."""
    return torch.zeros((), device=device), torch.zeros((), device=device, dtype=torch.int64)


@torch.no_grad()
def evaluate(
    model: nn.Module, loader: Any, device: torch.device, layout: torch.memory_format, half: torch.dtype
) -> tuple[float, float]:
    """Return a model's mean cross entropy and its accuracy, without test-time augmentation."""
    model.eval()
    loss_sum, correct = zeros(device)
    for batch in loader:
        images = batch[0].to(device, non_blocking=True, memory_format=layout)
        labels = batch[1].to(device, non_blocking=True)
        with torch.autocast(device.type, half, enabled=device.type == "cuda"):
            scores = model(images)
            loss_sum += F.cross_entropy(scores, labels, reduction="sum")
        correct += (scores.argmax(1) == labels).sum()
    return loss_sum.item() / len(loader.dataset), correct.item() / len(loader.dataset)
