"""What penstock makes of photographs, beside torchvision's transforms, Pillow's resize and libjpeg-turbo.

    python benches/python/photos.py FOLDER [--turbo PREFIX]

FOLDER is an ImageFolder of JPEGs; a hundred photographs of ImageNet's kind say what there is to say. Writes
`benches/record/<date>-photographs-<processor>.json` and `.md`, and BENCHMARKS.md's table of photographs. Rates of one
thread are images per second of processor time, of all threads of the process, so that files which are read by
another thread are not free. `benches/README.md` says more.
"""

import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import tables
import test_resize_bench
import torch
from torch.utils.data import DataLoader
from torchvision import transforms as v1
from torchvision.datasets import ImageFolder
from torchvision.io import ImageReadMode, decode_image
from torchvision.transforms import v2

import penstock

HERE = Path(__file__).resolve().parent
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


def one_thread(root: Path, rounds: int) -> list[dict[str, Any]]:
    """Measure each comparison with torchvision in this process, its sides in turns."""

    def loader(cls: Any, steps: list[Any], **options: Any) -> Any:
        dataset = ImageFolder(str(root), v1.Compose(steps), **options)
        # Every file several times: an epoch begins with some milliseconds that do not grow with its length.
        dataset.samples *= math.ceil(EPOCH / len(dataset.samples))
        return cls(dataset, BATCH, shuffle=True, generator=torch.Generator().manual_seed(0))

    training = loader(penstock.DataLoader, TRAINING)
    validation = loader(penstock.DataLoader, VALIDATION)
    pillow, tensors = "torchvision v1 on Pillow", "torchvision v2 on tensors"
    on_tensors = loader(DataLoader, ON_TENSORS, loader=as_tensor)
    cases: list[tuple[str, str, Any, Any, float]] = [
        ("RandomResizedCrop(224), flip", pillow, training, loader(DataLoader, TRAINING), 4.5),
        ("the same", tensors, training, on_tensors, 3.2),
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


def copies(files: list[Path], folder: Path, count: int) -> Path:
    """Write so many files no two of which are equal: a comment tells them apart."""
    (folder / "photographs").mkdir(parents=True)
    for k in range(count):
        data = files[k % len(files)].read_bytes()
        comment = f"{folder.name} {k:08}".encode()
        segment = b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment
        (folder / "photographs" / f"{k:06}.jpg").write_bytes(data[:2] + segment + data[2:])
    return folder


def in_processes(root: Path, rounds: int) -> list[dict[str, Any]]:
    """Measure first and later epochs on one core and on two, each turn in a process of its own."""
    files = [Path(path) for path, _ in ImageFolder(str(root)).samples]
    turns = []
    with tempfile.TemporaryDirectory() as scratch:
        warm, measured = (copies(files, Path(scratch) / name, n) for name, n in (("warm", 96), ("measured", EPOCH)))
        for _ in range(rounds):
            turn = {}
            for threads in (1, 2):
                script = str(HERE / "photo_epochs.py")
                command = [sys.executable, script, str(warm), str(measured), "--threads", str(threads)]
                printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
                turn[str(threads)] = json.loads(printed)
            turns.append(turn)
    return turns


def resizes(rounds: int) -> dict[str, Any]:
    """Measure the resize of a photograph beside Pillow's, pixels to pixels."""
    case = test_resize_bench.CASES[0]
    theirs, ours = test_resize_bench.library(case), test_resize_bench.native(case)
    pairs = [[test_resize_bench.seconds(ours), test_resize_bench.seconds(theirs)] for _ in range(8 * rounds)]
    return {"figure": f"resize {case}", "seconds_of_4": pairs}


def decoders(root: Path, prefix: Path, rounds: int) -> dict[str, Any]:
    """Measure the decoder beside libjpeg-turbo's, by the package that stands outside of the workspace."""
    package = HERE.parent / "libjpeg-turbo"
    command = ["cargo", "run", "--release", "--quiet", "--", str(root.resolve()), str(4 * rounds)]
    environment = {**os.environ, "LIBJPEG_TURBO": str(prefix.resolve())}
    done = subprocess.run(command, cwd=package, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured


def rows_of(record: dict[str, Any]) -> list[tables.Row]:
    """Return what to tell of each comparison."""
    rows = []

    def add(*columns: Any) -> None:
        figure, setting, ours, against, ratio, target = columns
        rows.append(tables.Row(figure, setting, ours, against, ratio, "times", target))

    for case in record["one_thread"]:
        ours, theirs = (statistics.median(rates) for rates in zip(*case["rates"], strict=True))
        ratio = statistics.median(mine / other for mine, other in case["rates"])
        against = f"{case['against']}: {theirs:,.0f} images/s"
        setting = f"batch {BATCH}, 1 thread, later epochs"
        add(case["figure"], setting, f"{ours:,.0f} images/s", against, ratio, case["target"])
    turns = record["processes"]
    later = {n: [statistics.median(turn[n]["later"]) for turn in turns] for n in ("1", "2")}
    one, two = (statistics.median(later[n]) for n in ("1", "2"))
    ratio = statistics.median(b / a for a, b in zip(later["1"], later["2"], strict=True))
    name, where = "RandomResizedCrop(224), two threads", "num_workers=2, on 2 cores"
    add(name, where, f"{two:,.0f} images/s", f"one on 1 core: {one:,.0f} images/s", ratio, 1.9)
    first = [turn["1"]["first"] for turn in turns]
    ratio = statistics.median(a / b for a, b in zip(first, later["1"], strict=True))
    name, whole = "first epoch, whole files checked", f"{statistics.median(first):,.0f} images/s"
    add(name, "num_workers=1, on 1 core", whole, f"later ones: {one:,.0f} images/s", ratio, None)
    if (turbo := record["decoder"]) is not None:
        library = f"libjpeg-turbo {turbo['version']}"
        crop = f"{library}, skip and crop: {turbo['crop'][1]:.0f} us"
        for figure, key, against, target in (
            ("decoder, whole image", "full", f"{library}: {turbo['full'][1]:.0f} us", 1.7),
            ("decoder, rectangle", "crop", crop, 1.7),
            ("decoder, rectangle of a known file", "known", crop, 2.2),
        ):
            ours, theirs = turbo[key]
            add(figure, f"{turbo['files']} photographs, 1 thread", f"{ours:.0f} us", against, theirs / ours, target)
    pairs = record["resize"]["seconds_of_4"]
    ours, theirs = (statistics.median(column) / 4 * 1e6 for column in zip(*pairs, strict=True))
    ratio = statistics.median(other / mine for mine, other in pairs)
    add(record["resize"]["figure"], "1 thread", f"{ours:.0f} us", f"Pillow: {theirs:.0f} us", ratio, 3.0)
    return rows


def main() -> None:
    """Measure and write."""
    parser = tables.options(__doc__)
    parser.add_argument("folder", type=Path, help="an ImageFolder of JPEG files")
    parser.add_argument("--turbo", type=Path, metavar="PREFIX", help="where libjpeg-turbo 3 is installed")
    arguments = parser.parse_args()
    if os.environ.get("PENSTOCK_NUM_THREADS") != "1":
        # The engine reads it once, when it starts.
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, "PENSTOCK_NUM_THREADS": "1"})
    torch.set_num_threads(1)
    rounds, turbo = arguments.rounds, arguments.turbo
    record: dict[str, Any] = {
        **tables.about(rounds),
        "files": sum(1 for _ in arguments.folder.rglob("*.*")),
        "one_thread": one_thread(arguments.folder, rounds),
        "processes": in_processes(arguments.folder, rounds),
        "resize": resizes(rounds),
        "decoder": decoders(arguments.folder, turbo, rounds) if turbo is not None else None,
    }
    tables.publish(record, rows_of(record), arguments, "photographs")


if __name__ == "__main__":
    main()
