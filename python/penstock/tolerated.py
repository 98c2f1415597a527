"""A lowered batch whose bad samples do not raise: they are exchanged, and its numbers drawn as torch would then."""

from typing import Any

from penstock import _native
from penstock.counters import Counters
from penstock.generators import Streams
from penstock.lowering.chosen import Chosen
from penstock.lowering.mixing import Mixing
from penstock.lowering.readers import Located
from penstock.lowering.timm import Copying
from penstock.prepared import Drawn, Failure, Prepared
from penstock.tolerance.dataset import NOTHING
from penstock.tolerance.policy import Policy, Tally

__all__ = ["Tolerated"]


class _NothingLeft(Exception):  # noqa: N818 - nobody is told
    """Stands for a batch of which no sample is left."""


class Tolerated(Prepared):
    """A batch of which it shows late, too, which samples are bad; whatever is found out, it is chosen and drawn anew.

    Whether there were too many is known when all batches of the same worker before it are done, so it is asked last.

    Args:
        chosen: The batch's samples.
        streams: See `Prepared`.
        worker: See `Prepared`.
        counters: See `Prepared`.
        mixing: See `Prepared`.
        policy: Which samples are bad.
        tally: Of the worker.
        pin: See `Prepared`.
    """

    def __init__(
        self,
        chosen: Chosen,
        streams: Streams,
        worker: int | None,
        counters: Counters,
        mixing: Mixing | Copying | None,
        *,
        policy: Policy,
        tally: Tally,
        pin: bool,
    ) -> None:
        super().__init__(chosen, streams, worker, counters, mixing, pin=pin, rewinds=True)
        self._chosen, self._policy, self._tally = chosen, policy, tally
        # Whether more is known than the samples were chosen by, and whether they are counted.
        self._stale = self._settled = False

    def redraw(self, streams: Streams) -> None:
        """See `Prepared`; what fails then is looked into at once."""
        drawn = self._there
        assert drawn.start is not None  # noqa: S101 - it rewinds
        while True:
            located = drawn.located
            if self._stale or drawn.failure is not None:
                with self._state():
                    located = self._chosen.finish()
                self._stale = False
            streams.follow(drawn.start)
            self._drawn = drawn = self._draw(located, streams)
            self._doubtful = drawn.failure is not None
            if not self._doubtful or not self._find_damage():
                break
        self._doubtful = False

    def draw_later(self) -> None:
        """See `Prepared`; of other numbers other samples may be bad."""
        self._stale |= self._chosen.forget_drawn()
        self._there.start = self.streams.copy()
        self.redraw(self.streams)

    def _draw(self, located: Located, streams: Streams, failure: Failure | None = None) -> Drawn:
        if self._chosen.is_left_out and located.error is None:
            batch = _native.Batch([], [], streams.torch, streams.python)
            return Drawn(located, streams.copy(), streams.copy(), batch, None, Failure(_NothingLeft()))
        return super()._draw(located, streams, failure)

    def _find_damage(self) -> bool:
        if super()._find_damage():
            return True
        drawn = self._there
        failure, refused = drawn.failure, drawn.batch.refused
        if failure is None or refused is None or not isinstance(failure.error, Exception):
            return False
        if not self._policy.is_bad(failure.error):
            return False
        place = refused[0]
        self._chosen.learn(place, failure.error, drawn.located.files.get(place), drawn=True)
        return self._choose_anew()

    def _ends(self, place: int, error: Exception) -> bool:
        self._chosen.learn(place, error, self._there.located.files.get(place))
        self._stale = True
        return False

    def _choose_anew(self) -> bool:
        self._stale = True
        return True

    def mend(self) -> bool:
        """See `Prepared`; the batch is done if too many were not bad either."""
        if self._settled:
            return False
        if super().mend():
            return True
        failure = self._there.failure
        counted = self._chosen.settle(self._tally, None if failure is None else failure.place)
        if counted is None:
            return self._choose_anew()
        self._tally.follow(counted)
        self._settled = True
        return False

    def result(self, device: str | None) -> Any:
        """See `Prepared`; `NOTHING` if no sample is left."""
        self._counters.bad.add(self._chosen.met)
        failure = self._there.failure
        if failure is not None and isinstance(failure.error, _NothingLeft):
            return NOTHING
        return super().result(device)
