"""What one thread makes of photographs, beside torchvision's transforms on Pillow and on tensors.

    python benches/python/photos.py FOLDER

FOLDER is an ImageFolder of JPEGs; a hundred photographs of ImageNet's kind say what there is to say. Writes
`benches/record/<date>-photographs-<processor>.json` and `.md`. Rates are images per second of processor time, of all
threads of the process, so that files which are read by another thread are not free. `benches/README.md` says more.
"""

import argparse
import datetime
import json
import math
import os
import re
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import tables
import torch
from torch.utils.data import DataLoader
from torchvision import transforms as v1
from torchvision.datasets import ImageFolder
from torchvision.io import ImageReadMode, decode_image
from torchvision.transforms import v2

import penstock
from penstock import machine

RECORD = Path(__file__).resolve().parent.parent / "record"
BATCH = 32
EPOCH = 1000
NORMALIZE = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
TRAINING = [v1.RandomResizedCrop(224), v1.RandomHorizontalFlip(), v1.ToTensor(), v1.Normalize(*NORMALIZE)]
VALIDATION = [v1.Resize(256), v1.CenterCrop(224), v1.ToTensor(), v1.Normalize(*NORMALIZE)]
ON_TENSORS = [
    v2.RandomResizedCrop(224, antialias=True),
    v2.RandomHorizontalFlip(),
    v2.ToDtype(torch.float32, scale=True),
    v2.Normalize(*NORMALIZE),
]


def as_tensor(path: str) -> Any:
    """Open a file as torchvision's own decoder does."""
    return decode_image(path, mode=ImageReadMode.RGB)


def one_epoch(loader: Any) -> float:
    """Return the images per second of processor time."""
    start = time.process_time()
    images = sum(len(batch) for batch, _ in loader)
    return images / (time.process_time() - start)


def measure(root: Path, rounds: int) -> list[dict[str, Any]]:
    """Measure each comparison, its sides in turns."""

    def loader(cls: Any, steps: list[Any], **options: Any) -> Any:
        dataset = ImageFolder(str(root), v1.Compose(steps), **options)
        # Every file several times: an epoch begins with some milliseconds that do not grow with its length.
        dataset.samples *= math.ceil(EPOCH / len(dataset.samples))
        return cls(dataset, BATCH, shuffle=True, generator=torch.Generator().manual_seed(0))

    training = loader(penstock.DataLoader, TRAINING)
    validation = loader(penstock.DataLoader, VALIDATION)
    pillow = "torchvision v1 on Pillow"
    cases: list[tuple[str, str, Any, Any, float]] = [
        ("RandomResizedCrop(224), flip", pillow, training, loader(DataLoader, TRAINING), 4.5),
        (
            "the same",
            "torchvision v2 on tensors",
            training,
            loader(DataLoader, ON_TENSORS, loader=as_tensor),
            3.2,
        ),
        ("Resize(256), CenterCrop(224)", pillow, validation, loader(DataLoader, VALIDATION), 3.5),
    ]
    found = []
    for name, other, ours, theirs, target in cases:
        if not penstock.explain(ours).native:
            raise SystemExit(str(penstock.explain(ours)))
        one_epoch(ours), one_epoch(theirs)
        rates = [[one_epoch(ours), one_epoch(theirs)] for _ in range(rounds)]
        found.append({"figure": name, "against": other, "target": target, "rates": rates})
    return found


def rows_of(measured: list[dict[str, Any]]) -> list[tables.Row]:
    """Return what to tell of each comparison."""
    rows = []
    for case in measured:
        ours, theirs = (statistics.median(rates) for rates in zip(*case["rates"], strict=True))
        ratio = statistics.median(mine / other for mine, other in case["rates"])
        against = f"{case['against']}: {theirs:,.0f} images/s"
        setting = f"batch {BATCH}, 1 thread, later epochs"
        rows.append(
            tables.Row(case["figure"], setting, f"{ours:,.0f} images/s", against, ratio, "times", case["target"])
        )
    return rows


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="an ImageFolder of JPEG files")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each side")
    parser.add_argument("--out", type=Path, default=RECORD, help="folder of the record")
    arguments = parser.parse_args()
    if os.environ.get("PENSTOCK_NUM_THREADS") != "1":
        # The engine reads it once, when it starts.
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PENSTOCK_NUM_THREADS": "1"})
    torch.set_num_threads(1)
    record: dict[str, Any] = {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "machine": machine.describe(),
        "versions": machine.versions(),
        "source": machine.commit(),
        "load_before": os.getloadavg()[0],
        "files": sum(1 for _ in arguments.folder.rglob("*.*")),
        "measured": measure(arguments.folder, arguments.rounds),
    }
    table, where = tables.markdown(rows_of(record["measured"])), tables.conditions(record)
    slug = re.sub(r"[^a-z0-9]+", "-", record["machine"]["cpu"].lower()).strip("-")
    name = f"{record['date'][:10]}-photographs-{slug}"
    arguments.out.mkdir(parents=True, exist_ok=True)
    (arguments.out / f"{name}.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    text = f"# Photographs, {record['date'][:10]}\n\n{where}\n\n{table}\n"
    (arguments.out / f"{name}.md").write_text(text, encoding="utf-8")
    print(table)


if __name__ == "__main__":
    main()
