"""`penstock bench`: its options."""

from pathlib import Path
from typing import Annotated

import typer

from penstock.cli.endings import ending

__all__ = ["command"]


def command(
    *,
    data: Annotated[
        str | None,
        typer.Option(
            help="synthetic, digits, cifar10, cifar100, mnist, fashion-mnist or folder:PATH.", show_default="synthetic"
        ),
    ] = None,
    module: Annotated[
        str | None,
        typer.Option(metavar="FILE.py:FUNCTION", help="Your own loader, as FUNCTION(DataLoader) returns it."),
    ] = None,
    root: Annotated[str | None, typer.Option(help="Folder of the data sets.", show_default="data")] = None,
    download: Annotated[bool, typer.Option("--download", help="Let torchvision fetch a missing data set.")] = False,
    workers: Annotated[int | None, typer.Option(min=0, help="The loader's num_workers.", show_default="2")] = None,
    batch_size: Annotated[int | None, typer.Option(min=1, help="Images in a batch.", show_default="128")] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Turns of each class.")] = 3,
    batches: Annotated[
        int | None, typer.Option(min=1, help="Stop a pass after so many batches.", show_default="whole epochs")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same one for both classes.")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write all figures there.")] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Draw the figures there.")] = None,
) -> None:
    """Measure a loader with torch's class and with penstock's, and compare their batches."""
    from penstock.bench import run, subject_for

    with ending("bench"):
        subject = subject_for(data, module, root=root, download=download, workers=workers, batch_size=batch_size)
        run(subject, epochs=epochs, batches=batches, seed=seed, json_file=json_file, plot=plot)
