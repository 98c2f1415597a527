"""Transforms that raise for every picture of a kind."""

from typing import Any

import torch
from PIL import Image

__all__ = ["raises", "replay"]


def replay(transform: Any, template: Any, height: int, width: int) -> None:
    """Call a transform on a blank picture, to have torchvision's own exception raised.

    Args:
        transform: The user's object.
        template: A picture of the kind that it is given.
        height: Of the blank picture, in pixels.
        width: Of the blank picture, in pixels.
    """
    if isinstance(template, torch.Tensor):
        picture: Any = torch.zeros(template.shape[0], height, width, dtype=template.dtype)
        if type(template) is not torch.Tensor:
            picture = type(template)(picture)
    else:
        picture = Image.new(template.mode, (width, height))
    with torch.random.fork_rng(devices=[]):
        transform(picture)


def raises(transform: Any, template: Any) -> bool:
    """Whether a transform raises for an ordinary picture."""
    try:
        replay(transform, template, 64, 64)
    except Exception:
        return True
    return False
