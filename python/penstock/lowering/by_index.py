"""`rng="index"`: a sample's numbers depend on a seed, the epoch and the sample's index, and on nothing else.

So they are the same for any number of workers, ranks and batches, and whatever came before. That holds only where plans
draw them; code that is not lowered draws from generators that go on from sample to sample.
"""

import operator
from collections.abc import Iterator
from typing import Any

from penstock.generators import WORDS
from penstock.lowering.report import Row

__all__ = ["OPTIONS", "check", "refusal", "rng_of", "row_of", "seed_of"]

# Arguments of `penstock.DataLoader` that torch's class lacks, with their defaults: keyword-only, and public attributes
# of the same names.
OPTIONS: dict[str, Any] = {"rng": "torch", "seed": 0}
_CHOICES = ("torch", "index")
_BY_ITSELF = "what is not native draws by itself, whatever the index"


def check(rng: Any, seed: Any) -> None:
    """Refuse options that mean nothing.

    Raises:
        ValueError: If `rng` is none of its values, `seed` too large, or given where it seeds nothing.
        TypeError: If `seed` is no whole number.
    """
    if rng not in _CHOICES:
        raise ValueError(f"rng should be one of {', '.join(map(repr, _CHOICES))}, got {rng!r}")
    try:
        seed = operator.index(seed)
    except TypeError:
        raise TypeError(f"seed should be a whole number, got {seed!r}") from None
    if not 0 <= seed < WORDS:
        raise ValueError(f"seed should be from 0 to {WORDS - 1}, one word, got {seed}")
    if seed and rng == "torch":
        raise ValueError("seed is for rng='index': torch's numbers are seeded by torch.manual_seed, or by generator=")


def rng_of(loader: Any) -> str:
    """Return what a loader's samples draw from: "torch" or "index"."""
    # Not getattr: torch's class has no such attribute, and a subclass of the user's may have a property of that name,
    # or keep a generator of its own under it.
    asked = vars(loader).get("rng")
    return "index" if isinstance(asked, str) and asked == "index" else "torch"


def seed_of(loader: Any) -> int | None:
    """Return the seed of a loader whose samples' numbers depend on their indices; None of any other one."""
    return None if rng_of(loader) == "torch" else operator.index(vars(loader).get("seed", OPTIONS["seed"]))


def row_of(loader: Any, rows: list[Row], *, mixes: bool) -> Iterator[Row]:
    """Yield what to tell about a loader's numbers, if they depend on its samples' indices.

    Args:
        loader: Which it is.
        rows: Its other parts.
        mixes: Whether its collate_fn draws for a whole batch.
    """
    if (seed := seed_of(loader)) is None:
        return
    if mixes:
        yield Row("rng", "index", False, "its collate_fn draws for a whole batch, which has no index")
    elif all(row.native for row in rows):
        yield Row("rng", "index", True, f"each sample has numbers of its own, by seed {seed}, epoch and index")
    else:
        yield Row("rng", "index", False, _BY_ITSELF)


def refusal(reasons: tuple[str, ...]) -> ValueError:
    """Return what is raised where a loader's numbers cannot depend on its samples' indices, for reasons of a report."""
    told = [reason for reason in reasons if not reason.endswith(_BY_ITSELF)]
    return ValueError(f"rng='index' needs a loader that is native as a whole: {'; '.join(told)}")
