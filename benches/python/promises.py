"""What is never slower than torch's loader: data sets that keep their images, touch their views, take whole ones.

    python benches/python/promises.py FOLDER

FOLDER is an ImageFolder of JPEGs. Both classes go through whole epochs in turns, after one in which files are seen and
what is kept is made; the memory is that of all processes in such an epoch. Writes
`benches/record/<date>-promises-<processor>.json` and `.md`, and BENCHMARKS.md's table of promises.
"""

import dataclasses
import os
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tables
import torch
from augmentations import epoch
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from torchvision.io import read_image
from torchvision.transforms import functional

import penstock
from penstock import measure

CLASSES = {"torch": DataLoader, "penstock": penstock.DataLoader}
FLIP = transforms.Compose([transforms.RandomHorizontalFlip(), transforms.ToTensor()])
CROP = transforms.Compose([transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip()])
# Patches of a kept image, and what they are cut from.
PATCH, KEPT_SIDE = 64, 160


class Own(Dataset[Any]):
    """A data set of files: what is made of each path.

    Args:
        paths: Of photographs.
        make: Called with a path.
    """

    def __init__(self, paths: list[str], make: Callable[[str], Any]) -> None:
        self.paths, self.make = paths, make

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Any:
        return self.make(self.paths[index])


class Kept(Own):
    """The same, that keeps what it has made of a path.

    Args:
        paths: Of photographs.
        make: Called with a path, once in each process.
        use: Called with what was made.
    """

    def __init__(self, paths: list[str], make: Callable[[str], Any], use: Callable[[Any], Any]) -> None:
        super().__init__(paths, make)
        self.use = use
        self.kept: dict[int, Any] = {}

    def __getitem__(self, index: int) -> Any:
        if index not in self.kept:
            self.kept[index] = self.make(self.paths[index])
        return self.use(self.kept[index])


@dataclasses.dataclass(frozen=True)
class Case:
    """A loader that both classes make.

    Attributes:
        figure: What it loads.
        dataset: Called for each class, as what is kept belongs to one loader.
        target: How many times as fast it is at least.
        options: The loader's own.
        wall: Whether the target is the wall's; else the processor's and the wall's both.
        keeps: Whether memory is measured.
    """

    figure: str
    dataset: Callable[[], Dataset[Any]]
    target: float
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    wall: bool = False
    keeps: bool = False


def opened(path: str) -> Any:
    """Open an image in colour, as most data sets do."""
    return Image.open(path).convert("RGB")


def touched(image: Any) -> Any:
    """Make a view that Python touches."""
    return torch.from_numpy(np.array(CROP(image), dtype=np.float32).transpose(2, 0, 1) ** 0.9)


def several(count: int) -> Callable[[str], Any]:
    """Return what makes touched views of an image."""

    def views(path: str) -> list[Any]:
        image = opened(path)
        return [touched(image) for _ in range(count)]

    return views


def patch(image: Any) -> Any:
    """Cut a patch of a kept image."""
    left, top = (int(torch.randint(KEPT_SIDE - PATCH, ())) for _ in range(2))
    return FLIP(image.crop((left, top, left + PATCH, top + PATCH)))


def flipped(tensor: torch.Tensor) -> torch.Tensor:
    """Flip a kept tensor now and then."""
    return tensor.flip(-1) if torch.rand(()) < 0.5 else tensor


def cases(root: Path, count: int) -> list[Case]:
    """Return the loaders.

    Args:
        root: An ImageFolder.
        count: Samples of an epoch.
    """
    files = sorted(str(path) for path in root.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg"))
    paths = [files[k % len(files)] for k in range(count)]
    few = [files[k % len(files)] for k in range(count // 4)]

    def small(path: str) -> Any:
        return opened(path).resize((96, 96))

    kept: list[tuple[str, Callable[[str], Any], Callable[[Any], Any]]] = [
        ("images", small, FLIP),
        ("tensors", lambda path: functional.to_tensor(small(path)), flipped),
        ("patches of an image", lambda path: opened(path).resize((KEPT_SIDE, KEPT_SIDE)), patch),
    ]
    found = [
        Case(
            f"kept in memory: {name}; {'persistent' if persistent else 'new'} workers",
            lambda make=make, use=use: Kept(paths, make, use),  # type: ignore[misc]
            0.97,
            # In the files' order, so that a worker meets in each epoch what it keeps.
            {"batch_size": 32, "shuffle": False, "persistent_workers": persistent},
            keeps=True,
        )
        for name, make, use in kept
        for persistent in (True, False)
    ]
    found += [
        Case(f"{views} touched views of an image", lambda views=views: Own(few, several(views)), 0.97)  # type: ignore[misc]
        for views in (2, 8, 10)
    ]
    found += [
        Case(
            "`np.array(image)` after RandomResizedCrop, flip",
            lambda: Own(paths, lambda path: np.array(CROP(opened(path)))),
            3,
        ),
        Case(
            "`pil_to_tensor(image).clone()` after the same",
            lambda: Own(paths, lambda path: functional.pil_to_tensor(CROP(opened(path))).clone()),
            3,
        ),
    ]
    whole = {"batch_size": 2, "collate_fn": lambda batch: tuple(zip(*batch, strict=True))}
    ways: dict[str, Callable[[str], Any]] = {
        "pil_to_tensor": lambda path: (functional.pil_to_tensor(opened(path)), path),
        "read_image": lambda path: (read_image(path), path),
        "to_tensor": lambda path: (functional.to_tensor(opened(path)), path),
    }
    found += [
        Case(f"whole images: {name}, `tuple(zip(*batch))`", lambda way=way: Own(few, way), 1.5, whole, wall=True)  # type: ignore[misc]
        for name, way in ways.items()
    ]
    return found


def memory_of(loader: Any) -> float:
    """Return the most memory that all processes hold in an epoch, in bytes, files' pages not counted."""
    seen = [0]
    for position, _ in enumerate(loader):
        if position % 8 == 0:
            seen.append(measure.memory_bytes() or 0)
    return max(seen)


def compared(case: Case, rounds: int) -> dict[str, Any]:
    """Measure epochs of both classes in turns, and then the memory of each."""
    options = {"batch_size": 16, "shuffle": True, "num_workers": 2, **case.options}
    turns: list[dict[str, tuple[float, float]]] = [{} for _ in range(rounds)]
    memory = {}
    sides: dict[str, Any] = {}
    for which, cls in CLASSES.items():
        sides[which] = cls(case.dataset(), **options)
        epoch(sides[which])
        epoch(sides[which])
    for turn in turns:
        for which, loader in sides.items():
            turn[which] = _epoch(loader, persistent=bool(options.get("persistent_workers")))
    seen = penstock.stats(sides["penstock"])
    sides.clear()
    if case.keeps:
        for which, cls in CLASSES.items():
            loader = cls(case.dataset(), **options)
            epoch(loader)
            memory[which] = memory_of(loader)
            del loader
    return {
        "figure": case.figure,
        "target": case.target,
        "wall": case.wall,
        "way": seen.way,
        "native_share": seen.native_share,
        "turns": turns,
        "memory": memory,
    }


def _epoch(loader: Any, *, persistent: bool) -> tuple[float, float]:
    """Return the wall's and the processor's seconds; those of workers that go on are read while they live."""
    if not persistent:
        return epoch(loader)
    before = measure.cpu_seconds() or 0.0
    wall, _ = epoch(loader)
    return wall, (measure.cpu_seconds() or 0.0) - before


def rows_of(record: dict[str, Any]) -> list[tables.Row]:
    """Return what to tell of each comparison."""
    rows = []
    for case in record["cases"]:
        turns = case["turns"]
        wall, processor = (statistics.median(turn["torch"][k] / turn["penstock"][k] for turn in turns) for k in (0, 1))
        setting = f"num_workers=2, {case['way']}"
        told = wall if case["wall"] else min(wall, processor)
        both = f"{wall:.2f} by the clock, {processor:.2f} in processor time"
        rows.append(tables.Row(case["figure"], setting, both, "torch's DataLoader", told, "times", case["target"]))
        if case["memory"]:
            theirs, ours = (case["memory"][which] for which in CLASSES)
            held, against = f"{ours / 2**20:,.0f} MiB", f"torch's DataLoader: {theirs / 2**20:,.0f} MiB"
            rows.append(
                tables.Row(f"{case['figure']}: memory", setting, held, against, 1.1 * theirs / ours, "times", 1.0)
            )
    return rows


def main() -> None:
    """Measure and write."""
    # Data sets of one's own are recorded here, those that would be lowered too.
    os.environ["PENSTOCK_RECORD"] = "1"
    parser = tables.options(__doc__, rounds=3)
    parser.add_argument("folder", type=Path, help="an ImageFolder of JPEG files")
    parser.add_argument("--samples", type=int, default=2000, help="of an epoch")
    parser.add_argument("--only", default="", help="measure the figures whose names hold this")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    chosen = [case for case in cases(arguments.folder, arguments.samples) if arguments.only in case.figure]
    record: dict[str, Any] = {**tables.about(arguments.rounds), "cases": []}
    for case in chosen:
        record["cases"].append(compared(case, arguments.rounds))
        print(tables.markdown(rows_of({"cases": record["cases"][-1:]})), flush=True)
    tables.publish(record, rows_of(record), arguments, "promises")


if __name__ == "__main__":
    main()
