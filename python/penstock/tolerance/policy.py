"""What `on_error` of a loader asks for: which samples are bad, what takes their place, and when there are too many."""

import dataclasses
import operator
from typing import Any

import torch.utils.data
from PIL import Image, UnidentifiedImageError
from torch.utils.data.distributed import DistributedSampler

__all__ = [
    "IN_A_ROW",
    "OPTIONS",
    "BadSample",
    "Policy",
    "Tally",
    "check",
    "has_indices",
    "note",
    "policy_of",
    "reason_of",
]

# Arguments of `penstock.DataLoader` that torch's class lacks, with their defaults: keyword-only, and public attributes
# of the same names.
OPTIONS: dict[str, Any] = {"on_error": "raise", "on_error_types": ()}

_CHOICES = ("raise", "skip", "replace")
# What a file raises that is missing, cannot be read, is none, is cut short, or pretends to be enormous.
_BAD = (OSError, UnidentifiedImageError, Image.DecompressionBombError)
# Their graphs are made ready by torch's iterators, which have to see them as they are.
_PIPES: Any = getattr(torch.utils.data, "MapDataPipe", ())
# So many bad samples one after the other are no accident.
IN_A_ROW = 10
# Nor is more than one in so many, as soon as there are enough of them to speak of a share.
_ONE_IN = 100
_ENOUGH = 10


@dataclasses.dataclass(frozen=True)
class BadSample:
    """A sample that could not be loaded.

    Attributes:
        index: As the data set was asked for it.
        path: Of its file, if it is known.
        reason: Type and text of what was raised.
    """

    index: Any
    path: str | None
    reason: str

    def __str__(self) -> str:
        return f"index {self.index!r}{'' if self.path is None else f', {self.path}'}: {self.reason}"


@dataclasses.dataclass(frozen=True)
class Policy:
    """What to do about bad samples, if they are not to raise.

    Attributes:
        on_error: "skip" or "replace".
        kinds: The exceptions by which a sample is bad.
    """

    on_error: str
    kinds: tuple[type[Exception], ...]

    @property
    def skips(self) -> bool:
        """Whether nothing takes a bad sample's place."""
        return self.on_error == "skip"

    @property
    def says(self) -> str:
        """What becomes of a bad sample, for people."""
        becomes = "is left out of its batch" if self.skips else "is replaced by the next one that loads"
        kinds = ", ".join(kind.__name__ for kind in self.kinds if kind is not UnidentifiedImageError)
        return f"a sample that raises {kinds} {becomes}; no state says where such a loader is"

    def is_bad(self, error: BaseException) -> bool:
        """Whether what a sample raised makes it a bad one."""
        return isinstance(error, self.kinds)

    def after(self, index: Any, dataset: Any, error: BaseException) -> int | None:
        """Return the index that is tried in the place of a bad one.

        Args:
            index: The bad one.
            dataset: Whose it is.
            error: What it raised; if no index follows, a note on it says why.
        """
        try:
            return (operator.index(index) + 1) % len(dataset)
        except Exception:
            note(error, f"on_error='replace' does not know which index follows {index!r}")
            return None


@dataclasses.dataclass
class Tally:
    """How many samples a worker was asked for, and how many were bad: those that took another's place are among them.

    Each worker counts for itself, from its start, as it knows nothing of the others and whether a run ends must not
    depend on how fast they are. Workers that stay for all epochs go on counting; others start with each epoch, as does
    a loader without workers.
    """

    tried: int = 0
    bad: int = 0
    in_a_row: int = 0

    def loaded(self, count: int = 1) -> None:
        """Count samples that are not bad."""
        if count:
            self.tried += count
            self.in_a_row = 0

    def failed(self) -> str | None:
        """Count a bad sample; return why it has to raise all the same, None if it need not."""
        self.tried += 1
        self.bad += 1
        self.in_a_row += 1
        if self.in_a_row >= IN_A_ROW:
            return f"on_error= stops here: the last {self.in_a_row} samples were all bad"
        if self.bad >= _ENOUGH and self.bad * _ONE_IN > self.tried:
            return f"on_error= stops here: {self.bad} of {self.tried} samples were bad, more than one in {_ONE_IN}"
        return None

    def copy(self) -> "Tally":
        """Return another one that stands where this one does."""
        return dataclasses.replace(self)

    def follow(self, other: "Tally") -> None:
        """Go on from where another one stands."""
        self.tried, self.bad, self.in_a_row = other.tried, other.bad, other.in_a_row


def check(on_error: Any, on_error_types: Any) -> tuple[type[Exception], ...]:
    """Refuse options that mean nothing; return the classes of exceptions.

    Raises:
        TypeError: If `on_error_types` holds anything but classes of exceptions.
        ValueError: If `on_error` is none of its values.
    """
    if on_error not in _CHOICES:
        raise ValueError(f"on_error should be one of {', '.join(map(repr, _CHOICES))}, got {on_error!r}")
    types = on_error_types if isinstance(on_error_types, tuple) else (on_error_types,)
    if not all(isinstance(kind, type) and issubclass(kind, Exception) for kind in types):
        raise TypeError(f"on_error_types should be classes of exceptions, got {types!r}")
    return types


def policy_of(loader: Any) -> Policy | None:
    """Return what a loader asks for; None if bad samples raise.

    Raises:
        TypeError: See `check`.
        ValueError: See `check`; or if the loader's samples have no indices, or are dealt out to ranks that all have to
            make as many.
    """
    on_error = getattr(loader, "on_error", "raise")
    types = check(on_error, getattr(loader, "on_error_types", ()))
    if on_error == "raise":
        return None
    if not has_indices(loader.dataset):
        kind = type(loader.dataset).__name__
        raise ValueError(f"on_error={on_error!r} is for data sets whose samples have indices, which {kind} is not")
    if on_error == "skip" and _is_distributed(loader):
        raise ValueError(
            "on_error='skip' with a distributed sampler would give ranks different numbers of batches, and the run "
            "would hang: use on_error='replace'"
        )
    return Policy(on_error, (*_BAD, *types))


def has_indices(dataset: Any) -> bool:
    """Whether a data set's samples have indices."""
    return not isinstance(dataset, (torch.utils.data.IterableDataset, _PIPES))


def _is_distributed(loader: Any) -> bool:
    batches = getattr(loader, "batch_sampler", None)
    samplers = (loader.sampler, batches, getattr(batches, "sampler", None))
    return any(isinstance(each, DistributedSampler) or hasattr(each, "num_replicas") for each in samplers)


def reason_of(error: BaseException) -> str:
    """Return an exception's type and text in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())


def note(error: BaseException, text: str) -> None:
    """Add a note to an exception, once."""
    if (text := f"penstock: {text}") not in getattr(error, "__notes__", ()):
        error.add_note(text)
