"""The command `penstock`: one file for each of its subcommands, with its options.

A file's function only spells the options; what does the work is imported inside it, so `penstock --help` and one
subcommand never load another's packages.
"""

from typing import Annotated

import typer

from penstock.cli import bench, demo, explain, run, show, train

__all__ = ["app", "main"]

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


def _show_version(wanted: bool) -> None:
    if wanted:
        from penstock import __version__

        typer.echo(f"penstock {__version__}")
        raise typer.Exit


@app.callback()
def penstock(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """The DataLoader of torch for images, with the same batches made by Rust threads."""


app.command("train")(train.command)
app.command("bench")(bench.command)
app.command("demo")(demo.command)
app.command("explain")(explain.command)
app.command("show")(show.command)
app.command(
    "run",
    context_settings={"allow_interspersed_args": False},  # what follows the script is the script's
    options_metavar="[-m]",
)(run.command)


def main() -> None:
    """Run the command."""
    app(prog_name="penstock")
