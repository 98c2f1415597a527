"""Ctrl-C, looked at between two steps: weights that are half updated are nothing that a run could go on from."""

import signal
import threading
from types import FrameType, TracebackType
from typing import Any, Self

__all__ = ["Stop", "Stopped", "leave_to_trainer"]


def leave_to_trainer(_worker: int) -> None:
    """Have a worker of torch's take no notice of Ctrl-C, which a terminal sends to it as well.

    Where it does not inherit the trainer's way with it, it would end, and with it the step that is to be finished.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)


class Stopped(Exception):  # noqa: N818 - what happened, and no error
    """Ends the loop behind a step; what the run goes on from is saved."""


class Stop:
    """While it is entered, the first Ctrl-C is noted, and the second one is what it always was.

    Outside the main thread, where Python lets nobody handle signals, none is.

    Args:
        patient: Whether every Ctrl-C is but noted. torchrun passes on one that its processes have had already.
    """

    def __init__(self, *, patient: bool) -> None:
        self.asked = False
        self._patient = patient
        self._before: Any = None

    def __enter__(self) -> Self:
        """Begin to listen."""
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Put the former handler back."""
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        if self.asked and not self._patient:
            raise KeyboardInterrupt
        self.asked = True
