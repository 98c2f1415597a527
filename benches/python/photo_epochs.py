"""Epochs over photographs in a process of its own, on so many cores: `photos.py` and `cores.py` call it.

Prints a JSON object: the images per second of the first epoch, in which the files are seen for the first time, and
of the later ones. The clock is the wall's.
"""

import argparse
import itertools
import json
import os
import time
from pathlib import Path
from typing import Any

parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
parser.add_argument("warm", type=Path, help="an ImageFolder that is gone through before anything is measured")
parser.add_argument("folder", type=Path, help="an ImageFolder")
parser.add_argument("--threads", type=int, default=1, help="threads, and cores")
parser.add_argument("--epochs", type=int, default=3, help="later epochs")
parser.add_argument("--images", type=int, help="list the folder's files over and over, up to so many")
parser.add_argument("--loader", choices=("penstock", "torch"), default="penstock", help="whose class")


def main() -> None:
    """Measure and print."""
    arguments = parser.parse_args()
    # Before any thread is there; a thread inherits its cores.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: arguments.threads])
    os.environ["PENSTOCK_NUM_THREADS"] = str(arguments.threads)

    import photos
    import torch
    from torchvision import transforms
    from torchvision.datasets import ImageFolder

    import penstock

    torch.set_num_threads(1)
    cls = penstock.DataLoader if arguments.loader == "penstock" else torch.utils.data.DataLoader

    def rate(folder: Path) -> float:
        dataset = ImageFolder(str(folder), transforms.Compose(photos.TRAINING))
        if arguments.images is not None:
            dataset.samples = list(itertools.islice(itertools.cycle(dataset.samples), arguments.images))
        loader: Any = cls(dataset, photos.BATCH, shuffle=True, num_workers=arguments.threads)
        start = time.perf_counter()
        images = sum(len(batch) for batch, _ in loader)
        return images / (time.perf_counter() - start)

    rate(arguments.warm)
    first = rate(arguments.folder)
    print(json.dumps({"first": first, "later": [rate(arguments.folder) for _ in range(arguments.epochs)]}))


if __name__ == "__main__":
    main()
