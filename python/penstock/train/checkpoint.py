"""A run's folder and the checkpoint in it: all that the next epoch depends on."""

import dataclasses
import os
import pickle
from pathlib import Path
from typing import Any

import torch

from penstock.train.recipe import FREE_FIELDS, Recipe, SettingError

__all__ = ["last_folder", "next_folder", "random_state", "read", "resumed_recipe", "set_random_state", "write"]

RUNS = Path("runs")
NAME = "checkpoint.pt"


def next_folder(data: str) -> Path:
    """Return the first `runs/<data>-<number>` that does not exist."""
    kind, number = data.partition(":")[0], 1
    while (RUNS / f"{kind}-{number}").exists():
        number += 1
    return RUNS / f"{kind}-{number}"


def last_folder(data: str | None = None) -> Path:
    """Return the folder in `runs` whose checkpoint is the newest, among those of one data set or of all.

    Raises:
        SettingError: If there is none.
    """
    kind = "*" if data is None else data.partition(":")[0]
    found = sorted(RUNS.glob(f"{kind}-*/{NAME}"), key=lambda path: path.stat().st_mtime_ns)
    if not found:
        raise SettingError(f"there is no {RUNS / f'{kind}-*' / NAME} to resume from; name the run's folder with --out")
    return found[-1].parent


def write(folder: Path, checkpoint: dict[str, Any]) -> None:
    """Replace a run's checkpoint in one step: whenever the run is stopped, the old or the new one is there, whole."""
    part = folder / f"{NAME}.part"
    try:
        with part.open("wb") as file:
            torch.save(checkpoint, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(folder / NAME)
    finally:
        part.unlink(missing_ok=True)


def read(folder: Path) -> dict[str, Any]:
    """Return a run's checkpoint.

    Raises:
        SettingError: If there is none, or it cannot be read.
    """
    path = folder / NAME
    if not path.is_file():
        raise SettingError(f"there is no {path} to resume from")
    try:
        saved: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, pickle.UnpicklingError) as error:
        raise SettingError(f"{path} cannot be read: {str(error).partition(chr(10))[0]}") from error
    return saved


def resumed_recipe(saved: dict[str, Any], **changes: Any) -> Recipe:
    """Return a checkpoint's recipe, in which only what does not change the weights may be changed.

    Args:
        saved: What `read` returned.
        changes: Fields of `Recipe`; a value of None keeps the run's own.

    Raises:
        SettingError: If another field is changed.
    """
    recipe = Recipe(**saved["recipe"])
    given = {name: value for name, value in changes.items() if value is not None}
    differing = [
        f"{name} was {getattr(recipe, name)}, not {value}"
        for name, value in given.items()
        if name not in FREE_FIELDS and value != getattr(recipe, name)
    ]
    if differing:
        raise SettingError(f"a resumed run keeps its settings: {'; '.join(differing)}")
    return dataclasses.replace(recipe, **given)


def random_state(device: torch.device) -> dict[str, torch.Tensor]:
    """Return where the generators stand that the next epoch draws from."""
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def set_random_state(state: dict[str, torch.Tensor], device: torch.device) -> None:
    """Put the generators where `random_state` found them."""
    torch.set_rng_state(state["cpu"])
    if device.type == "cuda" and "cuda" in state:
        torch.cuda.set_rng_state(state["cuda"], device)
