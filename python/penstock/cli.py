"""The command `penstock`: its subcommands and their options, in one place.

Each function only spells its options; what does the work is imported inside it, so `penstock --help` and one
subcommand never load another's packages.
"""

from pathlib import Path
from typing import Annotated, Literal

import typer

__all__ = ["app", "main"]

INTERRUPTED = 130  # what a shell reports for a command that Ctrl-C ended: 128 + SIGINT

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)


@app.callback()
def penstock() -> None:
    """The DataLoader of torch for images, with the same batches made by Rust threads."""


@app.command()
def train(
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
    from penstock.train import TrainingError, checkpoint, recipe_for
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
    try:
        if resume:
            folder = out or checkpoint.last_folder(data)
            saved = checkpoint.read(folder)
            result = run(checkpoint.resumed_recipe(saved, data=data, out=str(folder), **given), resume=saved)
        else:
            result = run(recipe_for(data or "digits", out=str(out) if out else None, **given))
    except TrainingError as error:
        typer.echo(f"penstock train: {error}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:  # before the first epoch or after the last; during them it is the loop's to handle
        raise typer.Exit(INTERRUPTED) from None
    if result.interrupted:
        raise typer.Exit(INTERRUPTED)


@app.command()
def bench(
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
    batch_size: Annotated[int | None, typer.Option(min=1, help="Pictures in a batch.", show_default="128")] = None,
    epochs: Annotated[int, typer.Option(min=1, help="Turns of each class.")] = 3,
    batches: Annotated[
        int | None, typer.Option(min=1, help="Stop a pass after so many batches.", show_default="whole epochs")
    ] = None,
    seed: Annotated[int, typer.Option(help="The same one for both classes.")] = 0,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write all figures there.")] = None,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Draw the figures there.")] = None,
) -> None:
    """Measure a loader with torch's class and with penstock's, and compare their batches."""
    from penstock.bench import BenchError, run, subject_for

    try:
        subject = subject_for(data, module, root=root, download=download, workers=workers, batch_size=batch_size)
        run(subject, epochs=epochs, batches=batches, seed=seed, json_file=json_file, plot=plot)
    except BenchError as error:
        typer.echo(f"penstock bench: {error}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


@app.command()
def demo(
    *,
    count: Annotated[int, typer.Option(min=1, help="Number of JPEG files.")] = 2000,
    workers: Annotated[int, typer.Option(min=0, help="The loaders' num_workers.")] = 2,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures in a batch.")] = 50,
    plot: Annotated[Path | None, typer.Option(metavar="FILE.png", help="Draw the figures there.")] = None,
) -> None:
    """Run torch's loader and penstock's over photographs cut into tiles, and compare them."""
    from penstock.bench import BenchError
    from penstock.demo import demo as run_demo

    try:
        run_demo(count=count, workers=workers, batch_size=batch_size, plot=plot)
    except BenchError as error:
        typer.echo(f"penstock demo: {error}", err=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


@app.command(
    context_settings={"allow_interspersed_args": False},  # what follows the script is the script's
    options_metavar="[-m]",
)
def run(
    command: Annotated[
        list[str], typer.Argument(metavar="SCRIPT [ARGS]...", help="A script, or with -m a module; its arguments.")
    ],
    *,
    module: Annotated[bool, typer.Option("-m", help="Run a module, as python -m does.")] = False,
) -> None:
    """Run a script as python does, with penstock's DataLoader for torch's, and tell at its end what was native.

    The script needs no change: what it imports as torch.utils.data.DataLoader is penstock's class.

    The table on standard error has a row for each loader: its pictures' native share, samples/s, time waited for it.
    """
    from penstock.run import run as run_command

    run_command(command[0], command[1:], module=module)


def main() -> None:
    """Run the command."""
    app()


if __name__ == "__main__":
    main()
