"""MixUp and CutMix in a collate_fn: torch's draws and targets, images mixed by the threads that make them."""

import random

import pytest
import torch
import torch.utils.data
from support.both_loaders import Opened, assert_program, write_images
from support.files import damaged
from torch.utils.data import default_collate
from torchvision import transforms as v1
from torchvision.transforms import v2

import penstock

workers = pytest.mark.parametrize("workers", [0, 2])
FLOAT = [v1.RandomResizedCrop((20, 24)), v1.RandomHorizontalFlip(), v1.ToTensor(), v1.Normalize([0.5] * 3, [0.25] * 3)]
IMAGE = [v2.ToImage(), v2.Resize((24, 20)), v2.ToDtype(torch.float32, scale=True)]
UP = {"alpha": 0.7, "num_classes": 12}


@pytest.fixture
def paths(tmp_path):
    return write_images(tmp_path / "images")


class Kept(Opened):
    """Whose first image in three is a plain tensor."""

    def __getitem__(self, index):
        image, target = super().__getitem__(index)
        return (image * image if index % 3 == 0 else image), target


class Both(v2.MixUp):
    """Mixes twice."""

    def transform(self, inpt, params):
        once = super().transform(inpt, params)
        return once if inpt is params["labels"] else super().transform(once, params)


class Empty(v2.CutMix):
    """Cuts nothing out."""

    def make_params(self, flat_inputs):
        return {**super().make_params(flat_inputs), "box": (3, 5, 3, 2)}


def also_the_batch_before(mix):
    def collate(samples):
        images, targets = default_collate(samples)
        return images, mix(images, targets)

    return collate


def halved(mix):
    def collate(samples):
        images, targets = mix(*default_collate(samples))
        return images.half(), images.detach(), targets, images.shape

    return collate


def wrapped(mix):
    return lambda samples: mix(*default_collate(samples))


def in_a_dictionary(mix):
    def collate(samples):
        images, targets = default_collate(samples)
        return mix({"images": images, "labels": targets, "more": "words"})

    return collate


MIXES = {
    "MixUp": lambda: v2.MixUp(**UP),
    "CutMix": lambda: v2.CutMix(**UP),
    "RandomChoice": lambda: v2.RandomChoice([v2.MixUp(**UP), v2.CutMix(**UP)]),
    "one after the other": lambda: v2.Compose([v2.MixUp(**UP), v2.CutMix(alpha=2.0)]),
    "a subclass": lambda: Both(**UP),
    "an empty box": lambda: Empty(**UP),
}


@workers
@pytest.mark.parametrize("name", MIXES)
def test_mixes(paths, workers, name):
    def program():
        dataset = Opened(paths, v1.Compose(FLOAT))
        options = {"batch_size": 5, "shuffle": True, "num_workers": workers}
        return torch.utils.data.DataLoader(dataset, collate_fn=wrapped(MIXES[name]()), **options)

    assert_program(program, share=1.0, epochs=2)


@pytest.mark.parametrize("collate", [also_the_batch_before, in_a_dictionary])
@pytest.mark.parametrize("pipeline", [FLOAT, IMAGE, [*IMAGE, v2.ToDtype(torch.float64)]], ids=["v1", "v2", "doubles"])
def test_ways_to_collate(paths, collate, pipeline):
    def program():
        dataset = Opened(paths, v2.Compose(pipeline))
        return torch.utils.data.DataLoader(
            dataset, batch_size=4, num_workers=1, collate_fn=collate(MIXES["RandomChoice"]())
        )

    assert_program(program, share=1.0)


@pytest.mark.parametrize("half", [torch.float16, torch.bfloat16])
def test_halves_are_cut_and_not_blended(paths, half):
    def program(kind):
        transform = v2.Compose([*IMAGE, v2.ToDtype(half)])
        return lambda: torch.utils.data.DataLoader(
            Opened(paths, transform), num_workers=1, batch_size=4, collate_fn=wrapped(kind(**UP))
        )

    assert_program(program(v2.CutMix), share=1.0)
    assert_program(program(v2.MixUp), share=0.0)


def test_what_is_done_to_mixed_images_is_torchs(paths):
    def program():
        dataset = Opened(paths, v1.Compose(FLOAT))
        return torch.utils.data.DataLoader(dataset, batch_size=4, num_workers=1, collate_fn=halved(MIXES["MixUp"]()))

    assert_program(program, share=0.0)


@workers
def test_plain_tensors_among_those_that_record(paths, workers):
    def program():
        dataset = Kept(paths, v1.Compose(FLOAT))
        return torch.utils.data.DataLoader(
            dataset, batch_size=6, num_workers=workers, collate_fn=wrapped(MIXES["RandomChoice"]())
        )

    assert_program(program, share=8 / 12)


@workers
def test_files_that_the_library_opens(paths, workers):
    for path in paths[1:12:2]:
        path.write_bytes(damaged(path.read_bytes(), "noisy"))

    def program():
        dataset = Opened(paths, v1.Compose(FLOAT))
        return torch.utils.data.DataLoader(
            dataset, batch_size=4, num_workers=workers, collate_fn=wrapped(MIXES["RandomChoice"]())
        )

    assert_program(program, share=None)


@pytest.mark.parametrize(
    "samples",
    [
        pytest.param(lambda images, targets: (images[0], targets), id="one image"),
        pytest.param(lambda images, targets: (images, targets[:2]), id="fewer targets"),
        pytest.param(
            lambda images, targets: (images, targets.float()[:, None, None]), id="targets of three dimensions"
        ),
        pytest.param(lambda images, targets: (images, images), id="targets that are images"),
        pytest.param(lambda images, targets: ((images * 255).to(torch.uint8), targets), id="bytes"),
    ],
)
def test_what_cannot_be_mixed_raises_what_torchvision_raises(paths, samples):
    def collate(batch):
        return v2.MixUp(**UP)(*samples(*default_collate(batch)))

    texts = []
    for kind in (torch.utils.data.DataLoader, penstock.DataLoader):
        torch.manual_seed(0)
        random.seed(0)
        with pytest.raises(Exception) as caught:
            list(kind(Opened(paths, v1.Compose(FLOAT)), batch_size=4, collate_fn=collate))
        texts.append((type(caught.value), str(caught.value)))
    assert texts[0] == texts[1]
