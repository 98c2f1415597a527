"""`penstock explain`: its options, and what it prints."""

import dataclasses
import json
from typing import TYPE_CHECKING, Annotated

import typer

from penstock.cli.endings import ending
from penstock.cli.named import made_by
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
    from penstock import explain

    loader = made_by(named)
    try:
        return explain(loader)
    except TypeError as error:
        raise CommandError(
            f"{named.partition(':')[2]} in {named.partition(':')[0]} returned no loader: {error}"
        ) from None
