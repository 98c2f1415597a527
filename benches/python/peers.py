"""Other loaders over the same photographs, in one thread: DALI on the CPU and FFCV, as far as they are installed.

    python benches/python/peers.py FOLDER

Random resized crop to 224, flip, float32, in batches of 32. None of them gives torchvision's pixels: DALI and FFCV
have other resampling filters, and FFCV first writes a file of its own, here with the images as JPEG of at most 500
pixels and quality 90. Prints images per second of processor time, of all threads of the process, in turns; the first
turn of each is not counted. Neither is part of any test, and nothing here installs them.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# Read when the libraries start.
os.environ["PENSTOCK_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = os.environ["NUMBA_NUM_THREADS"] = "1"

import photos
import torch
from torchvision import transforms
from torchvision.datasets import ImageFolder

import penstock

Epoch = Callable[[], int]
MEAN, STD = photos.NORMALIZE


def ours(root: Path) -> Epoch:
    """Return a function that makes an epoch and counts its images."""
    dataset = ImageFolder(str(root), transforms.Compose(photos.TRAINING))
    loader = penstock.DataLoader(dataset, photos.BATCH, shuffle=True, num_workers=1)
    return lambda: sum(len(images) for images, _ in loader)


def dali(root: Path) -> Epoch:
    """Return the same for DALI's CPU operators."""
    from nvidia.dali import fn, pipeline_def, types

    @pipeline_def  # type: ignore[untyped-decorator]
    def training() -> Any:
        files, labels = fn.readers.file(file_root=str(root), random_shuffle=True, name="reader")
        images = fn.decoders.image_random_crop(files, device="cpu", output_type=types.RGB)
        images = fn.resize(images, size=[224, 224], interp_type=types.INTERP_TRIANGULAR)
        mean, std = ([255 * value for value in values] for values in (MEAN, STD))
        mirror = fn.random.coin_flip(probability=0.5)
        return fn.crop_mirror_normalize(images, mean=mean, std=std, mirror=mirror, dtype=types.FLOAT), labels

    pipeline = training(batch_size=photos.BATCH, num_threads=1, device_id=None, prefetch_queue_depth=1)
    pipeline.build()
    batches = len(ImageFolder(str(root)).samples) // photos.BATCH

    def epoch() -> int:
        for _ in range(batches):
            pipeline.run()
        return batches * photos.BATCH

    return epoch


def ffcv(root: Path, scratch: Path) -> Epoch:
    """Return the same for FFCV, over a file that it writes to the folder `scratch`."""
    import numpy as np
    from ffcv.fields import IntField, RGBImageField
    from ffcv.fields.rgb_image import RandomResizedCropRGBImageDecoder
    from ffcv.loader import Loader, OrderOption
    from ffcv.transforms import NormalizeImage, RandomHorizontalFlip, ToTensor, ToTorchImage
    from ffcv.writer import DatasetWriter

    path = str(scratch / "photographs.beton")
    image = RGBImageField(write_mode="jpg", max_resolution=500, jpeg_quality=90)
    write: Any = DatasetWriter
    write(path, {"image": image, "label": IntField()}, num_workers=1).from_indexed_dataset(ImageFolder(str(root)))
    mean, std = (255 * np.array(values) for values in (MEAN, STD))
    steps = [
        RandomResizedCropRGBImageDecoder((224, 224)),
        RandomHorizontalFlip(),
        NormalizeImage(mean, std, np.float32),
        ToTensor(),
        ToTorchImage(),
    ]
    loader = Loader(path, photos.BATCH, num_workers=1, order=OrderOption.RANDOM, pipelines={"image": steps})
    return lambda: sum(len(batch[0]) for batch in loader)


def installed(root: Path, scratch: Path) -> Iterator[tuple[str, Epoch]]:
    """Yield the loaders that there are; say which are not."""
    yield "penstock", ours(root)
    peers: dict[str, Callable[[], Epoch]] = {"DALI": lambda: dali(root), "FFCV": lambda: ffcv(root, scratch)}
    for name, make in peers.items():
        try:
            yield name, make()
        except ImportError as error:
            print(f"{name}: not installed ({error})")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="an ImageFolder of JPEG files")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each loader")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    files = [Path(path) for path, _ in ImageFolder(str(arguments.folder)).samples]
    with tempfile.TemporaryDirectory() as scratch:
        root = photos.copies(files, Path(scratch) / "peers", photos.EPOCH)
        epochs = dict(installed(root, Path(scratch)))
        rates: dict[str, list[float]] = {name: [] for name in epochs}
        for _ in range(arguments.rounds + 1):
            for name, epoch in epochs.items():
                start = time.process_time()
                rates[name].append(epoch() / (time.process_time() - start))
    for name, measured in rates.items():
        print(f"{name}: {statistics.median(measured[1:]):,.0f} images/s")


if __name__ == "__main__":
    main()
