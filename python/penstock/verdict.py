"""What holds up the loop over a loader, and what would help, in one sentence.

The time that a loop waits for its loader is told apart by what it waited for: files to be read, threads that make
pixels, the library that opens a file in their place, the Python of a worker, and what is left, the Python of the thread
that iterates. The largest part is what the sentence is about.
"""

import dataclasses
import time
from typing import Any

__all__ = ["FILES", "LIBRARY", "PYTHON", "THREADS", "WORKERS", "Waits", "sentence", "sentence_of_torchs"]

# What a loop may wait for.
FILES, THREADS, LIBRARY, WORKERS, PYTHON = "files", "threads", "library", "workers", "python"
# A loader that is waited for longer than this share of the time is what holds up the step.
_HOLDS_UP = 0.1
# One worker is the slow one if it takes so many times as long as the others do on average.
_ALONE = 3.0
# Cores that have work for this share of the time have none left.
_BUSY = 0.75


@dataclasses.dataclass
class Waits:
    """What the loop over a loader has waited for, in seconds.

    Attributes:
        batches: Those that were asked for.
        ready: Those of them that were there.
        files: For files.
        threads: For pixels.
        workers: For workers' batches to arrive.
        worker_seconds: What each worker took for its batches, by its number.
    """

    batches: int = 0
    ready: int = 0
    files: float = 0.0
    threads: float = 0.0
    workers: float = 0.0
    worker_seconds: dict[int, float] = dataclasses.field(default_factory=dict)

    def asked(self, *, ready: bool) -> None:
        """Note that a batch was asked for."""
        self.batches += 1
        self.ready += ready

    def for_files(self, since: float, opening: float) -> None:
        """Note that files were waited for since then, but for the seconds in which the library opened some of them."""
        self.files += max(0.0, time.perf_counter() - since - opening)

    def for_threads(self, since: float) -> None:
        """Note that threads were waited for since then."""
        self.threads += time.perf_counter() - since

    def for_workers(self, since: float) -> None:
        """Note that workers were waited for since then."""
        self.workers += time.perf_counter() - since

    def worked(self, worker: int, since: float) -> float:
        """Note that a worker's batch has arrived, which it had begun then; return the time."""
        now = time.perf_counter()
        self.worker_seconds[worker] = self.worker_seconds.get(worker, 0.0) + now - since
        return now

    def by_kind(self, waiting: float, pillow: float) -> dict[str, float]:
        """Return what was waited for, each with its seconds.

        Args:
            waiting: All seconds that the loop has waited.
            pillow: Those that Pillow took, in the thread that iterates.
        """
        known = {FILES: self.files, THREADS: self.threads, LIBRARY: pillow, WORKERS: self.workers}
        return {**known, PYTHON: max(0.0, waiting - sum(known.values()))}


def sentence(stats: Any, cores: int) -> str:
    """Return what `Stats.verdict` says of a loader that is not torch's.

    Args:
        stats: What was counted.
        cores: That the process may use.
    """
    share = f"{stats.waiting_share:.0%} of the time was spent waiting"
    if stats.waiting_share <= _HOLDS_UP:
        ready = f", {stats.ready:,} of {stats.asked:,} batches were there when asked for" if stats.workers else ""
        return f"not loader-bound: {share}{ready}; what the loop does with them takes the time"
    waited: dict[str, float] = stats.waited
    kind = max(waited, key=lambda each: waited[each])
    part = waited[kind] / (sum(waited.values()) or 1.0)
    told = {FILES: _of_files, THREADS: _of_threads, LIBRARY: _of_library, WORKERS: _of_workers, PYTHON: _of_python}
    return f"loader-bound: {share}; {told[kind](stats, cores, f'{part:.0%} of that')}"


def sentence_of_torchs(cpu_seconds: float | None, seconds: float, workers: int, cores: int) -> str:
    """Return the same of a loop over torch's loader that does nothing else.

    Args:
        cpu_seconds: Processor time of all its processes; None if this system does not tell.
        seconds: By the clock.
        workers: The loader's `num_workers`.
        cores: That the process may use.
    """
    if cpu_seconds is None or not seconds:
        return "loader-bound"
    busy = cpu_seconds / seconds
    text = f"loader-bound: {busy:.1f} of {_cores(cores)} busy with {_counted(workers, 'worker process', 'es')}"
    if busy > _BUSY * cores:
        return f"{text}; more cores would help, more workers would not"
    if workers == 0:
        return f"{text}; num_workers={cores} would make batches side by side"
    if busy < _BUSY * min(workers, cores):
        return f"{text}; it waits for files or for one of the workers, and more workers may help"
    return f"{text}; more workers would help"


def _of_threads(stats: Any, cores: int, part: str) -> str:
    made = stats.seconds["decode"] + stats.seconds["render"]
    decoding = stats.seconds["decode"] / made if made else 0.0
    threads = _counted(stats.threads, "thread")
    busy = f"{stats.threads} of {threads} busy {stats.busy_share:.0%}, {decoding:.0%} of it decoding"
    if stats.workers == 0:
        return f"{busy}; with num_workers=0 nothing is made before it is asked for: num_workers={cores} would help"
    if stats.threads < cores:
        return f"{busy}; {part} for these: num_workers={cores} would help, as there are {_cores(cores)}"
    return f"{busy}; more cores would help, more workers would not"


def _of_files(stats: Any, cores: int, part: str) -> str:  # noqa: ARG001
    return (
        f"{part} for files to be read, while the threads were busy {stats.busy_share:.0%}; "
        "a faster disk, or the files nearer by, would help, more workers would not"
    )


def _of_library(stats: Any, cores: int, part: str) -> str:  # noqa: ARG001
    opened = sum(stats.by_pillow.values())
    why = max(stats.by_pillow, key=lambda reason: stats.by_pillow[reason], default="not decoded natively")
    return f"{part} for {_counted(opened, 'image')} that Pillow opened ({why}); files of another kind would help"


def _of_workers(stats: Any, cores: int, part: str) -> str:
    taken = stats.worker_seconds
    if len(taken) > 1:
        slow = max(taken, key=lambda each: taken[each])
        others = (sum(taken.values()) - taken[slow]) / (len(taken) - 1)
        if taken[slow] > _ALONE * others:
            return (
                f"{part} for workers, of which worker {slow} of {stats.workers} took {taken[slow]:,.1f} s, the others "
                f"{others:,.1f} s each: look at what its samples do that others do not, more workers would not help"
            )
    if stats.workers < cores:
        helps = f"num_workers={cores} would help, as there are {_cores(cores)}"
    else:
        helps = "more workers would help if that waits for something, more cores if it computes"
    return f"{part} for the Python of {_counted(stats.workers, 'worker')}; {helps}"


def _of_python(stats: Any, cores: int, part: str) -> str:
    if stats.way == "recorded" and stats.workers == 0:
        return f"the data set's code runs where the batch is asked for: num_workers={cores} would help"
    return f"{part} for the sampler, and what else of the data set runs in the thread that iterates"


def _counted(count: int, what: str, more: str = "s") -> str:
    return f"{count:,} {what}{more * (count != 1)}"


def _cores(cores: int) -> str:
    return _counted(cores, "core")
