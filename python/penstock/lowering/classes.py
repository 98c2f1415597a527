"""Whether a data set's class lets its attributes be read, and what is told about it."""

from typing import Any

import numpy as np
import torch
import torchvision

from penstock.lowering.known import instance_attribute, plain_lookup, tested_torchvision
from penstock.lowering.transforms import Pipeline
from penstock.lowering.verify import agrees
from penstock.ops.opaque import Opaque

__all__ = ["check_class", "check_version", "name_of", "threads_of"]


def name_of(dataset: Any) -> str:
    """Return a data set's class and length."""
    try:
        return f"{type(dataset).__name__} of {len(dataset)}"
    except Exception:
        return type(dataset).__name__


def check_class(dataset: Any, attributes: tuple[str, ...]) -> None:
    """Raise `Opaque` unless samples are made one by one and these attributes are plain ones of the data set's own."""
    if not plain_lookup(type(dataset)):
        raise Opaque("its class looks attributes up in a way of its own")
    if getattr(dataset, "__getitems__", None):
        raise Opaque("it has __getitems__, which torch prefers")
    for name in attributes:
        if not instance_attribute(dataset, name):
            raise Opaque(f"its {name!r} is no plain attribute")


def threads_of(*, in_workers: bool) -> int:
    """Return how many threads torch has where images would be made; it gives a worker one."""
    return 1 if in_workers else torch.get_num_threads()


def check_version(transform: Any, pipeline: Pipeline, pixels: Any = None) -> None:
    """Raise `Opaque` if a torchvision that nobody has compared yet makes something else of an image than the plan.

    Args:
        transform: The data set's.
        pipeline: What it was lowered to.
        pixels: The image; a black one in colours if None.
    """
    pixels = np.zeros((64, 64, 3), np.uint8) if pixels is None else pixels
    if not tested_torchvision() and (pipeline.views or not agrees(transform, pipeline, pixels)):
        raise Opaque(f"with torchvision {torchvision.__version__} its transform differs from what penstock makes")
