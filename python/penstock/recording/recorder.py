"""What images are recorded for, and what was counted of them."""

import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from penstock.agreement import Asked
from penstock.recording.guard import Guard, Pair, Watch, with_handling
from penstock.recording.images import is_recorded, materialize_kept
from penstock.recording.memoryless import Memoryless
from penstock.recording.reach import held_by
from penstock.recording.sources import Outcome
from penstock.recording.tensors import RecordedTensor, materialize, materialize_all

if TYPE_CHECKING:
    import weakref

    from penstock.recording.rendering import Rendering
    from penstock.recording.sources import Source, Trace

__all__ = ["Counted", "Recorder"]

# Sources that are opened before it is clear what became of one.
_BEHIND = 4
_KEPT = "kept after its batch"
_ARRAY = "decoded natively, handed over as arrays"
_IRREGULAR = "irregular file"


@dataclasses.dataclass
class Counted:
    """What happened to the images of a batch.

    Attributes:
        recorded: Images that recorded, at least for a while.
        opened: Images that were opened in all.
        touched: Those of `recorded` that were made natively, but where they were recorded, for the user's code touched
            their pixels or kept them, or had asked for an array.
        filled: Those of `recorded` that were written to memory of the user's there, natively, and touched by nobody.
        made: Files of which images were made where they were recorded.
        shared: Those of them of which several images were made.
        reasons: Why images are not handed over by native threads, and how many.
        pairs: What was compared with the library.
        asked: What the libraries were asked, in a worker.
    """

    recorded: int = 0
    opened: int = 0
    touched: int = 0
    filled: int = 0
    made: int = 0
    shared: int = 0
    reasons: dict[str, int] = dataclasses.field(default_factory=dict)
    pairs: list[Pair] = dataclasses.field(default_factory=list)
    asked: list[Asked] = dataclasses.field(default_factory=list)

    def __reduce__(self) -> Any:
        # Shorter than its names and values.
        return Counted, (*vars(self).values(),)


class Recorder:
    """What the images of one process, or of one thread, are recorded for.

    Args:
        thread: The only thread whose images record; all if None.
        guard: What is known of whether that is worth it.
        collects: Whether batches that are collated are left until `finish`, or until they are sent.

    Attributes:
        thread: The same.
        guard: The same.
        collects: The same.
        outcomes: Of what was opened since it was counted last.
        others: Why Pillow opened files itself, since then.
        kept: The images and tensors that were recorded, for who makes those that somebody holds on to.
        at_finish: What is to be called when what was fetched is finished.
        renderings: What has made tensors of the batch, if only one thread's images record.
        handling: Processor seconds that handing over what was recorded took, since it was counted last.
        why_not: Why none ever records; None if they do.
        batch: Stands for what is fetched until it is counted.
    """

    def __init__(self, thread: int | None = None, guard: Guard | None = None, *, collects: bool = True) -> None:
        self.thread, self.collects = thread, collects
        self.guard = Guard() if guard is None else guard
        self.outcomes: list[Outcome] = []
        self.others: Counter[str] = Counter()
        self.kept: list[weakref.ref[Any]] = []
        self.at_finish: list[Callable[[], None]] = []
        self.renderings: list[Rendering] = []
        self.why_not: str | None = None
        self.handling, self.batch = 0.0, object()
        self._watch = Watch(self.guard)
        # Of the first ones of `outcomes` it is known how many images were made of them: how many, and what was found.
        self._seen = self._made = self._shared = 0

    @property
    def given_up(self) -> bool:
        """Whether images are no longer recorded."""
        return self.guard.gave_up is not None

    def opened(self, source: "Source") -> None:
        """Take note of a source whose image records."""
        source.keeper = self.kept
        self._see(len(self.outcomes) - _BEHIND)
        source.is_shared = self.guard.has_views
        self._watch.opened(source)
        self.outcomes.append(source.outcome)

    def decoded(self, spent: float, by_library: Callable[[], Any]) -> None:
        """Take note of a file that was decoded where it was opened, into an array that the user has.

        Args:
            spent: Processor seconds that it took.
            by_library: Has the library do the same.
        """
        outcome = Outcome()
        outcome.touched, outcome.views = _ARRAY, 1
        self.outcomes.append(outcome)
        self._watch.decoded(spent, by_library)

    def _see(self, end: int) -> None:
        """Find of how many files, up to one that was opened, several images were made."""
        for outcome in self.outcomes[self._seen : max(end, self._seen)]:
            self._seen += 1
            if outcome.is_made:
                self._made += 1
                self._shared += outcome.views > 1
                self.guard.saw(1, outcome.views > 1)

    def make_now(self, tensors: Sequence[RecordedTensor]) -> None:
        """Make tensors real, in place, before their batch is done.

        Images that are still there are kept, since all samples are collated: they are made of the same decode.
        """
        start = time.thread_time()
        sources = self._materialize_kept(tensors)
        self._materialize_together(tensors)
        for source in sources:
            source.outcome.spent += (time.thread_time() - start) / len(sources)

    def use_here(self, tensor: RecordedTensor) -> None:
        """Take note of a batch whose images are about to be made in this process, into its memory, and not sent.

        What is kept of them has been used then, and is made as if they had been sent.
        """
        for source in self._materialize_kept([tensor]):
            source.sent = True

    def _materialize_kept(self, tensors: Sequence[RecordedTensor]) -> "set[Source]":
        """Make the images real that are still there of what tensors are made of; return that."""
        traces = [trace for tensor in tensors for trace in tensor._traces]
        sources = {trace.source for trace in traces}
        alive: list[Any] = [reference() for reference in self.kept]
        _make([value for value in alive if is_recorded(value) and value._trace.source in sources], traces)
        return sources

    def _materialize_together(self, tensors: Sequence[RecordedTensor]) -> None:
        rendering = materialize_all(tensors)
        if rendering is not None and self.thread is not None:
            self.renderings.append(rendering)

    def finish(self, data: Any) -> None:
        """Make the images and tensors that somebody still holds, in place, the real ones that they stand for.

        What the batch does not hold is made first: what is kept of a file is made of the same decode as its batch.

        Args:
            data: The batch; what it holds is handed over.
        """
        calls, self.at_finish = self.at_finish, []
        for call in calls:
            call()
        kept, self.kept[:] = self.kept[:], []
        values = [value for reference in kept if (value := reference()) is not None and traces_of(value)]
        batch = held_by(data) if values else set()
        handed = [value for value in values if id(value) in batch]
        tensors = [value for value in handed if isinstance(value, RecordedTensor)]
        _make([value for value in values if id(value) not in batch], [t for value in handed for t in traces_of(value)])
        for value in handed:
            if not isinstance(value, RecordedTensor):
                materialize_kept(value)
        self._materialize_together(tensors)

    def is_any_left(self) -> bool:
        """Whether anything that was recorded is still there."""
        self.kept[:] = [reference for reference in self.kept if reference() is not None]
        return bool(self.kept)

    def materialize_kept(self, sent: Sequence["Trace"], exempt: Container[int]) -> float:
        """Make real what somebody still holds though it has been used: he will probably use it again.

        What was neither sent nor touched waits for its batch, as in a shuffle buffer, and is left as it is.

        Args:
            sent: What goes with the batch.
            exempt: Ids of images and tensors that the batch's own samples hold, so that nobody else need do so.

        Returns:
            Processor seconds that making it took.
        """
        for trace in sent:
            trace.source.sent = True
        used = []
        kept, self.kept[:] = self.kept[:], []
        for reference in kept:
            value = reference()
            if value is None or not (traces := traces_of(value)):
                continue
            if id(value) in exempt or not any(trace.source.sent or trace.source.outcome.is_made for trace in traces):
                self.kept.append(reference)
            else:
                used.append(value)
        start = time.thread_time()
        _make(used, sent)
        return time.thread_time() - start

    def count(self) -> Counted:
        """Return what happened since the last call."""
        self.batch = object()
        if self.why_not is not None:
            self.others[self.why_not] += 1
        counted = Counted(len(self.outcomes), len(self.outcomes) + self.others.total(), reasons=self.others)
        self._see(len(self.outcomes))
        counted.made, counted.shared = self._made, self._shared
        self._seen = self._made = self._shared = 0
        for outcome in self.outcomes:
            if outcome.is_touched:
                counted.reasons[outcome.touched or _KEPT] += 1
                counted.touched += not outcome.by_library
            elif outcome.filled:
                counted.filled += 1
                if outcome.by_library:
                    counted.reasons[_IRREGULAR] += 1
        self.outcomes, self.others = [], Counter()
        counted.pairs = with_handling(self._watch.pairs(), self.handling, counted.opened)
        self.handling = 0.0
        self.guard.add(counted.opened, counted.pairs, counted.touched + counted.filled)
        counted.reasons = dict(counted.reasons)
        return counted


def traces_of(value: Any) -> "tuple[Trace, ...]":
    """Return the traces of a recording image or tensor; none of one that is real by now."""
    if isinstance(value, RecordedTensor):
        return value._traces
    if isinstance(value, Memoryless):
        return value.traces
    return (value._trace,) if is_recorded(value) else ()


def _make(values: Sequence[Any], sent: Iterable["Trace"] = ()) -> None:
    """Make images and tensors real, each file's decoded once, also for what is sent."""
    wanted: dict[Source, set[Any]] = {}
    for value in values:
        for trace in traces_of(value):
            wanted.setdefault(trace.source, set()).add(trace.steps)
            trace.source.outcome.kept = True
    for trace in sent:
        if trace.source in wanted:
            wanted[trace.source].add(trace.steps)
    for source, several in wanted.items():
        first = min(several, key=len)
        # What all others are made of need not be made of something else.
        if any(steps[: len(first)] != first for steps in several):
            source.is_shared = True
    for value in sorted(values, key=lambda value: min(len(trace.steps) for trace in traces_of(value))):
        if isinstance(value, (Memoryless, RecordedTensor)):
            _materialize_tensor(value)
        else:
            materialize_kept(value)


def _materialize_tensor(tensor: Memoryless | RecordedTensor) -> None:
    """Make a tensor by way of its images' pixels, of which what is sent can be made, too."""
    traces, start = traces_of(tensor), time.thread_time()
    for trace in traces:
        trace.pixels()
    if isinstance(tensor, Memoryless):
        tensor.materialize()
    else:
        for trace in traces:
            if trace.source.log is not None:
                trace.source.log.append((trace, tensor._chain, None))
        materialize(tensor)
    for trace in traces:
        trace.source.outcome.spent += (time.thread_time() - start) / len(traces)
