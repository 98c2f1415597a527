"""Arrays of the user's that are to be filled."""

from typing import Any

import numpy as np

__all__ = ["check_out"]


def check_out(out: Any, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    """Refuse what cannot be filled as it lies.

    Args:
        out: What the user gave.
        shape: That it must have.
        dtype: That it must have.

    Raises:
        TypeError: If it is no array of that dtype.
        ValueError: If its shape is another, it is not C-contiguous or it is read-only; the message names what of it.
    """
    if not isinstance(out, np.ndarray) or out.dtype != dtype:
        kind = out.dtype if isinstance(out, np.ndarray) else type(out).__name__
        raise TypeError(f"out must be an array of {dtype}, got {kind}")
    wrong = []
    if out.shape != shape:
        wrong.append(f"of shape {shape}, got {out.shape}")
    if not out.flags.c_contiguous:
        wrong.append(f"C-contiguous, got strides {out.strides}")
    if not out.flags.writeable:
        wrong.append("writable, got a read-only array")
    if wrong:
        raise ValueError(f"out must be {'; and '.join(wrong)}")
