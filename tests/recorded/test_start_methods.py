"""Generated programs that keep, touch and return whole images, with every way to start workers, equal to torch's."""

import random
from pathlib import Path

import pytest
import torch
from PIL import Image, ImageFilter
from support.both_loaders import walk, write_images
from support.compare import assert_same
from torch.utils.data import Dataset, default_collate
from torchvision import transforms as T
from torchvision.io import read_image
from torchvision.transforms import functional as F

import penstock

pytestmark = pytest.mark.filterwarnings("ignore:.*torchcodec.*:DeprecationWarning")

FILES = 10
WAYS = [
    (0, False, None),
    *(
        (workers, stay, method)
        for workers in (1, 2)
        for stay in (False, True)
        for method in ("fork", "spawn", "forkserver")
    ),
]
# To start a process anew takes seconds.
QUICK = [
    (0, False, None),
    (1, False, "fork"),
    (2, True, "fork"),
    (2, False, "fork"),
    (1, False, "spawn"),
    (2, True, "forkserver"),
]


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("files"), FILES)


def opened(path):
    return Image.open(path).convert("RGB")


def small(path):
    return opened(path).resize((32, 24))


def drawn(image):
    return F.to_tensor(F.hflip(image) if torch.rand(1) < 0.5 else image)


def views(path):
    """Two of one image, of which now the one and now the other is touched."""
    crop = T.RandomResizedCrop(20, antialias=True)
    found = [crop(opened(path)), crop(opened(path))]
    touched = int(torch.randint(3, ()))
    return [F.to_tensor(v.filter(ImageFilter.BLUR) if k != touched else v) for k, v in enumerate(found)]


# What is kept of a file, None if nothing is; and what is given away of that, or of its path.
KINDS = {
    "kept images": (small, drawn),
    "kept tensors": (lambda path: F.to_tensor(small(path)), lambda tensor: tensor),
    "patches of kept images": (opened, lambda image: F.to_tensor(T.RandomCrop(16)(image))),
    "views": (None, views),
    "touched": (None, lambda path: F.to_tensor(T.ColorJitter(0.4)(small(path)))),
    "whole": (None, lambda path: F.pil_to_tensor(opened(path))),
    "whole, read": (None, lambda path: read_image(str(path))),
}
WHOLE = [kind for kind in KINDS if kind.startswith("whole")]


class Generated(Dataset):
    """Several kinds at once.

    Args:
        paths: Of the files.
        kinds: Names of some.
    """

    def __init__(self, paths: list[Path], kinds: list[str]) -> None:
        self.paths, self.kinds, self.kept = paths, kinds, {}

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index):
        sample = {"index": index}
        for kind in self.kinds:
            keep, give = KINDS[kind]
            value = self.paths[index]
            if keep is not None:
                if (kind, index) not in self.kept:
                    self.kept[kind, index] = keep(value)
                value = self.kept[kind, index]
            sample[kind] = give(value)
        return sample


def apart(samples):
    """Collate what has one size."""
    whole = {kind: [sample.pop(kind) for sample in samples] for kind in WHOLE if kind in samples[0]}
    return default_collate(samples) | whole


def generate(seed):
    """Return kinds of images, and options of a loader."""
    chosen = random.Random(seed)
    kinds = chosen.sample(sorted(KINDS), chosen.randint(3, len(KINDS)))
    is_whole = any(kind in WHOLE for kind in kinds)
    options = {
        "batch_size": None if chosen.random() < 0.15 else chosen.randint(2, 5),
        "shuffle": chosen.random() < 0.7,
    }
    if options["batch_size"] is not None and (is_whole or chosen.random() < 0.3):
        options["collate_fn"] = apart
    return kinds, options


@pytest.mark.parametrize(
    ("way", "seed"),
    [
        *((way, number) for number, way in enumerate(QUICK)),
        *(
            pytest.param(way, 100 * number + more, marks=pytest.mark.slow)
            for number, way in enumerate(WAYS)
            for more in range(3)
        ),
    ],
    ids=str,
)
def test_generated_programs(paths, way, seed):
    workers, stay, method = way
    kinds, options = generate(seed)
    options |= {"num_workers": workers, "persistent_workers": stay}
    # How workers are started is no part of what torch makes.
    theirs = walk(torch.utils.data.DataLoader(Generated(paths, kinds), **options), seed, 2)
    loader = penstock.DataLoader(Generated(paths, kinds), multiprocessing_context=method, **options)
    assert_same(walk(loader, seed, 2), theirs)
    stats = penstock.stats(loader)
    assert stats.images > 0
    assert stats.by_library == 0
