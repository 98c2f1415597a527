"""`Image.filter`, which is told by the filter's class what to do."""

from collections.abc import Mapping
from typing import Any

from penstock.compat.pillow import is_pillows
from penstock.ops.operation import Records, Trace

__all__ = ["filtered"]


def filtered(filters: Mapping[type, Records]) -> Records:
    """Return what records `Image.filter` by the classes of filters that are known."""
    own = {kind: function for kind in filters if is_pillows(function := kind.filter)}  # type: ignore[attr-defined]

    def records(trace: Trace, filter: Any) -> Trace | None:  # noqa: A002 - Pillow's own
        if isinstance(filter, type) and filter in filters:
            filter = filter()  # noqa: A001
        kind: Any = type(filter)
        # Pillow calls whatever method is there now.
        if kind not in own or kind.filter is not own[kind] or "filter" in vars(filter):
            return None
        return filters[kind](trace, filter)

    return records
