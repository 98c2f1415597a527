"""The six figures in README by which a user decides, each beside torch's loader, in one run.

    python benches/python/front.py FOLDER

FOLDER is an ImageFolder of JPEGs. Each loader goes through whole epochs of either class, in turns, after one in which
its files are seen first; it takes about five minutes on two cores, and wants timm, of whose defaults one row is. Writes
`benches/record/<date>-front-<processor>.json` and `.md`, and README's table. `benches/README.md` says more.
"""

import dataclasses
import functools
import os
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cifar
import photos
import tables
import timm.data
import torch
from augmentations import Own, Views, epoch, moco
from recorded import Table
from torch.utils.data import DataLoader
from torchvision import transforms
from torchvision.datasets import ImageFolder

import penstock
from penstock.bench import Child, Subject

CLASSES = {"torch": DataLoader, "penstock": penstock.DataLoader}
# A batch of photographs, and one of CIFAR's images.
BATCH, SMALL_BATCH = 32, 128
# What memory is measured with: batches of a pass, and workers.
BATCHES, WORKERS = 60, 2
HEADINGS = ("a loader", "torch's DataLoader", "penstock", "by the clock", "in processor time")


@dataclasses.dataclass(frozen=True)
class Case:
    """A loader that both classes make.

    Attributes:
        figure: What it loads.
        way: On which penstock has to make it; anything else is a fault of the run.
        make: Called with a class.
        samples: Of an epoch.
    """

    figure: str
    way: str
    make: Callable[[Any], Any]
    samples: int


def cases(root: Path, small: Path, count: int) -> list[Case]:
    """Return the loaders of which whole epochs are measured.

    Args:
        root: An ImageFolder.
        small: A folder with CIFAR-10's files.
        count: Photographs of an epoch.
    """

    def folder(*steps: Any) -> ImageFolder:
        dataset = ImageFolder(str(root), transforms.Compose(steps) if steps else None)
        dataset.samples = (dataset.samples * (1 + count // len(dataset.samples)))[:count]
        return dataset

    def loader(dataset: Any, cls: Any) -> Any:
        return cls(dataset, BATCH, shuffle=True, num_workers=2)

    def timms(cls: Any) -> Any:
        make: Any = timm.data.create_loader  # type: ignore[attr-defined]
        options = {"is_training": True, "use_prefetcher": False, "num_workers": 2, "persistent_workers": False}
        if cls is DataLoader:
            return make(folder(), (3, 224, 224), BATCH, **options)
        with penstock.installed():
            return make(folder(), (3, 224, 224), BATCH, **options)

    listed = folder().samples
    crop = "RandomResizedCrop(224), flip, normalize"
    made = functools.partial(cifar.make, root=str(small), batch_size=SMALL_BATCH, workers=2)
    photographs, table = folder(*photos.TRAINING), Table(listed)
    views = Own([path for path, _ in listed], Views(moco(), moco()))
    return [
        Case("CIFAR-10: RandomCrop, flip, normalize", "lowered", made, cifar.COUNT),
        Case(f"ImageFolder of photographs: {crop}", "lowered", functools.partial(loader, photographs), count),
        Case(f"a `Dataset` of one's own, unedited: {crop}", "lowered", functools.partial(loader, table), count),
        Case("self-supervised: MoCo v2's two views", "recorded", functools.partial(loader, views), count),
        Case("timm's `create_loader` for training, its defaults", "lowered", timms, count),
    ]


def epochs(case: Case, rounds: int) -> dict[str, Any]:
    """Measure whole epochs of both classes in turns: seconds of the wall's clock, and of processors."""
    loaders = {which: case.make(cls) for which, cls in CLASSES.items()}
    epoch(loaders["penstock"])
    turns = [{which: epoch(loader) for which, loader in loaders.items()} for _ in range(rounds)]
    seen = penstock.stats(loaders["penstock"])
    if seen.way != case.way:
        raise SystemExit(f"{case.figure} should be {case.way}, and is {seen.way}: {seen}")
    shown = {"figure": case.figure, "way": case.way, "native_share": seen.native_share, "samples": case.samples}
    return {**shown, "turns": turns}


def beginnings(small: Path, rounds: int) -> dict[str, Any]:
    """Measure first batches, and what iterating adds to the memory of all processes, in a fresh process each time."""
    options = {"root": str(small), "batch_size": SMALL_BATCH, "workers": WORKERS}
    subject = Subject("CIFAR", Path(cifar.__file__), "make", options)
    found: dict[str, dict[str, list[float]]] = {which: {"first": [], "memory": []} for which in CLASSES}
    for turn in range(rounds):
        for which, kept in found.items():
            with Child(which) as child:
                child.open(subject)
                seen = child.ask("check", seed=turn, batches=BATCHES)
                kept["first"].append(child.ask("first_batch", seed=turn))
            if seen["memory_peak"] is None:
                raise SystemExit("this system does not tell the proportional set size; a record needs Linux 5.4")
            kept["memory"].append(seen["memory_peak"] - seen["memory_before"])
    return found


def table_of(record: dict[str, Any]) -> str:
    """Return the six rows as Markdown."""
    rows = [HEADINGS, ("---",) * len(HEADINGS)]
    for case in record["epochs"]:
        turns = case["turns"]
        wall, processor = (statistics.median(each["torch"][k] / each["penstock"][k] for each in turns) for k in (0, 1))
        theirs, ours = (
            f"{case['samples'] / statistics.median(each[which][0] for each in turns):,.0f} images/s"
            for which in CLASSES
        )
        rows.append((f"{case['figure']} ({case['way']})", theirs, ours, _times(wall), _times(processor)))
    shown = []
    for which in CLASSES:
        kept = record["beginnings"][which]
        first, memory = statistics.median(kept["first"]), statistics.median(kept["memory"])
        shown.append(f"{1e3 * first:,.1f} ms; {memory / 2**20:,.1f} MiB")
    ratios = [
        statistics.median(
            theirs / ours for theirs, ours in zip(*(record["beginnings"][w][k] for w in CLASSES), strict=True)
        )
        for k in ("first", "memory")
    ]
    figure = "first batch after `iter()`; memory added while iterating (CIFAR-10)"
    rows.append((figure, *shown, f"{_times(ratios[0])}; memory {_times(ratios[1])} less", ""))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _times(ratio: float) -> str:
    return f"{ratio:.{1 if ratio >= 10 else 2}f} times"


def main() -> None:
    """Measure and write."""
    parser = tables.options(__doc__)
    parser.add_argument("folder", type=Path, help="an ImageFolder of JPEG files")
    parser.add_argument("--samples", type=int, default=2000, help="of an epoch over photographs")
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as scratch:
        small = Path(scratch)
        cifar.write_files(small)
        record: dict[str, Any] = {
            **tables.about(arguments.rounds),
            "epochs": [epochs(case, arguments.rounds) for case in cases(arguments.folder, small, arguments.samples)],
            "beginnings": beginnings(small, arguments.rounds),
        }
    tables.publish_table(record, table_of(record), arguments, "front", page="README.md")


if __name__ == "__main__":
    main()
