"""How many photographs come from so many cores, with torch's class and with penstock's.

    python benches/python/cores.py FOLDER

FOLDER is an ImageFolder of JPEGs. For 1, 2, 4 and so on up to all cores, each class goes through epochs in a process
of its own that is held to so many cores, `num_workers` being their number. Writes
`benches/record/<date>-cores-<processor>.json` and `.md`, and BENCHMARKS.md's table. `benches/README.md` says more.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import tables

HERE = Path(__file__).resolve().parent
# Photographs of an epoch for each core, so that either class takes some seconds.
PER_CORE = {"penstock": 1600, "torch": 320}


def counts(most: int) -> list[int]:
    """Return the powers of two below the number of cores, and that number."""
    return [*(1 << k for k in range(most.bit_length()) if 1 << k < most), most]


def measure(root: Path, rounds: int) -> list[dict[str, Any]]:
    """Measure both classes in turns at every number of cores."""
    found = []
    for number in counts(len(os.sched_getaffinity(0))):
        rates: dict[str, list[float]] = {which: [] for which in PER_CORE}
        for _ in range(rounds):
            for which, images in PER_CORE.items():
                command = [sys.executable, str(HERE / "photo_epochs.py"), str(root), str(root), "--loader", which]
                command += ["--threads", str(number), "--epochs", "1", "--images", str(images * number)]
                printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                rates[which] += json.loads(printed)["later"]
        found.append({"cores": number, "rates": rates})
    return found


def rows_of(found: list[dict[str, Any]]) -> list[tables.Row]:
    """Return a row for every number of cores."""
    rows = []
    for case in found:
        ours, theirs = (statistics.median(rates) for rates in case["rates"].values())
        ratio = statistics.median(a / b for a, b in zip(*case["rates"].values(), strict=True))
        alone = statistics.median(found[0]["rates"]["penstock"])
        setting = f"num_workers={case['cores']}, held to so many cores"
        mine = f"{ours:,.0f} images/s, {ours / alone:.1f} times one core"
        against = f"torch's DataLoader: {theirs:,.0f} images/s"
        rows.append(tables.Row("RandomResizedCrop(224), flip", setting, mine, against, ratio, "times"))
    return rows


def main() -> None:
    """Measure and write."""
    parser = tables.options(__doc__, rounds=3)
    parser.add_argument("folder", type=Path, help="an ImageFolder of JPEG files")
    arguments = parser.parse_args()
    record = {**tables.about(arguments.rounds), "cases": measure(arguments.folder, arguments.rounds)}
    tables.publish(record, rows_of(record["cases"]), arguments, "cores")


if __name__ == "__main__":
    main()
