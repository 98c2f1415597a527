"""`Image.filter`, which is told by the filter's class what to do."""

from collections.abc import Mapping
from typing import Any

from penstock.ops.operation import Records, Trace

__all__ = ["filtered"]


def filtered(filters: Mapping[type, Records]) -> Records:
    """Return what records `Image.filter` by the classes of filters that are known."""

    def records(trace: Trace, filter: Any) -> Trace | None:  # noqa: A002 - Pillow's own
        if isinstance(filter, type) and filter in filters:
            filter = filter()  # noqa: A001
        known = filters.get(type(filter))
        return None if known is None else known(trace, filter)

    return records
