"""What a loader has done so far, and where its time went."""

import dataclasses
import logging
import time
import weakref
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from penstock import _native
from penstock.cores import cores
from penstock.recording.guard import Guard
from penstock.tables import as_html
from penstock.tolerance.policy import BadSample
from penstock.tolerance.reports import Reports
from penstock.verdict import Waits, sentence
from penstock.wrappers import own_iterators, unwrap

if TYPE_CHECKING:
    from penstock.recording.recorder import Counted
    from penstock.recording.rendering import Rendering

_logger = logging.getLogger("penstock")

__all__ = ["Counters", "Stats", "count_as", "counters_of", "keep_all", "stats"]

# Samples after which it is known whether any image of a loader records.
_ENOUGH = 64
# Images of which some would be native if any ever were.
_A_FEW = 8


@dataclasses.dataclass(frozen=True)
class Stats:
    """What a loader has done since it was made, over all its iterators.

    Attributes:
        way: How its batches are made: "lowered", "recorded", or "torch", of which nothing is counted; None before the
            first iterator, and for torch's own class.
        batches: Batches handed out.
        samples: In them.
        images: That were opened for them.
        handed_over: Images that were made natively and handed over as they were.
        touched: Images that were made natively, and then the user's code touched their pixels or kept them, or had
            asked for arrays, as of OpenCV.
        by_library: Images that the library made; the three are all that were opened.
        by_pillow: Images that were not handed over so, by the reason why: what of the user's code touched their
            pixels, or why Pillow opened them. In a lowered loader geometry and conversion were native all the same.
        our_seconds: Processor time that an image of a recorded loader takes, the median of those that were compared
            with the library; None if none was, as where the code touches none.
        library_seconds: What the library takes for the same steps of the same images.
        decision: What was decided by these two: "records", or when the loader went over to the library. From the next
            iterator on it is torch's then. Empty for a lowered loader.
        decoded: Images that were decoded natively, also in batches that are not handed out yet.
        known: How many of those were in files that this process had seen before; only what was needed of them was
            looked at.
        delivered_bytes: Of the batches that were handed out on a `device`.
        bus_bytes: Of what went from the processor's memory to the device for them.
        seconds: Time by stage. "read", "decode" and "render" are added up over threads; "pillow" is what it took to
            open the files of `by_pillow`, "waiting" the time in `next()` and what lowered loaders begin of an epoch in
            `iter()`, of it "delivering" what it took to begin copies to a `device`, "outside" the time between these.
        index_files: Files that this process has seen and knows where their parts are, of all its loaders.
        index_bytes: Memory that this takes; `PENSTOCK_INDEX_BYTES` bounds it.
        made_by: Who makes the batches on torch's way, in words.
        threads: That worked for its last iterator.
        workers: Its `num_workers`.
        asked: How often a batch was asked for.
        ready: How often it was there then.
        waited: Seconds of "waiting" by what for: "files" to be read, "threads" that make pixels, "library", which
            opened a file in their place, "workers", whose Python had not come to the batch, and "python", the rest:
            sampler, targets and whatever else of the user's runs in the thread that iterates.
        worker_seconds: What each worker process took for its batches, by its number; more than that, where the loop was
            busy with a batch when another one came.
        bad: The samples that could not be loaded and did not raise, each once: `index`, `path` (None if it is not
            known) and `reason`. On all ways.
        rng: What samples draw from: "torch" for torch's generators and Python's, "index" for numbers of their own.
    """

    way: str | None
    batches: int
    samples: int
    images: int
    handed_over: int
    touched: int
    by_library: int
    by_pillow: dict[str, int]
    our_seconds: float | None
    library_seconds: float | None
    decision: str
    decoded: int
    known: int
    delivered_bytes: int
    bus_bytes: int
    seconds: dict[str, float]
    index_files: int
    index_bytes: int
    made_by: str = "torch's own loader"
    threads: int = 0
    workers: int = 0
    asked: int = 0
    ready: int = 0
    waited: dict[str, float] = dataclasses.field(default_factory=dict)
    worker_seconds: dict[int, float] = dataclasses.field(default_factory=dict)
    bad: tuple[BadSample, ...] = ()
    rng: str = "torch"

    @property
    def native_share(self) -> float:
        """The share of the images that were made natively and handed over; no Python code saw their pixels.

        0 if torch makes them or nothing was made yet.
        """
        return _share(self.images, self.by_pillow)

    @property
    def waiting_share(self) -> float:
        """The share of the time that was spent waiting for a batch."""
        whole = self.seconds["waiting"] + self.seconds["outside"]
        return self.seconds["waiting"] / whole if whole else 0.0

    @property
    def busy_share(self) -> float:
        """The share of the time for which the threads had pixels to make, between the first and the last batch."""
        whole = self.threads * (self.seconds["waiting"] + self.seconds["outside"])
        return min(1.0, (self.seconds["decode"] + self.seconds["render"]) / whole) if whole else 0.0

    @property
    def verdict(self) -> str:
        """What holds up the loop over the loader, and what would help, in one sentence."""
        if self.way is None:
            return "no iterator of penstock's was made yet"
        if self.way == "torch":
            return f"{self.made_by} makes these batches; penstock.explain(loader) says why"
        return sentence(self, cores())

    def __str__(self) -> str:
        rows = list(self._table())
        width = max(len(name) for name, _ in rows)
        return "\n".join([f"penstock: {self.verdict}", *(f"  {name:<{width}}  {value}" for name, value in rows)])

    def __rich__(self) -> Any:
        from rich.markup import escape
        from rich.table import Table

        table = Table(title=escape(f"penstock: {self.verdict}"), title_justify="left", show_header=False)
        for row in self._table():
            table.add_row(*map(escape, row))
        return table

    def _repr_html_(self) -> str:
        """Return the table as a notebook shows it."""
        return as_html(f"penstock: {self.verdict}", (), self._table())

    def _table(self) -> Iterator[tuple[str, str]]:
        yield "samples", f"{self.samples:,} in {self.batches:,} batches"
        yield "made natively", f"{self.native_share:.1%}"
        yield "random numbers", "by index" if self.rng == "index" else "torch's"
        if self.by_pillow:
            yield "handed over so", f"{self.handed_over:,}"
            yield "touched or kept", f"{self.touched:,}"
            yield "by the library", f"{self.by_library:,}"
        for reason, count in sorted(self.by_pillow.items()):
            yield "why", f"{count:,}: {reason}"
        if self.our_seconds is not None and self.library_seconds is not None:
            yield (
                "an image takes",
                f"{self.our_seconds * 1e3:.2f} ms, by the library {self.library_seconds * 1e3:.2f} ms",
            )
            yield "so it", self.decision
        for stage, seconds in self.seconds.items():
            yield f"time, {stage}", f"{seconds:,.3f} s"
        if self.delivered_bytes:
            yield (
                "delivered",
                f"{self.delivered_bytes / 2**20:,.1f} MiB, over the bus {self.bus_bytes / 2**20:,.1f} MiB",
            )
        for kind, seconds in self.waited.items():
            yield f"waited for {kind}", f"{seconds:,.3f} s"
        for worker, seconds in sorted(self.worker_seconds.items()):
            yield f"worker {worker} took", f"{seconds:,.3f} s"
        yield "ready when asked", f"{self.ready:,} of {self.asked:,}"
        if self.threads:
            yield "threads busy", f"{self.busy_share:.1%} of {self.threads}"
        if self.decoded:
            yield "decoded", f"{self.decoded:,}, of files seen before {self.known:,}"
            yield "known files", f"{self.index_files:,} in {self.index_bytes / 2**20:,.1f} MiB"
        yield from (("bad", str(sample)) for sample in self.bad)


def _share(images: int, by_pillow: dict[str, int]) -> float:
    return 1 - sum(by_pillow.values()) / images if images else 0.0


class Counters:
    """The same, still being counted, by whoever iterates over the loader.

    Attributes:
        way: See `Stats`.
        by_pillow: See `Stats`.
        reasons: Why the loader is not lowered.
        bad: The bad samples that were met.
        waits: What the loop has waited for.
        threads: See `Stats`.
        workers: See `Stats`.
        rng: See `Stats`.
    """

    def __init__(self) -> None:
        self.way: str | None = None
        self.reasons: tuple[str, ...] = ()
        self.bad = Reports()
        self.waits = Waits()
        self.threads = self.workers = 0
        self.rng = "torch"
        self._told = False
        self._said: set[str] = set()
        self.by_pillow: Counter[str] = Counter()
        self.guard = Guard()
        self._batches = self._samples = self._images = self._recorded = self._decoded = self._known = 0
        self._epochs = self._touched = 0
        self._delivered = self._bus = 0
        self._read = self._decode = self._render = self._pillow = self._waiting = self._outside = 0.0
        self._delivering = 0.0
        self._returned: float | None = None

    def tell(self) -> None:
        """Say, once for each loader, that nothing of it is handed over as it was made natively, and why."""
        if not self._told:
            self._told = True
            recorded = "no image of these batches goes from native threads to your loop"
            what = recorded if self.way == "recorded" else "torch's own loader makes these batches"
            _logger.warning("%s: %s", what, "; ".join(self.reasons))

    def say(self, text: str) -> None:
        """Say something, once for each loader."""
        if text not in self._said:
            self._said.add(text)
            _logger.warning("%s", text)

    def worked(self, tally: tuple[int, int, float, float, Any]) -> None:
        """Add what threads did for a batch: a `_native.Batch`'s tally."""
        decoded, known, decode, render, _ = tally
        self._decoded += decoded
        self._known += known
        self._decode += decode
        self._render += render

    def rendered(self, rendering: "Rendering") -> None:
        """Add what threads, or the library in their place, made of recorded images."""
        for tally in rendering.tallies():
            self.worked(tally)
        self.by_pillow.update(rendering.by_pillow.values())

    def handed_out(self, samples: int, by_pillow: dict[int, str], read: float, pillow: float) -> None:
        """Add a batch that the user gets.

        Args:
            samples: Its size.
            by_pillow: Positions of the images that Pillow opened, and why.
            read: Seconds that reading its files took.
            pillow: Seconds that Pillow took.
        """
        self._batches += 1
        self._samples += samples
        self._images += samples
        self._read += read
        self._pillow += pillow
        if by_pillow:
            self.by_pillow.update(by_pillow.values())

    def guard_of_next(self) -> Guard:
        """Return what workers are told that are started now."""
        return dataclasses.replace(self.guard, is_first=self._epochs == 0)

    @property
    def is_torchs(self) -> bool:
        """Whether torch's own iterator is better: no image recorded in good time, or the library is quicker."""
        return (self._samples >= _ENOUGH and self._recorded == 0) or self.guard.gave_up is not None

    def recorded(self, samples: int, counted: "Counted", *, batches: int = 1) -> None:
        """Add a batch of recording images that the user gets.

        Args:
            samples: Its size.
            counted: What happened to them.
            batches: 0 if none of them is left, so that he gets the next one.
        """
        self._recorded += counted.recorded
        self._batches += batches
        self._samples += samples * batches
        self._images += counted.opened
        self._touched += counted.touched
        self.by_pillow.update(counted.reasons)
        before = self.guard.gave_up
        self.guard.add(counted.opened, counted.pairs, counted.touched + counted.filled)
        self.guard.saw(counted.made, counted.shared)
        if before is None and self.guard.gave_up is not None:
            self.reasons += (self.guard.decision,)
        seen = self._images == 0 or self._images >= _A_FEW
        if seen and not self._told and _share(self._images, self.by_pillow) == 0:
            self.reasons += (*counted.reasons,)
            self.tell()

    def called(self) -> float:
        """Note that the user asks for a batch, or for an epoch's first ones to be begun; return the time."""
        now = time.perf_counter()
        if self._returned is not None:
            self._outside += now - self._returned
        return now

    def returned(self, called: float) -> None:
        """Note that the user, who asked at that time, has what he asked for."""
        self._returned = time.perf_counter()
        self._waiting += self._returned - called

    def delivered(self, nbytes: int, bus_nbytes: int, since: float) -> None:
        """Note that a batch of so many bytes, which the user waited for since a time, was sent to its device."""
        self._delivered += nbytes
        self._bus += bus_nbytes
        now = time.perf_counter()
        self._delivering += now - since
        if self._returned is not None:  # nothing of torch's own way is counted
            self._waiting += now - since
            self._returned = now

    def begin(self) -> None:
        """Note that an epoch begins: what the user did since the last one is not time between two batches."""
        self._returned = None
        self._epochs += 1
        self.guard.is_first = self._epochs == 1

    def read(self) -> Stats:
        """Return what was counted so far."""
        index_files, index_bytes = _native.index_usage()
        return Stats(
            way=self.way,
            batches=self._batches,
            samples=self._samples,
            images=self._images,
            handed_over=self._images - self.by_pillow.total(),
            touched=self._touched,
            by_library=self.by_pillow.total() - self._touched,
            by_pillow=dict(self.by_pillow),
            our_seconds=self.guard.medians[0] if self.guard.medians else None,
            library_seconds=self.guard.medians[1] if self.guard.medians else None,
            decision=self.guard.decision if self.way != "lowered" else "",
            decoded=self._decoded,
            known=self._known,
            delivered_bytes=self._delivered,
            bus_bytes=self._bus,
            seconds={
                "read": self._read,
                "decode": self._decode,
                "render": self._render,
                "pillow": self._pillow,
                "waiting": self._waiting,
                "delivering": self._delivering,
                "outside": self._outside,
            },
            index_files=index_files,
            index_bytes=index_bytes,
            threads=self.threads,
            workers=self.workers,
            asked=self.waits.batches,
            ready=self.waits.ready,
            waited=self.waits.by_kind(self._waiting, self._pillow),
            worker_seconds=dict(self.waits.worker_seconds),
            bad=self.bad.samples,
            rng=self.rng,
        )


# By the loaders' ids, for they need not be hashable; not in them, since frameworks copy a loader's attributes.
_counters: dict[int, Counters] = {}
# All that were ever made, by what their loaders are called; None unless somebody wants them.
_kept: dict[str, list[Counters]] | None = None


def counters_of(loader: Any) -> Counters:
    """Return a loader's counters, which go when it goes, unless they are kept."""
    if (counters := _counters.get(id(loader))) is None:
        counters = _counters[id(loader)] = Counters()
        weakref.finalize(loader, _counters.pop, id(loader), None)
        if _kept is not None:
            _kept.setdefault(_name(loader), []).append(counters)
    return counters


def count_as(view: Any, loader: Any) -> None:
    """Have what is counted for a view of a loader be the loader's."""
    _counters[id(view)] = counters_of(loader)
    weakref.finalize(view, _counters.pop, id(view), None)


def keep_all() -> dict[str, list[Counters]]:
    """Keep the counters of all loaders from now on, and return where they will be, by what the loaders are called."""
    global _kept
    if _kept is None:
        _kept = {}
    return _kept


def _name(loader: Any) -> str:
    size = "" if loader.batch_size is None else f", {loader.batch_size} a batch"
    return f"{type(loader.dataset).__name__}{size}, {loader.num_workers} worker{'s' * (loader.num_workers != 1)}"


def stats(loader: Any) -> Stats:
    """Return what a loader has done so far and where its time went; print it for a table.

    Args:
        loader: A `penstock.DataLoader` at any time, or what a framework has wrapped around one.

    Returns:
        `Stats`, with the fields `samples`, `native_share`, `by_pillow` (counts by reason), `seconds` (by stage),
        `waiting_share`, `verdict`, `index_bytes` and more.

    Raises:
        TypeError: If there is no `torch.utils.data.DataLoader` in it, or more than one.

    Example:
        >>> for images, targets in loader:
        ...     ...
        >>> print(penstock.stats(loader))
    """
    loader = unwrap(loader, "stats")
    counted = counters_of(loader).read()
    if counted.way is None and (maker := own_iterators(loader)) is not None:
        return dataclasses.replace(counted, way="torch", made_by=f"{maker}'s own iterator")
    return counted
