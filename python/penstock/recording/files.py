"""What is known of files, on its way between a loader's process and its workers.

Native code has the memory itself, whose parts are described in `rust/penstock-core/src/source/known.rs`. A worker sends
what it learned with each batch. Workers that are forked off later have the memory of their parent; those that are made
in another way are handed a part of it, and those that stay for another epoch are told what the others learned.
"""

from collections.abc import Callable

from penstock import _native

__all__ = ["Inherited", "News", "Told", "begin", "learned"]

# What goes to one worker at a time, in bytes at most.
_MOST_BYTES = 8 << 20


class Inherited:
    """What a worker knows when it begins; part of what it is started with."""

    def __init__(self) -> None:
        _native.prepare_for_workers()

    def __reduce__(self) -> tuple[Callable[[bytes], "Inherited"], tuple[bytes]]:
        # Only processes that are not forked off are sent anything.
        return _inherit, (_native.known_files(_MOST_BYTES),)


def _inherit(known: bytes) -> Inherited:
    _native.learn(known, begins=True)
    return Inherited()


def begin() -> None:
    """Have this process, a worker, keep what it learns for who asks `learned`."""
    _native.be_worker()


def learned() -> bytes:
    """Return what this worker has learned since the last call, which `News` takes."""
    return _native.take_learned()


class News:
    """What a loader's workers learn in an epoch, for those that stay for the next one."""

    def __init__(self) -> None:
        self._reports: list[bytes] = []

    def learn(self, report: bytes) -> None:
        """Have this process know what a worker learned."""
        _native.learn(report, begins=False)
        if sum(map(len, self._reports)) < _MOST_BYTES:
            self._reports.append(report)

    def told(self) -> "Told":
        """Return what was learned since the last call."""
        reports, self._reports = self._reports, []
        return Told(reports)


class Told:
    """What workers are told: each one knows it when it has received this, in place of which there is None."""

    def __init__(self, reports: list[bytes]) -> None:
        self._reports = reports

    def __reduce__(self) -> tuple[Callable[[list[bytes]], None], tuple[list[bytes]]]:
        return _tell, (self._reports,)


def _tell(reports: list[bytes]) -> None:
    for report in reports:
        _native.learn(report, begins=False)
