"""Write the tables of docs/native.md from the package's own; with `--check`, only say if they are stale."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from penstock.conversion import CONVERSIONS, CONVERTING
from penstock.ops.operation import Operation
from penstock.ops.table import TABLE

PAGE = Path(__file__).parents[1] / "docs" / "native.md"
HEADINGS = ("operation", "transforms of both generations", "calls on images", "on tensors of bytes")


def row_of(operation: Operation) -> tuple[str, ...]:
    """Return what an operation is natively, one cell for each heading."""
    transforms = sorted({kind.__name__ for kind in (*operation.transforms, *operation.batches)})
    transforms += map(_last, operation.named)
    images = [f"Image.{name}" for name in operation.methods]
    images += [_called(owner, name) for owner, name in operation.calls]
    images += [f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}" for kind in operation.enhancers]
    images += [f"{kind.__module__.rpartition('.')[2]}.{kind.__name__}" for kind in operation.filters]
    tensors = [f"v2.functional.{function.__name__}" for function in operation.kernels]
    tensors += [f"functional.{name}" for _, name in operation.tensor_calls]
    return operation.name, *map(_listed, (transforms, images, tensors))


def _called(owner: Any, name: str) -> str:
    module = owner.__name__.rpartition(".")[2]
    return f"functional.{name}" if module.startswith("_functional") else f"{module}.{name}"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in dict.fromkeys(names))


def operations() -> str:
    """Return the table of operations."""
    # What is nobody's call is a step of others.
    return _table(HEADINGS, (row for row in map(row_of, TABLE) if any(row[1:])))


def conversions() -> str:
    """Return the table of conversions."""
    rows = [
        (
            _listed((*(kind.__name__ for kind in conversion.transforms), *map(_last, conversion.named))),
            _listed(_named(*call) for call in conversion.calls),
        )
        for conversion in CONVERSIONS
    ]
    others = _listed(kind.__name__ for kind, conversion in CONVERTING.items() if conversion is None)
    return _table(("transforms of both generations", "calls"), [*rows, (others, "")])


def _last(name: str) -> str:
    return name.rpartition(".")[2]


def _named(module: Any, name: str) -> str:
    return f"{'v2.' if '.v2' in module.__name__ else ''}functional.{name}"


def _table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (headings, ("---",) * len(headings), *rows))


def updated(text: str) -> str:
    """Return the page's text with the tables in their places."""
    for table in (operations, conversions):
        begin, end = (f"<!-- {table.__name__}: {edge} -->" for edge in ("begin", "end"))
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n{table()}\n{end}{after}"
    return text


def main() -> int:
    """Write the tables, or check them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the tables are stale")
    arguments = parser.parse_args()
    text = PAGE.read_text(encoding="utf-8")
    if arguments.check:
        if updated(text) != text:
            print("docs/native.md is stale: run `make generated`", file=sys.stderr)
            return 1
        return 0
    PAGE.write_text(updated(text), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
