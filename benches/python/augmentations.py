"""What penstock makes of operations and of whole augmentations, beside Pillow, torchvision and torch's loader.

    python benches/python/augmentations.py FOLDER

FOLDER is an ImageFolder of JPEGs. Single operations are made of an image of 224 x 224 in colour by one thread, beside
the quicker of Pillow and torchvision's second generation, and beside a copy of the same bytes. Pipelines run under both
loaders at two workers, over epochs in which the files are listed again and again; ratios are of processor time, of the
process and its workers, and of the wall's. Writes
`benches/record/<date>-augmentations-<processor>.json` and `.md`, and BENCHMARKS.md's table of augmentations.
"""

import math
import os
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import tables
import torch
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms as v1
from torchvision.datasets import CIFAR10, ImageFolder
from torchvision.transforms.v2 import functional as F2

import penstock
from penstock import _native
from penstock.ops.arithmetic import rendered

SIDE = 224
MATRIX = (0.97, 0.25, -20.0, -0.25, 0.97, 30.0)
BILINEAR, BICUBIC = Image.Resampling.BILINEAR, Image.Resampling.BICUBIC

Tensors = Callable[[torch.Tensor], Any] | None


def singles(image: Any) -> list[tuple[str, bytes, Callable[[], Any], Tensors, float | None]]:
    """Return single operations: a name, our step, Pillow's way, torchvision's on a tensor of bytes, and a target."""
    enhance = {name: getattr(ImageEnhance, name) for name in ("Brightness", "Contrast", "Color", "Sharpness")}

    def warp(resample: int) -> Callable[[], Any]:
        return lambda: image.transform((SIDE, SIDE), Image.Transform.AFFINE, MATRIX, resample)

    def step(name: str, *operands: Any) -> bytes:
        return _native.step(name, *operands)

    def affine(name: str) -> bytes:
        return step("affine", *MATRIX, SIDE, SIDE, name, 0, 0, 0)

    # What any weights of that number take.
    blurred = step("convolution", 23, [1 / 23] * 23, 23, [1 / 23] * 23)
    return [
        ("hue", step("hue", 0.1, "pillow"), lambda: v1.functional.adjust_hue(image, 0.1), None, 20),
        ("Gaussian blur", step("gaussian_blur", 2.0, 2.0), lambda: image.filter(ImageFilter.GaussianBlur(2)), None, 12),
        (
            *("torchvision's blur, 23", blurred, lambda: v1.functional.gaussian_blur(image, 23, 2.0)),
            *(lambda tensor: F2.gaussian_blur(tensor, [23, 23], [2.0, 2.0]), 6),
        ),
        ("sharpness", step("sharpness", 1.6, "pillow"), lambda: enhance["Sharpness"](image).enhance(1.6), None, 8),
        ("affine, bilinear", affine("bilinear"), warp(BILINEAR), None, 6),
        ("affine, bicubic", affine("bicubic"), warp(BICUBIC), None, 5),
        ("affine, nearest", affine("nearest"), warp(Image.Resampling.NEAREST), None, 4),
        ("saturation", step("saturation", 0.7, "pillow"), lambda: enhance["Color"](image).enhance(0.7), None, 6),
        (
            *("gray", step("gray", "pillow"), lambda: image.convert("L").convert("RGB")),
            *(lambda tensor: F2.rgb_to_grayscale(tensor, 3).contiguous(), 6),
        ),
        (
            *("brightness", step("brightness", 1.3, "pillow"), lambda: enhance["Brightness"](image).enhance(1.3)),
            *(lambda tensor: F2.adjust_brightness(tensor, 1.3), 6),
        ),
        (
            *("contrast", step("contrast", 1.3, "pillow"), lambda: enhance["Contrast"](image).enhance(1.3)),
            *(lambda tensor: F2.adjust_contrast(tensor, 1.3), 6),
        ),
        ("equalize", step("equalize"), lambda: ImageOps.equalize(image), F2.equalize, 6),
        ("autocontrast", step("autocontrast", "pillow"), lambda: ImageOps.autocontrast(image), F2.autocontrast, 6),
        ("solarize", step("solarize", 128.0, "pillow"), lambda: ImageOps.solarize(image), None, 6),
    ]


def seconds(function: Callable[[], Any], repeats: int = 30) -> float:
    """Return the least time of some calls."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def operations(path: Path, rounds: int) -> list[dict[str, Any]]:
    """Measure single operations, their sides in turns."""
    image = Image.open(path).convert("RGB").resize((SIDE, SIDE), BICUBIC)
    pixels = np.asarray(image).copy()
    tensor = torch.from_numpy(pixels).permute(2, 0, 1).contiguous()
    other = np.empty_like(pixels)
    found = []
    for name, step, by_pillow, by_torch, target in singles(image):
        turns = []
        for _ in range(rounds):
            theirs = {"Pillow": seconds(by_pillow)}
            if by_torch is not None:
                theirs["torchvision v2"] = seconds(lambda by_torch=by_torch: by_torch(tensor))  # type: ignore[misc]
            turn = {"ours": seconds(lambda step=step: rendered(pixels, [step])), "theirs": theirs}  # type: ignore[misc]
            turns.append({**turn, "copy": seconds(lambda: np.copyto(other, pixels))})
        found.append({"figure": name, "target": target, "turns": turns})
    return found


class Own(Dataset[Any]):
    """A data set of one's own: the files of a list, and whatever is done to each image."""

    def __init__(self, paths: list[str], transform: Any) -> None:
        self.paths, self.transform = paths, transform

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        with Image.open(self.paths[index]) as file:
            return self.transform(file.convert("RGB")), index


class Blur:
    """A blur of Pillow's by a drawn radius, as MoCo has it."""

    def __call__(self, image: Any) -> Any:
        """Blur an image."""
        return image.filter(ImageFilter.GaussianBlur(radius=float(torch.empty(1).uniform_(0.1, 2.0))))


class Views:
    """Some views of an image."""

    def __init__(self, *transforms: Any) -> None:
        self.transforms = transforms

    def __call__(self, image: Any) -> list[Any]:
        """Make all views."""
        return [transform(image) for transform in self.transforms]


def moco() -> v1.Compose:
    """Return MoCo v2's transform of one view."""
    return v1.Compose(
        [
            v1.RandomResizedCrop(224, (0.2, 1.0)),
            v1.RandomApply([v1.ColorJitter(0.4, 0.4, 0.4, 0.1)], 0.8),
            v1.RandomGrayscale(0.2),
            v1.RandomApply([Blur()], 0.5),
            v1.RandomHorizontalFlip(),
            *(v1.ToTensor(), v1.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))),
        ]
    )


def pipelines(root: Path, count: int) -> list[tuple[str, Dataset[Any], int, float]]:
    """Return a name, the data set, the size of a batch and the target of each pipeline."""
    crop, flip = v1.RandomResizedCrop(224), v1.RandomHorizontalFlip()
    tail = [v1.ToTensor(), v1.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]
    jitter, gray = v1.ColorJitter(0.4, 0.4, 0.4, 0.1), v1.RandomGrayscale(0.2)

    def folder(*steps: Any) -> Any:
        dataset = ImageFolder(str(root), v1.Compose([crop, flip, *steps]))
        dataset.samples = (dataset.samples * math.ceil(count / len(dataset.samples)))[:count]
        return dataset

    paths = [path for path, _ in folder().samples]
    small = v1.Compose([crop, flip, jitter, gray, *tail])
    return [
        ("ColorJitter, RandomGrayscale; lowered", folder(jitter, gray, *tail), 32, 8),
        ("the same in an own Dataset; recorded", Own(paths, small), 32, 6),
        ("MoCo v2, two views; recorded", Own(paths, Views(moco(), moco())), 32, 6),
        ("RandAugment, RandomErasing; lowered", folder(v1.RandAugment(), *tail, v1.RandomErasing(0.25)), 32, 6),
        ("AutoAugment; lowered", folder(v1.AutoAugment(), *tail), 32, 6),
        ("TrivialAugmentWide; lowered", folder(v1.TrivialAugmentWide(), *tail), 32, 5),
    ]


def cifar(count: int) -> list[tuple[str, Dataset[Any], int, float]]:
    """Return the same of images of 32 x 32 in memory, of random pixels."""
    tail = [v1.ToTensor(), v1.Normalize((0.5,) * 3, (0.25,) * 3)]
    rotated = v1.Compose([v1.RandomCrop(32, padding=4), v1.RandomHorizontalFlip(), v1.RandomRotation(15), *tail])
    simclr = v1.Compose(
        [
            v1.RandomResizedCrop(32),
            v1.RandomHorizontalFlip(),
            v1.RandomApply([v1.ColorJitter(0.4, 0.4, 0.4, 0.1)], 0.8),
            *(v1.RandomGrayscale(0.2), *tail),
        ]
    )
    found: list[tuple[str, Dataset[Any], int, float]] = []
    for name, transform, target in (
        ("CIFAR, RandomRotation(15); lowered", rotated, 60.0),
        ("CIFAR, SimCLR's; lowered", simclr, 30.0),
    ):
        dataset = CIFAR10.__new__(CIFAR10)
        dataset.root, dataset.train, dataset.transform, dataset.target_transform = "", True, transform, None
        dataset.transforms = None
        dataset.data = np.random.default_rng(0).integers(0, 256, (count, 32, 32, 3), np.uint8)
        dataset.targets = [index % 10 for index in range(count)]
        found.append((name, dataset, 128, target))
    return found


def spent() -> float:
    """Return the processor seconds of this process and of the children that have ended."""
    usages = map(resource.getrusage, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def epoch(loader: Any) -> tuple[float, float]:
    """Return the wall's seconds and the processor's for an epoch."""
    wall, processor = time.perf_counter(), spent()
    for _ in loader:
        pass
    return time.perf_counter() - wall, spent() - processor


def loaders(cases: list[tuple[str, Dataset[Any], int, float]], rounds: int) -> list[dict[str, Any]]:
    """Measure each pipeline under both loaders, in turns, after an epoch in which files are seen first."""
    found = []
    for name, dataset, batch, target in cases:
        ours, theirs = (cls(dataset, batch, shuffle=True, num_workers=2) for cls in (penstock.DataLoader, DataLoader))
        way = penstock.explain(ours).way
        epoch(ours)
        turns = [{"ours": epoch(ours), "theirs": epoch(theirs)} for _ in range(rounds)]
        samples = len(dataset)  # type: ignore[arg-type]
        found.append({"figure": name, "way": way, "samples": samples, "target": target, "turns": turns})
    return found


def rows_of(record: dict[str, Any]) -> list[tables.Row]:
    """Return what to tell of each comparison."""
    rows = []
    for case in record["operations"]:
        turns = case["turns"]
        ours = statistics.median(turn["ours"] for turn in turns)
        least = {name: statistics.median(turn["theirs"][name] for turn in turns) for name in turns[0]["theirs"]}
        quicker = min(least, key=lambda name: least[name])
        ratio = statistics.median(turn["theirs"][quicker] / turn["ours"] for turn in turns)
        share = statistics.median(turn["copy"] / turn["ours"] for turn in turns)
        mine = f"{ours * 1e6:,.0f} us, {share:.0%} of a copy's speed"
        against = f"{quicker}: {least[quicker] * 1e6:,.0f} us"
        rows.append(tables.Row(case["figure"], "224 x 224, 1 thread", mine, against, ratio, "times", case["target"]))
    for case in record["loaders"]:
        turns = case["turns"]
        wall, processor = (statistics.median(turn["theirs"][k] / turn["ours"][k] for turn in turns) for k in (0, 1))
        ours, theirs = (
            case["samples"] / statistics.median(turn[side][0] for turn in turns) for side in ("ours", "theirs")
        )
        against = f"torch's DataLoader: {theirs:,.0f} images/s; {wall:.1f} times by the wall"
        setting = f"num_workers=2, {case['way']}, epochs of {case['samples']:,}; processor time"
        rows.append(
            tables.Row(case["figure"], setting, f"{ours:,.0f} images/s", against, processor, "times", case["target"])
        )
    return rows


def main() -> None:
    """Measure and write."""
    # Data sets of one's own are recorded here, those that would be lowered too.
    os.environ["PENSTOCK_RECORD"] = "1"
    parser = tables.options(__doc__, rounds=3)
    parser.add_argument("folder", type=Path, help="an ImageFolder of JPEG files")
    parser.add_argument("--samples", type=int, default=2000, help="of an epoch over photographs")
    arguments = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    torch.set_num_threads(1)
    first = next(path for path in sorted(arguments.folder.rglob("*.*")) if path.is_file())
    cases = [*pipelines(arguments.folder, arguments.samples), *cifar(50_000)]
    record: dict[str, Any] = {
        **tables.about(arguments.rounds),
        "operations": operations(first, arguments.rounds),
        "loaders": loaders(cases, arguments.rounds),
    }
    tables.publish(record, rows_of(record), arguments, "augmentations")


if __name__ == "__main__":
    main()
