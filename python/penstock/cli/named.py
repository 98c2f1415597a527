"""What a command's FILE.py:FUNCTION makes."""

import contextlib
import sys
from typing import Any

from penstock.errors import ArgumentError, CommandError

__all__ = ["made_by"]


def made_by(named: str, what: str = "the loader") -> Any:
    """Return what the function that FILE.py:FUNCTION names returns, called with penstock's class.

    Args:
        named: The file and the function.
        what: The option or argument that it is.

    Raises:
        ArgumentError: If there is no such file or function.
        CommandError: If one of them fails.
    """
    from penstock import measure

    file, function = measure.split(named)
    if not file:
        raise ArgumentError(f"{what} is FILE.py:FUNCTION, got {named}")
    try:
        with contextlib.redirect_stdout(sys.stderr):  # what the file prints stays out of the way
            return measure.call("penstock", file, function, {})
    except measure.ArgumentRefusedError as refusal:
        raise ArgumentError(str(refusal)) from None
    except measure.RefusedError as refusal:
        raise CommandError(str(refusal)) from None
