"""`penstock explain`: its options, and what it prints."""

import contextlib
import dataclasses
import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.endings import ending
from penstock.errors import ArgumentError, CommandError
from penstock.lowering.report import Report

if TYPE_CHECKING:
    from penstock.environment import Environment

__all__ = ["command"]


def command(
    loader: Annotated[
        str | None,
        typer.Argument(metavar="FILE.py:FUNCTION", help="Your own loader, as FUNCTION(DataLoader) returns it."),
    ] = None,
    *,
    environment: Annotated[
        bool,
        typer.Option("--environment", help="What is installed here, and whether it gives what penstock gives."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Say what of a loader runs natively, and why the rest does not; no batch is made."""
    with ending("explain"):
        if environment == (loader is not None):
            raise ArgumentError("give either FILE.py:FUNCTION or --environment")
        told = _environment() if loader is None else _report(loader)
    if as_json:
        more = {"reasons": told.reasons} if isinstance(told, Report) else {}
        typer.echo(json.dumps({**dataclasses.asdict(told), **more}, indent=1))
        return
    from rich.console import Console

    Console().print(told)


def _environment() -> "Environment":
    from penstock.environment import environment

    return environment()


def _report(named: str) -> Report:
    from penstock import explain, measure

    file, function = measure.split(named)
    if not file:
        raise ArgumentError(f"the loader is FILE.py:FUNCTION, got {named}")
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what the file prints stays out of the way
            loader = measure.call("penstock", file, function, {})
    except measure.ArgumentRefusedError as refusal:
        raise ArgumentError(str(refusal)) from None
    except measure.RefusedError as refusal:
        raise CommandError(str(refusal)) from None
    try:
        return explain(loader)
    except TypeError as error:
        raise CommandError(f"{function} in {file} returned no loader: {error}") from None
