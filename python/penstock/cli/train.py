"""`penstock train`: its options."""

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from penstock.cli.endings import INTERRUPTED, ending

__all__ = ["command"]


def command(
    *,
    data: Annotated[
        str | None,
        typer.Option(help="digits, cifar10, cifar100, mnist, fashion-mnist or folder:PATH.", show_default="digits"),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="cifar10-seed, cifar10-94, cifar10-96 or folder-160.", show_default="the data set's own values"
        ),
    ] = None,
    root: Annotated[str | None, typer.Option(help="Folder of the data sets.", show_default="data")] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the training images.", show_default="the recipe's")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Images in a training batch.", show_default="the recipe's")
    ] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate.", show_default="the recipe's")] = None,
    label_smoothing: Annotated[
        float | None, typer.Option(help="Of the cross entropy, from 0 to 1.", show_default="the recipe's")
    ] = None,
    tta: Annotated[
        Literal["none", "mirror"] | None,
        typer.Option(help="Test-time augmentation, named beside each accuracy.", show_default="the recipe's"),
    ] = None,
    compile: Annotated[  # noqa: A002 - the option's name
        bool, typer.Option("--compile", help="Compile the network by torch.compile.")
    ] = False,
    device: Annotated[
        Literal["auto", "cpu", "cuda"] | None,
        typer.Option(help="auto is CUDA where there is a GPU.", show_default="auto"),
    ] = None,
    workers: Annotated[int | None, typer.Option(help="The loader's num_workers.", show_default="2")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same weights.", show_default="0")] = None,
    out: Annotated[Path | None, typer.Option(help="The run's folder.", show_default="runs/DATA-NUMBER")] = None,
    checkpoint: Annotated[
        Path | None,
        typer.Option(
            help="File of the checkpoint, written after each epoch and at Ctrl-C.", show_default="OUT/checkpoint.pt"
        ),
    ] = None,
    checkpoint_every: Annotated[int | None, typer.Option(metavar="N", help="Write it every N steps, too.")] = None,
    loader: Annotated[
        Literal["penstock", "torch"] | None, typer.Option(help="Whose DataLoader.", show_default="penstock")
    ] = None,
    download: Annotated[bool, typer.Option("--download", help="Let torchvision fetch a missing data set.")] = False,
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="PATH",
            help="Go on from a checkpoint, or from a run's folder; last is the newest run in runs.",
            show_default=False,
        ),
    ] = None,
    max_steps: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Train a ResNet-18; what is not given comes from the recipe, or from the data set's own values.

    Under torchrun, all processes train one network: torchrun --nproc-per-node N -m penstock train ...
    """
    from penstock.train import checkpoint as checkpoints
    from penstock.train import recipe_for
    from penstock.train import train as run

    given: dict[str, Any] = {
        "recipe": recipe,
        "root": root,
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "label_smoothing": label_smoothing,
        "tta": tta,
        "compile": compile or None,
        "device": device,
        "workers": workers,
        "seed": seed,
        "out": str(out) if out else None,
        "checkpoint": str(checkpoint) if checkpoint else None,
        "checkpoint_every": checkpoint_every,
        "loader": loader,
        "download": download or None,
        "max_steps": max_steps,
    }
    with ending("train"):
        if resume is None:
            result = run(recipe_for(data, **given))
        else:
            file = checkpoints.find(resume, data)
            saved = checkpoints.read(file)
            result = run(checkpoints.resumed_recipe(saved, file, data=data, **given), resume=saved)
    if result.interrupted:
        raise typer.Exit(INTERRUPTED)
