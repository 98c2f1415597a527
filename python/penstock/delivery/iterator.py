"""The iterator of a loader that delivers: any other one's, whose batches go to a device as they are handed out.

The other iterator is asked once for each batch, when the user asks for it, so the sampler, the random streams, counts
and errors are that one's own. What it has made already of the next batch is on its way meanwhile.
"""

import contextlib
import time
from typing import TYPE_CHECKING, Any

from penstock.compat.torch import _BaseDataLoaderIter
from penstock.delivery.deliver import Delivery
from penstock.delivery.form import Form

if TYPE_CHECKING:
    from penstock.counters import Counters

__all__ = ["DeliveringIter"]


class DeliveringIter(_BaseDataLoaderIter):
    """Hands out the batches of another iterator on a device.

    Args:
        delivery: To the device.
        inner: Makes the batches. An attribute that is missing here is that one's.
        counters: The loader's.
    """

    # torch's constructor has drawn a seed, and asked the sampler, for the other iterator.
    def __init__(self, delivery: Delivery, inner: _BaseDataLoaderIter, counters: "Counters") -> None:
        self._delivery, self._inner, self._counters = delivery, inner, counters
        # A batch that has arrived, if Ctrl-C came before it was delivered.
        self._arrived: tuple[Any, ...] = ()

    def __getattr__(self, name: str) -> Any:
        if name == "_inner":  # of one that was never made
            raise AttributeError(name)
        return getattr(self._inner, name)

    def __iter__(self) -> "DeliveringIter":
        return self

    def __len__(self) -> int:
        return len(self._inner)

    def _reset(self, loader: Any, first_iter: bool = False) -> None:
        """Begin another epoch with the same workers."""
        self._arrived = ()
        self._delivery.end()
        form = Form.of(loader)
        if form is not None:
            self._delivery = Delivery(loader.device, form)
        self._inner._reset(loader, first_iter)

    def __next__(self) -> Any:
        if not self._arrived:
            try:
                self._arrived = (next(self._inner),)
            except StopIteration:
                self._delivery.end()
                raise
        start = time.perf_counter()
        delivery = self._delivery
        before = delivery.nbytes, delivery.bus_nbytes
        try:
            delivered = delivery.deliver(*self._arrived)
        except Exception:
            self._arrived = ()
            raise
        self._arrived = ()
        made_ahead = getattr(self._inner, "_made_ahead", None)
        if made_ahead is not None:
            # What goes wrong is the next batch's, and goes wrong there again.
            with contextlib.suppress(Exception):
                delivery.begin(made_ahead())
        self._counters.delivered(delivery.nbytes - before[0], delivery.bus_nbytes - before[1], start)
        return delivered
