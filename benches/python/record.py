"""Measure every figure that penstock names, in one run, and write it down.

    python benches/python/record.py

writes `benches/record/<date>-<processor>.json` and `.md`, and the table in BENCHMARKS.md. It takes about four minutes
on two idle cores and wants the machine for itself: a ratio bears with noise that meets both sides, not with anything
else.
`benches/README.md` says what each figure means.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import cifar
import kernels
import tables
from rich.console import Console

from penstock.bench import Child, Subject, passes

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
BATCHES = (128, 512)
CLASSES = ("torch", "penstock")
SINGLE = ("float32:128", "float32:512", "uint8:512", "float16:512", "bfloat16:512")
SWITCHES = ("OMP_", "GOMP_", "KMP_", "MKL_", "MALLOC_", "PENSTOCK")
MEMORY_WORKERS, MEMORY_PASS_BATCHES = 8, 60

say = Console(stderr=True).print


def one_thread(root: Path, rounds: int) -> Any:
    """Return what `one_thread.py` measures."""
    done = subprocess.run(
        [sys.executable, str(HERE / "one_thread.py"), str(root), str(rounds), *SINGLE],
        env={**os.environ, "PENSTOCK_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(done.stdout)


def loaders(root: Path, batch: int, rounds: int) -> dict[str, Any]:
    """Measure whole epochs and first batches of both classes in turns; the batches must be equal."""
    workers = 2
    options = {"root": str(root), "batch_size": batch, "workers": workers}
    subject = Subject("CIFAR", HERE / "cifar.py", "make", options)
    made: dict[str, dict[str, list[float]]] = {which: {"epochs": [], "first": []} for which in CLASSES}
    with Child("torch") as torch, Child("penstock") as penstock:
        children = (torch, penstock)
        for child in children:
            child.open(subject)
        digests = [child.ask("check", seed=0, batches=None)["digests"] for child in children]
        if digests[0] != digests[1]:
            raise SystemExit("the batches differ, so there is nothing to compare")
        explained = penstock.ask("explain")
        for turn in range(rounds):
            for child in children:
                rates = [each["images"] / each["seconds"] for each in passes(child, turn)]
                made[child.which]["epochs"].append(statistics.median(rates))
        for turn in range(3 * rounds):
            for child in children:
                made[child.which]["first"].append(child.ask("first_batch", seed=turn))
    result: dict[str, Any] = {
        "batch": batch,
        "workers": workers,
        "threads": explained["threads"],
        "batches_equal": len(digests[0]),
        "rounds": made,
    }
    for which in CLASSES:
        result[which] = {
            "images_per_second": statistics.median(made[which]["epochs"]),
            "first_batch_seconds": statistics.median(made[which]["first"]),
        }
    pairs = {name: list(zip(made["torch"][name], made["penstock"][name], strict=True)) for name in ("epochs", "first")}
    result["times"] = {
        "images_per_second": statistics.median(ours / theirs for theirs, ours in pairs["epochs"]),
        "first_batch_seconds": statistics.median(theirs / ours for theirs, ours in pairs["first"]),
    }
    return result


def memory(root: Path, batch: int, rounds: int) -> dict[str, Any]:
    """Measure what iterating adds to the memory of all processes, each time in a fresh one."""
    options = {"root": str(root), "batch_size": batch, "workers": MEMORY_WORKERS}
    subject = Subject("CIFAR", HERE / "cifar.py", "make", options)
    added: dict[str, list[int]] = {which: [] for which in CLASSES}
    for turn in range(rounds):
        for which in CLASSES:
            with Child(which) as child:
                child.open(subject)
                seen = child.ask("check", seed=turn, batches=MEMORY_PASS_BATCHES)
            if seen["memory_peak"] is None:
                raise SystemExit("this system does not tell the proportional set size; a record needs Linux 5.4")
            added[which].append(seen["memory_peak"] - seen["memory_before"])
    medians = {which: {"added_bytes": statistics.median(values)} for which, values in added.items()}
    return {"batch": batch, "workers": MEMORY_WORKERS, "rounds": added, **medians}


def measure(rounds: int, *, with_kernels: bool) -> dict[str, Any]:
    """Measure everything."""
    record: dict[str, Any] = {
        **tables.about(rounds),
        # What a shell or a Makefile may have set, and what changes the figures of either side.
        "environment": {name: os.environ[name] for name in sorted(os.environ) if name.startswith(SWITCHES)},
    }
    if shutil.which("rustc") is not None:
        rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=True).stdout
        record["versions"]["rustc"] = rustc.split()[1]
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        cifar.write_files(root)
        say("kernels, and the limit (cargo bench)")
        record["kernels"] = kernels.run(ROOT) if with_kernels else None
        say("one thread")
        record["one_thread"] = one_thread(root, rounds)
        for name, work in (("loaders", loaders), ("memory", memory)):
            record[name] = []
            for batch in BATCHES:
                say(f"{name}, batches of {batch}")
                record[name].append(work(root, batch, rounds if name == "loaders" else max(1, rounds // 2)))
    return record


def main() -> None:
    """Measure and write."""
    parser = tables.options(__doc__)
    parser.add_argument("--no-kernels", action="store_true", help="leave cargo's bench out")
    arguments = parser.parse_args()
    record = measure(arguments.rounds, with_kernels=not arguments.no_kernels)
    tables.publish(record, tables.rows_of(record), arguments)


if __name__ == "__main__":
    main()
