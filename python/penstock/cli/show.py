"""`penstock show`: its options."""

from pathlib import Path
from typing import Annotated

import typer

from penstock.cli.endings import ending
from penstock.cli.named import made_by
from penstock.errors import ArgumentError

__all__ = ["command"]


def command(
    *,
    data: Annotated[
        str | None,
        typer.Option(metavar="FOLDER", help="A folder with one folder of images for each class, or bench's names."),
    ] = None,
    module: Annotated[
        str | None,
        typer.Option(metavar="FILE.py:FUNCTION", help="Your own loader, as FUNCTION(DataLoader) returns it."),
    ] = None,
    out: Annotated[Path, typer.Option(metavar="FILE.png", help="The sheet.")] = Path("sheet.png"),
    samples: Annotated[int, typer.Option(min=1, max=1000, help="Samples on it.")] = 12,
    root: Annotated[str, typer.Option(help="Folder of the data sets that have names.")] = "data",
    download: Annotated[bool, typer.Option("--download", help="Let torchvision fetch a missing data set.")] = False,
    seed: Annotated[
        int,
        typer.Option(min=-(1 << 63), max=(1 << 64) - 1, help="Of the order and the augmentations.", metavar="<int>"),
    ] = 0,
) -> None:
    """Draw what the network sees: images before and after augmentation, with their labels."""
    from penstock.outputs import check_file
    from penstock.show import loader_over, show

    with ending("show"):
        if (data is None) == (module is None):
            raise ArgumentError("give either --data FOLDER or --module FILE.py:FUNCTION")
        check_file("--out", out)
        loader = loader_over(data, root, download=download) if data is not None else made_by(str(module), "--module")
        typer.echo(show(loader, out, samples=samples, seed=seed, title=data or str(module)))
