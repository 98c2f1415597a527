"""Images that are not decoded natively: the library opens them, and the rest is done to its pixels."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from penstock import _native

__all__ = ["Opened", "open_rest"]

# Pixels, uint8 of shape (H, W) or (H, W, C), or the exception that takes their place.
Opened = np.ndarray[Any, np.dtype[np.uint8]] | Exception


def open_rest(
    batch: _native.Batch,
    open_image: Callable[[int], Opened],
    plans: Callable[[int], _native.Plan | list[_native.Plan]],
) -> Iterator[tuple[int, str, Opened, bool]]:
    """Have the library open the images of a batch that were not decoded, and the batch made of what it gives.

    All of them are opened before the first is handed on: Ctrl-C meanwhile, or what opening one raises, leaves
    everything as it was.

    Args:
        batch: Whose pixels have been made, but for those.
        open_image: Opens the image at a position of the batch.
        plans: That of the image at a position, or one for each of its views.

    Returns:
        For each its position, the reason why it was not decoded, what opening it gave, and whether the batch was made
        of that: not of an exception, nor of pixels of another size than the file's header announced. It is made as
        this is iterated over.
    """
    opened = [(position, reason, open_image(position)) for position, reason in batch.tally()[-1]]

    def supplied() -> Iterator[tuple[int, str, Opened, bool]]:
        for position, reason, pixels in opened:
            made = not isinstance(pixels, Exception) and batch.supply(
                position, _native.ArrayImages(pixels[None], plans(position))
            )
            yield position, reason, pixels, made

    return supplied()
