"""Transforms that make one image or several views of it, as they are called by data sets."""

import contextlib
import dataclasses
from typing import Any

import torchvision.transforms as v1

from penstock.generators import Draws
from penstock.lowering.followed import follow, is_own
from penstock.lowering.report import Row
from penstock.lowering.transforms import Pipeline, describe, lower_transform
from penstock.ops.opaque import Opaque

__all__ = ["lower_found", "lower_views"]


def lower_views(transform: Any, mode: str, threads: int | None = None) -> Pipeline:
    """Lower a pipeline that may make several views of an image; otherwise like `lower_transform`."""
    found = None
    if is_own(transform):
        with contextlib.suppress(Opaque):  # which is told below
            found = follow(transform, mode)
    if found is None or found.held is None:
        return lower_transform(transform, mode, threads)
    return lower_found(
        found.views, found.held, mode, threads, name=describe(transform), reads_process=found.reads_process
    )


def lower_found(
    found: tuple[tuple[Any, ...], ...],
    held: Any,
    mode: str,
    threads: int | None,
    *,
    name: str = "(result)",
    reads_process: bool,
) -> Pipeline:
    """Lower what was found to be done to an image.

    Args:
        found: For each view of it the transforms.
        held: What the views are held in; None for a single one.
        mode: Of the image.
        threads: Of torch's, where it would be done.
        name: Of what makes the views.
        reads_process: Whether what was found depends on what a process that was started anew need not have.

    Raises:
        Opaque: If any of it cannot be lowered; `args` are the rows.
    """
    views = tuple(lower_transform(v1.Compose([*parts]), mode, threads) for parts in found)
    if held is None:
        return dataclasses.replace(views[0], reads_process=reads_process or views[0].reads_process)
    rows = tuple(row for view in views for row in view.rows)
    if not views or any(view.fails for view in views) or len({view.dtype for view in views}) > 1:
        why = "its views are not all of one type, or torchvision raises for one of them"
        raise Opaque(*rows, Row("transform", name, False, why))
    draws = Draws.NONE
    for view in views:
        draws |= view.draws
    return Pipeline(
        *(views[0].plan, tuple(step for view in views for step in view.steps), views[0].dtype, draws, False, rows),
        kinds=tuple({kind for view in views for kind in view.kinds}),
        reads_process=reads_process or any(view.reads_process for view in views),
        views=views,
        held=held,
    )
