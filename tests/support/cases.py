"""How many cases a property test tries, and what cases are called."""

import re
from collections.abc import Callable
from typing import Any

import hypothesis

# Up to so many cases are tried in any run; of what is above, a third where `--slow` is not given.
_ALWAYS = 60


def cases(usual: int) -> Callable[[Any], Any]:
    """Try so many cases with `--slow`, fewer without, or as many as `--cases` says."""
    profile = hypothesis.settings.get_current_profile_name()
    if profile == "new":
        return hypothesis.settings()
    return hypothesis.settings(max_examples=usual if profile == "all" else budget(usual))


def budget(usual: int) -> int:
    """Return how many of so many cases are tried in a run without `--slow`."""
    return usual if usual <= _ALWAYS else max(_ALWAYS, usual // 3)


def name(value: Any) -> str:
    """Return what a case is called after a value, in every process the same: its text without addresses."""
    return re.sub(r" at 0x[0-9a-fA-F]+", "", str(value))
