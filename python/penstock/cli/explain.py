"""`penstock explain`: its options, and what it prints."""

import contextlib
import dataclasses
import json
import sys
from typing import Annotated

import typer

from penstock.cli.endings import ending
from penstock.errors import ArgumentError, CommandError
from penstock.lowering.report import Report

__all__ = ["command"]


def command(
    loader: Annotated[
        str, typer.Argument(metavar="FILE.py:FUNCTION", help="Your own loader, as FUNCTION(DataLoader) returns it.")
    ],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON.")] = False,
) -> None:
    """Say what of a loader runs natively, and why the rest does not; no batch is made."""
    with ending("explain"):
        report = _report(loader)
    if as_json:
        typer.echo(json.dumps({**dataclasses.asdict(report), "reasons": report.reasons}, indent=1))
        return
    from rich.console import Console

    Console().print(report)


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
