"""How many cases a property test tries."""

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
