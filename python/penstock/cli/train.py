"""`penstock train`: its options."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from penstock.cli.endings import INTERRUPTED, ending

__all__ = ["command"]


def command(
    *,
    data: Annotated[
        str | None,
        typer.Option(help="digits, cifar10, cifar100, mnist, fashion-mnist or folder:PATH.", show_default="digits"),
    ] = None,
    root: Annotated[str | None, typer.Option(help="Folder of the data sets.", show_default="data")] = None,
    epochs: Annotated[
        int | None, typer.Option(help="Passes over the training pictures.", show_default="the recipe's")
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(help="Pictures in a training batch.", show_default="the recipe's")
    ] = None,
    lr: Annotated[float | None, typer.Option(help="Peak learning rate.", show_default="the recipe's")] = None,
    device: Annotated[
        Literal["auto", "cpu", "cuda"] | None,
        typer.Option(help="auto is CUDA where there is a GPU.", show_default="auto"),
    ] = None,
    workers: Annotated[int | None, typer.Option(help="The loader's num_workers.", show_default="2")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same weights.", show_default="0")] = None,
    out: Annotated[Path | None, typer.Option(help="The run's folder.", show_default="runs/DATA-NUMBER")] = None,
    loader: Annotated[
        Literal["penstock", "torch"] | None, typer.Option(help="Whose DataLoader.", show_default="penstock")
    ] = None,
    download: Annotated[bool, typer.Option("--download", help="Let torchvision fetch a missing data set.")] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on after the last finished epoch of --out, or of the newest run.")
    ] = False,
    max_steps: Annotated[int | None, typer.Option(hidden=True)] = None,
) -> None:
    """Train a ResNet-18; what is not given comes from the data set's recipe."""
    from penstock.train import checkpoint, recipe_for
    from penstock.train import train as run

    given = {
        "root": root,
        "epochs": epochs,
        "batch_size": batch_size,
        "lr": lr,
        "device": device,
        "workers": workers,
        "seed": seed,
        "loader": loader,
        "download": download or None,
        "max_steps": max_steps,
    }
    with ending("train"):
        if resume:
            folder = out or checkpoint.last_folder(data)
            saved = checkpoint.read(folder)
            result = run(checkpoint.resumed_recipe(saved, data=data, out=str(folder), **given), resume=saved)
        else:
            result = run(recipe_for(data or "digits", out=str(out) if out else None, **given))
    if result.interrupted:
        raise typer.Exit(INTERRUPTED)
