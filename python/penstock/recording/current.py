"""For whom the images of a thread record now."""

import threading
from typing import TYPE_CHECKING

from penstock import agreement

if TYPE_CHECKING:
    from penstock.recording.recorder import Recorder

__all__ = ["current", "current_of_any", "recorders"]

# Who records now, by thread; None stands for all threads.
recorders: dict[int | None, "Recorder"] = {}


def current_of_any() -> "Recorder | None":
    """Return this thread's recorder, though its images may record no more; None if it has none."""
    return recorders.get(None) or recorders.get(threading.get_ident())


def current() -> "Recorder | None":
    """Return the recorder for which this thread's images record, None if they do not."""
    recorder = current_of_any()
    return None if recorder is None or recorder.given_up or agreement.is_asking() else recorder
