"""From measured numbers to rows, and from rows to Markdown."""

import argparse
import dataclasses
import datetime
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from penstock import machine

__all__ = ["Row", "about", "markdown", "options", "publish", "publish_table", "rows_of"]

ROOT = Path(__file__).resolve().parents[2]


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        figure: What is told.
        setting: Batch size, workers, threads.
        ours: penstock's own figure.
        against: The other figure, with its name.
        value: Ours as a multiple or a share of the other.
        unit: "times" or "%".
        target: What it should at least be; None if it is only reported.
    """

    figure: str
    setting: str
    ours: str
    against: str
    value: float
    unit: str
    target: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the target is reached; None if there is none."""
        return None if self.target is None else self.value >= self.target


def rows_of(record: Mapping[str, Any]) -> list[Row]:
    """Return the rows of everything that was measured.

    Args:
        record: As `record.py` makes it.
    """
    rows: list[Row] = []
    single = record["one_thread"]
    floats = [case for case in single if case["output"] == "float32"]
    for way, name, target in (
        ("engine", "native batches, one thread", 100.0),
        ("loader", "the same through the loader", None),
    ):
        for case in floats:
            threads = "1 thread for everything" if way == "engine" else "num_workers=1, whole epochs"
            rows.append(
                Row(
                    name,
                    f"batch {case['batch']}, {threads}",
                    _images(case["rates"][way]),
                    f"torchvision v1 + collate in one process: {_images(case['rates']['torchvision'])}",
                    case["times_torchvision"][way],
                    "times",
                    target,
                )
            )
    for case in record["loaders"]:
        setting = f"batch {case['batch']}, num_workers={case['workers']}"
        rows.append(
            Row(
                "whole epochs of 50,000, workers' start included",
                f"{setting}, {case['threads']} threads",
                _images(case["penstock"]["images_per_second"]),
                f"torch's DataLoader: {_images(case['torch']['images_per_second'])}",
                case["times"]["images_per_second"],
                "times",
                60.0,
            )
        )
    kernels = record["kernels"] or {}
    if "float32" in kernels:
        rows.append(_kernel_row("share of the memory limit, kernel", "float32", kernels["float32"], 40.0))
    rows += [_memory_row("the same, whole batches through Python", case, kernels) for case in floats]
    for case in record["loaders"]:
        ours, theirs = (case[which]["first_batch_seconds"] for which in ("penstock", "torch"))
        rows.append(
            Row(
                "first batch after iter()",
                f"batch {case['batch']}, num_workers={case['workers']}, fork",
                f"{1e3 * ours:.1f} ms",
                f"torch's DataLoader: {1e3 * theirs:.1f} ms",
                case["times"]["first_batch_seconds"],
                "times",
                10.0,
            )
        )
    for case in record["memory"]:
        ours, theirs = (case[which]["added_bytes"] for which in ("penstock", "torch"))
        rows.append(
            Row(
                "memory added while iterating",
                f"batch {case['batch']}, num_workers={case['workers']}",
                f"{ours / 2**20:.1f} MiB",
                f"torch's DataLoader: {theirs / 2**20:.1f} MiB",
                theirs / ours,
                "times",
                5.0,
            )
        )
    for case in single:
        if case["output"] != "float32":
            if (rates := kernels.get(case["output"])) is not None:
                rows.append(_kernel_row(f"{case['output']}: share of its limit, kernel", case["output"], rates, None))
            rows.append(_memory_row(f"{case['output']}: through Python", case, kernels))
    return rows


def _kernel_row(figure: str, output: str, rates: Mapping[str, float], target: float | None) -> Row:
    share = 100 * rates["render"] / rates["fill"]
    setting = f"{output}, batch 512, 1 thread"
    return Row(figure, setting, _bytes(rates["render"]), f"plain fill: {_bytes(rates['fill'])}", share, "%", target)


def _memory_row(figure: str, case: Mapping[str, Any], kernels: Mapping[str, Mapping[str, float]]) -> Row:
    rates = case["rates"]
    ours = rates["engine, memory"] * case["batch_bytes"] / case["batch"]
    # The quickest of all fills, whichever program made it.
    fills = [rate for name, rate in rates.items() if name.startswith("fill")]
    fills += [kernels[case["output"]]["fill"]] if case["output"] in kernels else []
    setting = f"{case['output']}, batch {case['batch']}, 1 thread"
    return Row(figure, setting, _bytes(ours), f"plain fill: {_bytes(max(fills))}", 100 * ours / max(fills), "%")


def _images(rate: float) -> str:
    return f"{rate:,.0f} images/s"


def _bytes(rate: float) -> str:
    return f"{rate / 1e9:.2f} GB/s"


def markdown(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = ["| figure | measured with | penstock | against | ratio | at least |", "| --- " * 6 + "|"]
    for row in rows:
        digits = 1 if row.value >= 10 else 2
        value = f"{row.value:.{digits}f} times" if row.unit == "times" else f"{row.value:.0f} %"
        target = "reported"
        if row.target is not None:
            target = f"{row.target:g} {row.unit}: {'met' if row.met else '**missed**'}"
        lines.append(f"| {row.figure} | {row.setting} | {row.ours} | {row.against} | {value} | {target} |")
    return "\n".join(lines)


def options(description: str | None, *, rounds: int = 5) -> argparse.ArgumentParser:
    """Return the parser of a script that writes a record, with what all of them take.

    Args:
        description: The script's docstring, of which the first line is shown.
        rounds: By default.
    """
    parser = argparse.ArgumentParser(description=(description or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=rounds, help="turns of each side")
    parser.add_argument("--out", type=Path, default=ROOT / "benches" / "record", help="folder of the record")
    parser.add_argument("--no-readme", action="store_true", help="leave BENCHMARKS.md, or README.md, as it is")
    return parser


def about(rounds: int) -> dict[str, Any]:
    """Return what a record begins with: when, on what and of what it is measured."""
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine.describe(),
        "versions": machine.versions(),
        "source": machine.commit(),
        "rounds": rounds,
        "load_before": os.getloadavg()[0],
    }


def publish(record: Mapping[str, Any], rows: Sequence[Row], arguments: argparse.Namespace, kind: str = "") -> None:
    """Write a record's files and its table in BENCHMARKS.md, and print the table.

    Args:
        record: What was measured.
        rows: Those of its table.
        arguments: The script's. BENCHMARKS.md gets the rows that have a target, all if none has.
        kind: Of figures; names the files and the page's markers.
    """
    short = markdown([row for row in rows if row.target is not None] or rows)
    publish_table(record, markdown(rows), arguments, kind, short=short)


def publish_table(
    record: Mapping[str, Any],
    table: str,
    arguments: argparse.Namespace,
    kind: str,
    *,
    short: str | None = None,
    page: str = "BENCHMARKS.md",
) -> None:
    """Do the same with a table that is Markdown already.

    Args:
        record: What was measured.
        table: What is printed and stands beside the record.
        arguments: The script's.
        kind: Of figures; names the files and the page's markers.
        short: What the page gets; the table if None.
        page: A file at the top of the repository.
    """
    where = _conditions(record)
    slug = re.sub(r"[^a-z0-9]+", "-", record["machine"]["cpu"].lower()).strip("-")
    name = "-".join(filter(None, (record["date"][:10], kind, slug)))
    title = f"{kind.capitalize() or 'Figures'}, {record['date'][:10]}"
    folder: Path = arguments.out
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    (folder / f"{name}.md").write_text(f"# {title}\n\n{where}\n\n{table}\n", encoding="utf-8")
    if not arguments.no_readme:
        link = f"[benches/record/{name}.json](benches/record/{name}.json)"
        rounds = f"Medians of {record['rounds']} rounds" if record["rounds"] > 1 else "One round"
        note = f"{where} {rounds} in turns; all numbers: {link}, their meaning: "
        _rewrite(ROOT / page, f"{short or table}\n\n{note}[benches/README.md](benches/README.md).", kind or "figures")
    print(table)


def _conditions(record: Mapping[str, Any]) -> str:
    """Return a line that says what a record was measured on."""
    machine, source = record["machine"], record["source"]
    names = {"python": "Python", "numpy": "NumPy", "pillow": "Pillow"}
    versions = ", ".join(f"{names.get(name, name)} {version}" for name, version in record["versions"].items())
    commit = "unknown"
    if source is not None:
        commit = source["commit"][:12] + (" with changes" if source["dirty"] else "")
    return (
        f"{machine['cpu']}, {machine['cores_usable']} cores ({machine['vector_level']}), "
        f"{machine['gpu'] + ', ' if 'gpu' in machine else ''}{machine['system']}; "
        f"{versions}; commit {commit}; {record['date'][:10]}."
    )


def _rewrite(page: Path, text: str, name: str) -> None:
    """Put text between the markers of that name in a file."""
    before, begin, rest = page.read_text(encoding="utf-8").partition(f"<!-- {name}: begin -->")
    _, end, after = rest.partition(f"<!-- {name}: end -->")
    if not begin or not end:
        raise SystemExit(f"{page} has no markers for {name}")
    page.write_text(f"{before}{begin}\n{text}\n{end}{after}", encoding="utf-8")
