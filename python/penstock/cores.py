"""How many processor cores are this process's to use."""

import os

from penstock import _native

__all__ = ["cores"]


def cores() -> int:
    """Return how many there are: of those that the process is bound to, its share among a run's ranks."""
    ranks = os.environ.get("LOCAL_WORLD_SIZE", "")
    share = max(1, int(ranks)) if ranks.isdecimal() else 1
    return max(1, _native.available_parallelism() // share)
