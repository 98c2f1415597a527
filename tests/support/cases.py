"""How many cases a property test tries."""

from collections.abc import Callable
from typing import Any

import hypothesis


def cases(usual: int) -> Callable[[Any], Any]:
    """Try so many cases, or as many as `--cases` says."""
    new = hypothesis.settings.get_current_profile_name() == "new"
    return hypothesis.settings() if new else hypothesis.settings(max_examples=usual)
