"""Transforms that raise for every image of a kind, or for some of the numbers that are drawn for it."""

import threading
from typing import Any

import torch
from PIL import Image

from penstock.generators import as_before

__all__ = ["blank", "forget", "note", "raises", "replay"]

# What torchvision raised for the numbers that were drawn last, by thread.
_noted = threading.local()


def note(error: Exception) -> None:
    """Keep what torchvision raises for numbers that were just drawn, and would not be drawn again."""
    _noted.error = error.with_traceback(None)


def forget() -> None:
    """Keep nothing of numbers that were drawn before."""
    _noted.error = None


def replay(transform: Any, template: Any, height: int, width: int) -> None:
    """Call a transform on a blank image, to have torchvision's own exception raised, or raise what was noted.

    Args:
        transform: The user's object.
        template: An image of the kind that it is given.
        height: Of the blank image, in pixels.
        width: Of the blank image, in pixels.
    """
    if (error := getattr(_noted, "error", None)) is not None:
        forget()
        raise error
    with as_before():
        transform(blank(template, height, width))


def blank(template: Any, height: int, width: int) -> Any:
    """Return a blank image of the kind of another one."""
    if not isinstance(template, torch.Tensor):
        return Image.new(template.mode, (width, height))
    image = torch.zeros(template.shape[0], height, width, dtype=template.dtype)
    return image if type(template) is torch.Tensor else type(template)(image)


def raises(transform: Any, template: Any) -> bool:
    """Whether a transform raises for an ordinary image."""
    forget()
    try:
        replay(transform, template, 64, 64)
    except Exception:
        return True
    return False
