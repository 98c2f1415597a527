"""Tensors that are not stacked lie in memory as torch's do, and are written there by the threads."""

import pytest
import torch
from PIL import Image
from support.both_loaders import Opened, assert_program, write_images
from torchvision.io import ImageReadMode, read_image
from torchvision.transforms import functional as F
from torchvision.transforms import v2

import penstock
from penstock.recording.rendering import Rendering

pytestmark = pytest.mark.filterwarnings("ignore:.*torchcodec.*:DeprecationWarning")

MEAN, STD = [0.4, 0.5, 0.6], [0.2, 0.3, 0.25]
# Found by their names when they are called, as functions are where they are called directly.
WAYS = {
    "pil_to_tensor": lambda p: F.pil_to_tensor(p),
    "float32": lambda p: F.convert_image_dtype(F.pil_to_tensor(p), torch.float32),
    "float16": lambda p: F.convert_image_dtype(F.pil_to_tensor(p), torch.float16),
    "bfloat16": lambda p: F.convert_image_dtype(F.pil_to_tensor(p), torch.bfloat16),
    "float64": lambda p: F.convert_image_dtype(F.pil_to_tensor(p), torch.float64),
    "normalized": lambda p: F.normalize(F.convert_image_dtype(F.pil_to_tensor(p), torch.float32), MEAN, STD),
    "to_tensor": lambda p: F.to_tensor(p),
    "cropped": lambda p: F.pil_to_tensor(p.crop((3, 4, 33, 40))),
    "flipped": lambda p: F.convert_image_dtype(F.pil_to_tensor(F.hflip(p)), torch.float32),
    "resized": lambda p: F.pil_to_tensor(F.vflip(p.resize((41, 23)))),
    "tensor flipped": lambda p: F.pil_to_tensor(p).flip(-1),
}


@pytest.fixture(scope="module", params=["RGB", "L"])
def files(request, tmp_path_factory):
    return request.param, write_images(tmp_path_factory.mktemp("layouts"), 4, mode=request.param)


class Read(Opened):
    """Files that torchvision opens."""

    def __getitem__(self, index):
        whole = read_image(str(self.paths[index]), ImageReadMode.RGB)
        return whole, v2.functional.to_dtype(whole, torch.float32, scale=True), whole[:, 2:30, 3:40]


class AllWays(Opened):
    """Every way to a tensor.

    Args:
        paths: Of the files.
        mode: Of the images.
    """

    def __init__(self, paths, mode):
        super().__init__(paths)
        self.mode = mode

    def __getitem__(self, index):
        image = self.open(index) if self.mode == "RGB" else Image.open(self.paths[index])
        return {name: way(image) for name, way in WAYS.items() if self.mode == "RGB" or name != "normalized"}


def as_they_are(samples):
    return samples


@pytest.mark.parametrize("options", [{"batch_size": None}, {"batch_size": 2, "collate_fn": as_they_are}])
def test_strides_are_torchs(files, options):
    mode, paths = files
    stats = assert_program(lambda: torch.utils.data.DataLoader(AllWays(paths, mode), num_workers=1, **options))
    assert stats.decoded == len(paths)


def test_what_torchvision_reads(files):
    assert_program(
        lambda: torch.utils.data.DataLoader(Read(files[1]), batch_size=2, num_workers=1, collate_fn=as_they_are)
    )


def test_tensors_that_arrive_together_are_one_batch_of_the_threads(files, monkeypatch):
    mode, paths = files
    submitted, begin = [], Rendering.begin

    def watched(rendering):
        submitted.append(len(rendering._tickets))
        return begin(rendering)

    monkeypatch.setattr(Rendering, "begin", watched)
    loader = penstock.DataLoader(AllWays(paths, mode), batch_size=2, num_workers=1, collate_fn=as_they_are)
    assert len(list(loader)) == 2
    one, other = filter(None, submitted)
    assert one == other > 2
