"""`penstock demo`: its options."""

from pathlib import Path
from typing import Annotated

import typer

from penstock.cli.endings import ending

__all__ = ["command"]


def command(
    *,
    count: Annotated[int, typer.Option(min=1, help="Number of JPEG files.")] = 2000,
    workers: Annotated[int, typer.Option(min=0, help="The loaders' num_workers.")] = 2,
    batch_size: Annotated[int, typer.Option(min=1, help="Images in a batch.")] = 50,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Draw the figures there.")] = None,
) -> None:
    """Run torch's loader and penstock's over photographs cut into tiles, and compare them."""
    from penstock.demo import demo

    with ending("demo"):
        demo(count=count, workers=workers, batch_size=batch_size, plot=plot)
