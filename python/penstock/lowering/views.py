"""Transforms that make one image or several views of it, as they are called by data sets."""

import contextlib
from typing import Any

import torchvision.transforms as v1

from penstock.generators import Draws
from penstock.lowering.followed import follow, is_own
from penstock.lowering.report import Row
from penstock.lowering.transforms import Pipeline, describe, lower_transform
from penstock.ops.opaque import Opaque

__all__ = ["lower_views"]


def lower_views(transform: Any, mode: str, threads: int | None = None) -> Pipeline:
    """Lower a pipeline that may make several views of an image; otherwise like `lower_transform`."""
    found = None
    if is_own(transform):
        with contextlib.suppress(Opaque):  # which is told below
            found = follow(transform, mode)
    if found is None or found.held is None:
        return lower_transform(transform, mode, threads)
    views = tuple(lower_transform(v1.Compose([*parts]), mode, threads) for parts in found.views)
    rows = tuple(row for view in views for row in view.rows)
    if not views or any(view.fails for view in views) or len({view.dtype for view in views}) > 1:
        why = "its views are not all of one type, or torchvision raises for one of them"
        raise Opaque(*rows, Row("transform", describe(transform), False, why))
    draws = Draws.NONE
    for view in views:
        draws |= view.draws
    return Pipeline(
        *(views[0].plan, tuple(step for view in views for step in view.steps), views[0].dtype, draws, False, rows),
        kinds=tuple({kind for view in views for kind in view.kinds}),
        reads_process=found.reads_process or any(view.reads_process for view in views),
        views=views,
        held=found.held,
    )
