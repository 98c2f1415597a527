"""What runs natively and what does not: the object behind `penstock.explain`, and the reason that it tells."""

import dataclasses
from typing import Any, Literal

from penstock.ops.opaque import Opaque
from penstock.tables import as_html

__all__ = ["Opaque", "Report", "Row"]

_HEADINGS = ("part", "what", "native", "how, or why not")
Way = Literal["lowered", "recorded", "torch"]


@dataclasses.dataclass(frozen=True)
class Row:
    """One part of a loader.

    Attributes:
        part: "dataset", "sampler", "transform", "collation", "loader", or an option of penstock's own.
        name: What the user wrote, shortened.
        native: Whether penstock does it.
        reason: How it is done natively, or why it is not.
    """

    part: str
    name: str
    native: bool
    reason: str


@dataclasses.dataclass(frozen=True)
class Report:
    """How a loader's batches are made, as `penstock.explain(loader)` returns it.

    Attributes:
        rows: The loader's parts in the order of the data.
        way: "lowered" if Rust threads make the batches, "recorded" if torch's workers run the user's code on images
            that record, and Rust threads make those images whose pixels the code does not touch, "torch" if torch's
            own machinery makes all.
        threads: Threads that work for one iterator; 0 on torch's way.
        batch_bytes: Bytes of the image tensor of a full batch; None if it is not known in advance.
        made_by: Who makes the batches on torch's way, in words.
        hypothetical: Whether the loader is of torch's own class, and this is what penstock's would do.
        resuming: What is done again where the loader goes on from a state in the middle of an epoch.
        rng: What samples draw from: "torch" for torch's generators and Python's, "index" for numbers of their own.
        bad: What becomes of samples that cannot be loaded; empty if they raise.
    """

    rows: tuple[Row, ...]
    way: Way
    threads: int = 0
    batch_bytes: int | None = None
    made_by: str = "torch's own machinery"
    hypothetical: bool = False
    resuming: tuple[str, ...] = ()
    rng: str = "torch"
    bad: str = ""

    @property
    def native(self) -> bool:
        """Whether the batches are made natively without any code of the user's."""
        return self.way == "lowered"

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the loader is not native: one line for each part that keeps it from being so."""
        return tuple(f"{row.part} {row.name}: {row.reason}" for row in self.rows if not row.native)

    def __str__(self) -> str:
        lines = [self._verdict()]
        widths = [max(len(getattr(row, field)) for row in self.rows) for field in ("part", "name")] if self.rows else []
        for row in self.rows:
            mark = "native" if row.native else "python"
            lines.append(f"  {row.part:<{widths[0]}}  {row.name:<{widths[1]}}  {mark}  {row.reason}".rstrip())
        lines += [f"  to resume, {note}" for note in self.resuming]
        lines += [f"  of bad samples, {self.bad}"] if self.bad else []
        return "\n".join(lines)

    def __rich__(self) -> Any:
        from rich.markup import escape
        from rich.table import Table

        table = Table(title=self._verdict(), title_justify="left")
        for heading in _HEADINGS:
            table.add_column(heading)
        for part, name, native, reason in self._cells():
            table.add_row(part, escape(name), native if native == "yes" else f"[bold red]{native}[/]", escape(reason))
        return table

    def _repr_html_(self) -> str:
        """Return the table as a notebook shows it."""
        return as_html(self._verdict(), _HEADINGS, self._cells())

    def _cells(self) -> list[tuple[str, str, str, str]]:
        return [(row.part, row.name, "yes" if row.native else "no", row.reason) for row in self.rows]

    def _verdict(self) -> str:
        others = "this is torch's own class; with penstock's, " if self.hypothetical and self.way != "torch" else ""
        if self.rng == "index" and self.way != "lowered":
            how = "nobody makes these batches: rng='index' needs a loader that is native as a whole, and iter() raises"
        elif self.way == "recorded":
            how = "torch's workers run this code on images that record; stats() tells what became native"
        elif self.way == "torch":
            how = f"{self.made_by} makes these batches"
        else:
            size = "" if self.batch_bytes is None else f", {self.batch_bytes / 2**20:.2f} MiB a batch"
            how = f"{self.threads} thread{'s' * (self.threads != 1)} make these batches natively{size}"
        return f"penstock: {others}{how}"
