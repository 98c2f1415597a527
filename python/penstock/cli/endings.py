"""How a command ends: its exit codes, and one line for what its user can put right."""

import contextlib
from collections.abc import Iterator

import typer

from penstock.errors import CommandError

__all__ = ["INTERRUPTED", "ending"]

INTERRUPTED = 130  # what a shell reports for a command that Ctrl-C ended: 128 + SIGINT


@contextlib.contextmanager
def ending(command: str) -> Iterator[None]:
    """End the process as the command's user expects it: without a traceback, unless it is a fault of penstock's.

    Args:
        command: Its name, which begins the line.
    """
    try:
        yield
    except CommandError as error:
        typer.echo(f"penstock {command}: {error}", err=True)
        raise typer.Exit(error.exit_code) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
