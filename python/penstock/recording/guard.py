"""Whether recording is worth it: our time for some images against the library's for the same steps of the same ones.

Where the user's code touches nothing, nobody needs to ask. Otherwise a few sources are watched: what was made of them
is listed, and made once more by the library when their batch is done. Processor time decides, so that a busy machine
does not.
"""

import contextlib
import dataclasses
import random
import statistics
import time
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from penstock import agreement
from penstock.ops.table import replay
from penstock.recording.sources import Source, Trace

if TYPE_CHECKING:
    from PIL import Image

    from penstock.records import Steps

__all__ = ["Guard", "Pair", "Watch", "compare", "with_handling"]

# Our seconds and the library's for the images of a source.
Pair = tuple[float, float]

# Pairs that are kept, those that it takes to decide, and to decide against what half of them say: before, a single one
# that was disturbed may outweigh all others.
_MOST = 128
_ENOUGH = 16
_MANY = 64
# Pairs that are made as soon as possible, and the share of a process's time that others may take.
_SOON = 8
_SHARE = 0.02
# Pairs that are enough for the beginning if the library takes so many times as long as ours.
_FIRST = 3
_CLEARLY = 1.5
# One source in so many is watched.
_ONE_IN = 5
# What it takes to record a step, and to find that an image is touched, in seconds; those of making one are measured.
_RECORDING = 15e-6
_TOUCHING = 60e-6
# Sources of which images were made here, the last ones of which it is known how many were made of each.
_SOME = 64
# Those that it takes to expect the same of others.
_FEW = 4


@dataclasses.dataclass
class Guard:
    """What was found so far, over all epochs and workers in the process that iterates.

    Attributes:
        pairs: The last ones that were compared.
        images: That were opened so far.
        touched: Whether any of them was made in a worker.
        made: Sources of which images were made where they were recorded; when there are many, the last ones count.
        shared: Those of them of which several images were made.
        is_first: Whether files may be looked through that will be known in the next epoch.
        gave_up: Images after which the library turned out to be quicker; None if it did not.
    """

    pairs: deque[Pair] = dataclasses.field(default_factory=lambda: deque(maxlen=_MOST))
    images: int = 0
    touched: bool = False
    made: int = 0
    shared: int = 0
    is_first: bool = True
    gave_up: int | None = None

    def add(self, images: int, pairs: list[Pair], touched: int) -> None:
        """Add what was found for a batch, and decide."""
        self.images += images
        self.touched |= touched > 0
        self.pairs.extend(pairs)
        if pairs and self.gave_up is None and len(self.pairs) >= _ENOUGH:
            ours, library = (sum(side) for side in zip(*self.pairs, strict=True))
            middle, librarys = self.medians or (0.0, 0.0)
            if ours > library and (middle > librarys or len(self.pairs) >= _MANY):
                self.gave_up = self.images

    def saw(self, made: int, shared: int) -> None:
        """Add sources of which images were made, and those of which several were."""
        self.made, self.shared = self.made + made, self.shared + shared
        while self.made > _SOME:
            self.made, self.shared = self.made // 2, self.shared // 2

    @property
    def is_clear(self) -> bool:
        """Whether the library is so much slower that nobody need be in a hurry to compare more."""
        ours, library = (sum(side) for side in zip((0.0, 0.0), *self.pairs, strict=True))
        return len(self.pairs) >= _FIRST and library > _CLEARLY * ours

    @property
    def has_views(self) -> bool:
        """Whether several images are likely to be made of the next source."""
        return self.made >= _FEW and 2 * self.shared > self.made

    @property
    def medians(self) -> Pair | None:
        """The medians of our seconds and the library's; None if nothing was compared."""
        if not self.pairs:
            return None
        ours, library = (statistics.median(side) for side in zip(*self.pairs, strict=True))
        return ours, library

    @property
    def decision(self) -> str:
        """What was decided."""
        if self.gave_up is not None:
            return f"went over to the library after {self.gave_up:,} images"
        return "records"


class Watch:
    """Which sources of a process are watched, and what was found.

    Args:
        guard: What is known already.
    """

    def __init__(self, guard: Guard) -> None:
        self.guard = guard
        self._sources: list[Source] = []
        self._found: list[Pair] = []
        self._start, self._spent, self._compared = time.thread_time(), 0.0, 0
        # What one more is expected to take; None if nobody knows.
        self._each = sum(map(sum, guard.pairs)) / len(guard.pairs) if guard.pairs else None
        # Nobody else's numbers are drawn.
        self._random = random.Random(0)  # noqa: S311

    def opened(self, source: Source) -> None:
        """Watch a source, if it is its turn."""
        # What is made of pixels may be quicker made of them by the library, also where nothing is touched.
        if self._is_due(always=source.is_given):
            source.log = []
            self._sources.append(source)

    def decoded(self, spent: float, by_library: Callable[[], Any]) -> None:
        """Compare a file that was decoded at once, if it is its turn.

        Args:
            spent: Processor seconds that it took.
            by_library: Has the library do the same.
        """
        if not self._is_due():
            return
        start = time.thread_time()
        with contextlib.suppress(Exception):  # it was changed since
            by_library()
            self._found.append((spent, time.thread_time() - start))
        self._spent += time.thread_time() - start

    def _is_due(self, *, always: bool = False) -> bool:
        return (self.guard.touched or always) and not self._random.randrange(_ONE_IN) and self._is_time()

    def _is_time(self) -> bool:
        begun = len(self._sources) + len(self._found)
        watched = self._compared + begun
        most = _FIRST if self._compared < _FIRST else _SOON
        # Workers of a later epoch know enough already.
        if watched < most and len(self.guard.pairs) < _ENOUGH and not self.guard.is_clear:
            return True
        if self._each is None:
            return False
        expected = self._spent + self._each * (len(self._sources) + 1)
        return expected < _SHARE * (time.thread_time() - self._start)

    def pairs(self) -> list[Pair]:
        """Compare the sources that were watched, of a batch that is done; return what was found since the last one."""
        watched, self._sources = self._sources, []
        found, self._found = self._found, []
        for source in watched:
            start = time.thread_time()
            if source.log and (pair := compare(source, looked=not self.guard.is_first)) is not None:
                found.append(pair)
            source.log = None
            self._spent += time.thread_time() - start
        self._compared += len(found)
        if self._compared:
            self._each = self._spent / self._compared
        return found


def with_handling(pairs: list[Pair], seconds: float, images: int) -> list[Pair]:
    """Return pairs of a batch whose images took us so many seconds more, all together, for handing it over."""
    return [(ours + seconds / max(images, 1), library) for ours, library in pairs]


def compare(source: Source, *, looked: bool) -> Pair | None:
    """Return our seconds and the library's for what is in a source's log; None if the file has gone.

    Args:
        source: Watched.
        looked: Whether looking through the file counts.
    """
    try:
        with agreement.asking():
            before = source.open() if source.is_copied else None
            start = time.thread_time()
            _by_library(source, before)
            middle = time.thread_time()
            _what_is_sent(source)
            end = time.thread_time()
    except Exception:  # it was changed, or cannot be read any more; who needs its pixels says so
        return None
    steps = sum(len(trace.steps) + 2 for trace, _, _ in source.log or ())
    calls = _RECORDING * steps + (_TOUCHING if source.outcome.is_touched else 0.0)
    ours = source.outcome.spent + (source.outcome.looked if looked else 0.0) + (end - middle) + calls
    return ours, middle - start + sum(drawn.saves for drawn in source.outcome.drawn)


def _by_library(source: Source, before: "Image.Image | None") -> None:
    """Do by the library what the user's code asked for: decode once, and each step once.

    Args:
        source: Watched.
        before: The image, if the library has it.
    """
    opened = source.open() if before is None else before
    opened.load()
    made: dict[tuple[str, Steps], Image.Image] = {}
    for trace, chain, sent in source.log or ():
        # One that has become gray was a coloured one before; numbers become colours by a step.
        mode = source.mode if source.mode in ("P", trace.mode) else "RGB"
        for end in range(len(trace.steps) + 1):
            key = mode, trace.steps[:end]
            if key not in made:
                made[key] = replay(made[key[0], key[1][:-1]], key[1][-1]) if end else opened.convert(mode)
        if chain is not None:
            image = made[mode, trace.steps]
            tensor = chain.apply(image if image.mode == trace.mode else image.convert(trace.mode))
            for paste in trace.pastes:
                paste.onto(tensor)
            if sent is not None:
                tensor.clone()  # as torch's workers put it with the others of its batch


def _what_is_sent(source: Source) -> None:
    """Make here what the process that iterates makes of a source."""
    sent = [(trace, chain) for _, chain, trace in source.log or () if trace is not None and chain is not None]
    twins: dict[int, Source] = {}
    for trace, chain in sent:
        twin = twins.get(id(trace.source))
        if twin is None:
            origin = trace.source
            twin = twins[id(origin)] = Source("", origin.read(), origin.identity, origin.head)
        shown = Trace(twin, trace.mode, (trace.width, trace.height), trace.steps)
        shown.with_pastes(trace.pastes).values(chain)
