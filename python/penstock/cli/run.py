"""`penstock run`: its options."""

from typing import Annotated

import typer

__all__ = ["command"]


def command(
    words: Annotated[
        list[str], typer.Argument(metavar="SCRIPT [ARGS]...", help="A script, or with -m a module; its arguments.")
    ],
    *,
    module: Annotated[bool, typer.Option("-m", help="Run a module, as python -m does.")] = False,
) -> None:
    """Run a script as python does, with penstock's DataLoader for torch's, and tell at its end what was native.

    The script needs no change: what it imports as torch.utils.data.DataLoader is penstock's class.

    The table on standard error has a row for each loader: its images' native share, samples/s, time waited for it.
    """
    from penstock.run import run

    run(words[0], words[1:], module=module)
