"""What pictures are recorded for, what was counted of them, and whether it was worth it."""

import statistics
import time
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from penstock.recording.pictures import is_recorded, settle
from penstock.recording.tensors import RecordedTensor, make_plain

if TYPE_CHECKING:
    import weakref

    from penstock.recording.sources import Fate, Source, Trace

__all__ = ["Recorder"]

# Pictures after which it is asked whether all of them are touched, and pictures that are timed then.
_WATCHED = 32
_TIMED = 8


class Recorder:
    """What the pictures of one process, or of one thread, are recorded for.

    Where the code touches all of its pictures there is nothing to be gained but what a quicker decoder gives. So a few
    files are then decoded by Pillow as well, and if that is quicker no more pictures are recorded.

    Args:
        thread: The only thread whose pictures record; all if None.

    Attributes:
        thread: The same.
        fates: Of what was opened since it was counted last.
        others: Why Pillow opened files itself, since then.
        kept: The pictures and tensors that were recorded, for who makes those that somebody holds on to.
        given_up: Whether pictures are no longer recorded.
        why_not: Why none ever records; None if they do.
    """

    def __init__(self, thread: int | None = None) -> None:
        self.thread = thread
        self.fates: list[Fate] = []
        self.others: Counter[str] = Counter()
        self.kept: list[weakref.ref[Any]] = []
        self.given_up = False
        self.why_not: str | None = None
        self._opened = self._untouched = 0
        self._ours: list[float] = []
        self._pillows: list[float] = []

    def finish(self) -> None:
        """Make the pictures and tensors that somebody still holds, in place, the real ones that they stand for."""
        kept, self.kept[:] = self.kept[:], []
        _make([value for reference in kept if (value := reference()) is not None])

    def is_any_left(self) -> bool:
        """Whether anything that was recorded is still there."""
        self.kept[:] = [reference for reference in self.kept if reference() is not None]
        return bool(self.kept)

    def settle(self, sent: Sequence["Trace"], exempt: Container[int]) -> None:
        """Make real what somebody still holds though it has been used: he will probably use it again.

        What was neither sent nor touched waits for its batch, as in a shuffle buffer, and is left as it is.

        Args:
            sent: What goes with the batch.
            exempt: Ids of pictures and tensors that the batch's own samples hold, so that nobody else need do so.
        """
        for trace in sent:
            trace.source.sent = True
        used = []
        kept, self.kept[:] = self.kept[:], []
        for reference in kept:
            value = reference()
            if value is None or not (isinstance(value, RecordedTensor) or is_recorded(value)):
                continue
            if id(value) in exempt or not any(source.sent or source.fate.touched for source in sources_of(value)):
                self.kept.append(reference)
            else:
                used.append(value)
        _make(used)

    def count(self) -> tuple[int, int, dict[str, int]]:
        """Return what happened since the last call.

        Returns:
            How many pictures recorded, how many were opened in all, and why some of them were made by Python code.
        """
        reasons = self.others
        if self.why_not is not None:
            reasons[self.why_not] += 1
        recorded = len(self.fates)
        opened = recorded + reasons.total()
        for fate in self.fates:
            self._opened += 1
            if fate.touched is None:
                self._untouched += 1
            else:
                reasons[fate.touched] += 1
                if self._is_timing():
                    self._ours.append(fate.spent)
        self.fates, self.others = [], Counter()
        if len(self._pillows) >= _TIMED and len(self._ours) >= _TIMED:
            self.given_up = statistics.median(self._pillows) < statistics.median(self._ours)
            self._opened = self._untouched = 0
            self._ours, self._pillows = [], []
        return recorded, opened, dict(reasons)

    def _is_timing(self) -> bool:
        return self._opened >= _WATCHED and self._untouched == 0

    def compare(self, source: "Source") -> None:
        """Time how long Pillow takes for a file, if that is to be known now."""
        if self._is_timing() and len(self._pillows) < _TIMED:
            start = time.perf_counter()
            source.open().load()
            self._pillows.append(time.perf_counter() - start)


def sources_of(value: Any) -> "set[Source]":
    """Return the sources of a recording picture or tensor."""
    traces = value._traces if isinstance(value, RecordedTensor) else (value._trace,)
    return {trace.source for trace in traces}


def _make(values: Iterable[Any]) -> None:
    for value in values:
        if isinstance(value, RecordedTensor):
            make_plain(value)
        else:
            settle(value)
