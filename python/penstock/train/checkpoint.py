"""The file that a run goes on from: where it is, how it is written and read, what may be changed of its settings."""

import contextlib
import dataclasses
import os
from pathlib import Path
from typing import Any

import torch

from penstock.train.recipe import FREE_FIELDS, Recipe, SettingError

__all__ = ["NAME", "find", "next_folder", "read", "resumed_recipe", "write"]

RUNS = Path("runs")
NAME = "checkpoint.pt"
METRICS = "metrics.jsonl"  # that it lies beside a checkpoint tells a run's folder from any other one
LAST = "last"
VERSION = 2


def next_folder(data: str) -> Path:
    """Return the first `runs/<data>-<number>` that does not exist."""
    kind, number = data.partition(":")[0], 1
    while (RUNS / f"{kind}-{number}").exists():
        number += 1
    return RUNS / f"{kind}-{number}"


def find(path: str, data: str | None = None) -> Path:
    """Return the checkpoint that a user means.

    Args:
        path: A checkpoint, a run's folder, or "last" for the newest checkpoint in `runs`.
        data: Of the last one: of which data set; None for any.

    Raises:
        SettingError: If there is none.
    """
    if path == LAST:
        kind = "*" if data is None else data.partition(":")[0]
        runs = RUNS.glob(f"*-*/{NAME}")
        mine = [each for each in runs if data is None or each.parent.name.rpartition("-")[0] == kind]
        found = sorted(mine, key=lambda each: each.stat().st_mtime_ns)
        if not found:
            raise SettingError(f"there is no {RUNS / f'{kind}-*' / NAME} to resume from: name one with --resume PATH")
        return found[-1]
    file = Path(path).expanduser()
    if file.is_dir():
        file /= NAME
    if not file.is_file():
        raise SettingError(f"there is no {file} to resume from")
    return file


def write(file: Path, checkpoint: dict[str, Any]) -> None:
    """Replace a checkpoint in one step: whenever the run is stopped, the old or the new one is there, whole.

    What it is written to first has a name of its own, which the next writing takes again.

    Args:
        file: The checkpoint.
        checkpoint: What is in it.

    Raises:
        OSError: If it cannot be written; the old one is there then.
    """
    part = file.with_name(f"{file.name}.part")
    try:
        with part.open("wb") as stream:
            try:
                torch.save(checkpoint, stream)
            except RuntimeError as error:  # of torch's writer, when it closes an archive that the disk has no room for
                if isinstance(error.__context__, OSError):
                    raise error.__context__ from None
                raise
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)
    _keep_name(file.parent)


def _keep_name(folder: Path) -> None:
    """Have a folder's new names outlive the machine's failure, where folders can be told so.

    Some file systems refuse it, or the folder must not be read; the file is there and whole all the same.
    """
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def read(file: Path) -> dict[str, Any]:
    """Return a checkpoint.

    Raises:
        SettingError: If it cannot be read, or is none of this trainer's.
    """
    try:
        saved: Any = torch.load(file, map_location="cpu", weights_only=True)
    except OSError as error:
        raise SettingError(f"{file} cannot be read: {error.strerror or error}") from error
    except Exception as error:  # torch raises whatever comes of what it reads
        reason = f"it is no checkpoint, or not whole ({type(error).__name__})"
        raise SettingError(f"{file} cannot be read: {reason}") from error
    if not isinstance(saved, dict) or saved.get("version") != VERSION:
        raise SettingError(f"{file} was not written by the trainer of this version of penstock")
    return saved


def resumed_recipe(saved: dict[str, Any], file: Path, **changes: Any) -> Recipe:
    """Return a checkpoint's recipe, in which only what does not change the weights may be changed.

    The run goes on in its folder and writes its checkpoint where it was, unless another place is given.

    Args:
        saved: What `read` returned.
        file: Of what.
        changes: Fields of `Recipe`; a value of None keeps the run's own.

    Raises:
        SettingError: If another field is changed, or what another run goes on from would be replaced.
    """
    moved = {"out": str(file.parent)} if (file.parent / METRICS).exists() else {}
    recipe = Recipe(**{**saved["recipe"], **moved, "checkpoint": str(file)})
    given = {name: value for name, value in changes.items() if value is not None}
    differing = [
        f"{name} was {getattr(recipe, name)}, not {value}"
        for name, value in given.items()
        if name not in FREE_FIELDS and value != getattr(recipe, name)
    ]
    if differing:
        raise SettingError(f"a resumed run keeps its settings: {'; '.join(differing)}")
    recipe = dataclasses.replace(recipe, **given)
    place = Path(str(recipe.checkpoint)).expanduser()
    if place.exists() and not (file.exists() and place.samefile(file)):
        raise SettingError(f"{place} is there already, and not what is resumed from; name another place")
    return recipe
