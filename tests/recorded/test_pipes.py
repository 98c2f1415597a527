"""torch's data pipes, for which its constructor puts a worker's first function into one of its own."""

import pytest
import torch
from PIL import Image
from support.both_loaders import walk, write_images
from support.compare import assert_same
from torch.utils.data import DataLoader, get_worker_info
from torch.utils.data.datapipes.iter import IterableWrapper
from torch.utils.data.datapipes.map import SequenceWrapper
from torchvision import transforms as T

import penstock

pytestmark = [
    # One of the two warns that the other would be the place to shuffle.
    pytest.mark.filterwarnings("ignore:`shuffle=True` was set:UserWarning"),
    pytest.mark.filterwarnings("ignore:.*data ?pipes.*"),
]

CROP = T.Compose([T.RandomResizedCrop(24), T.RandomHorizontalFlip(), T.ToTensor()])


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return [str(path) for path in write_images(tmp_path_factory.mktemp("files"), 9)]


def opened(path):
    return CROP(Image.open(path).convert("RGB"))


def by_the_user(worker):
    """Draw, so that it is seen how often it is called."""
    torch.rand(worker + 1)


def sharded(paths):
    """Return a pipe of which torch's own function gives each worker a share."""
    return IterableWrapper(paths).sharding_filter().map(opened)


def own_share(paths):
    """Return one of which each worker has all."""
    return IterableWrapper(paths).map(opened).filter(has_worker)


def has_worker(_image):
    return get_worker_info() is None or get_worker_info().num_workers > 0


def by_index(paths):
    return SequenceWrapper(paths).map(opened)


@pytest.mark.parametrize("init", [None, by_the_user], ids=["plain", "with a function of the user's"])
@pytest.mark.parametrize(
    ("workers", "stay", "method"),
    [(0, False, None), (1, False, None), (2, True, "fork"), (2, False, "fork"), (1, True, "spawn")],
)
@pytest.mark.parametrize("make", [sharded, own_share, by_index])
def test_pipes_are_as_with_torch(paths, make, workers, stay, method, init):
    def made(kind):
        options = {"persistent_workers": stay, "multiprocessing_context": method, "worker_init_fn": init}
        return walk(kind(make(paths), 2, shuffle=True, num_workers=workers, **options), seed=4, epochs=2)

    assert_same(made(penstock.DataLoader), made(DataLoader))
