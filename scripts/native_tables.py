"""Write the table of operations in docs/native.md from the package's own; with `--check`, only say if it is stale."""

import argparse
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from penstock.ops.operation import Operation
from penstock.ops.table import TABLE

PAGE = Path(__file__).parents[1] / "docs" / "native.md"
BEGIN, END = "<!-- operations: begin -->", "<!-- operations: end -->"
HEADINGS = ("operation", "transforms of both generations", "calls on images", "on tensors of bytes")


def row_of(operation: Operation) -> tuple[str, ...]:
    """Return what an operation is natively, one cell for each heading."""
    transforms = sorted({kind.__name__ for kind in (*operation.transforms, *operation.batches)})
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


def table() -> str:
    """Return the table as Markdown."""
    # What is nobody's call is a step of others.
    rows = [HEADINGS, ("---",) * len(HEADINGS), *(row for row in map(row_of, TABLE) if any(row[1:]))]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def updated(text: str) -> str:
    """Return the page's text with the table in its place."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main() -> int:
    """Write the table, or check it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the table is stale")
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
