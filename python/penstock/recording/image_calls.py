"""Functions of Pillow and torchvision that are given an image that records."""

import contextlib
from collections.abc import Callable
from typing import Any

from penstock.ops.operation import Records
from penstock.recording.images import is_recorded, recorded_by
from penstock.recording.loaded import is_loaded, recorded_over

__all__ = ["call_recorded"]


def call_recorded(records: Records, function: Callable[..., Any]) -> Callable[..., Any]:
    """Return what stands before a function of an image: where that records, the call is written down if it can be."""

    def hook(*arguments: Any, **options: Any) -> Any:
        # An image that is given by name is the function's.
        image, *args = arguments or (None,)
        if is_loaded(image):
            recorded = recorded_over(image, lambda trace: recorded_by(records, trace, args, options))
            if recorded is not None:
                return recorded
        elif is_recorded(image):
            with contextlib.suppress(Exception):  # the function raises its own
                trace = recorded_by(records, image._trace, args, options)
                if trace is not None:
                    image.load()
                    # An image whose file was closed by the user is Pillow's now.
                    if is_recorded(image):
                        return image._new_trace(trace)
        return function(*arguments, **options)

    return hook
