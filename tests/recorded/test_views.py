"""Several views of one image: equal to torch's, of one decode."""

import io
import itertools

import numpy as np
import pytest
import torch
from PIL import Image
from support.both_loaders import Opened, age, assert_program, write_images
from support.cases import name
from support.compare import assert_same
from support.files import damaged, encode, photo
from torchvision.io import decode_image
from torchvision.transforms import functional as F
from torchvision.transforms import v2

import penstock
from penstock import _native

pytestmark = pytest.mark.filterwarnings("ignore:.*torchcodec.*:DeprecationWarning")

FILES = 12


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("views"), FILES)


def crop(image, k, size=24):
    return F.to_tensor(image.crop((3 * k, 2 * k, 3 * k + size, 2 * k + size)))


def two(dataset, index):
    image = dataset.open(index)
    return crop(image, 1), F.hflip(crop(image, 4).flip(-1)), index


def ten(dataset, index):
    image = dataset.open(index)
    return [crop(image.resize((60, 60)), k % 5) for k in range(10)]


def stacked(dataset, index):
    image = dataset.open(index)
    return torch.stack([crop(image, k) for k in range(6)]), F.pil_to_tensor(image.resize((20, 30)))


def of_other_kinds(dataset, index):
    """Gray and colour, other types and layouts, of one image."""
    with Image.open(dataset.paths[index]) as image:
        colour = image.convert("RGB")
    whole = F.pil_to_tensor(colour.crop((0, 0, 40, 30)))
    return {
        "uint8": whole,
        "half": F.convert_image_dtype(whole, torch.bfloat16),
        "normalized": v2.functional.normalize(F.to_tensor(colour.crop((5, 5, 25, 25))), [0.5] * 3, [0.2] * 3),
    }


def from_bytes(dataset, index):
    content = dataset.paths[index].read_bytes()
    with Image.open(io.BytesIO(content)) as opened:
        image = opened.convert("RGB")
    return [crop(image, k) for k in range(3)]


class Views(Opened):
    """What a function makes of each file.

    Args:
        paths: Of the files.
        views: The function.
    """

    def __init__(self, paths, views):
        super().__init__(paths)
        self.views = views

    def __getitem__(self, index):
        return self.views(self, index)


def as_they_are(samples):
    return tuple(zip(*samples, strict=True)) if isinstance(samples[0], tuple) else samples


@pytest.mark.parametrize(
    ("views", "collate"),
    [
        *((views, collate) for views in (two, ten, of_other_kinds, from_bytes) for collate in (None, as_they_are)),
        (stacked, as_they_are),
    ],
)
@pytest.mark.parametrize("workers", [0, 1])
def test_views_of_a_image_are_of_one_decode(paths, views, collate, workers):
    stats = assert_program(
        lambda: torch.utils.data.DataLoader(Views(paths, views), batch_size=4, num_workers=workers, collate_fn=collate)
    )
    assert stats.decoded == FILES


def looks(samples):
    """A function of the user's that is given plain batches, and adds to them."""
    first, second, indices = torch.utils.data.default_collate(samples)
    assert type(first) is type(second) is torch.Tensor
    return first.add_(1), second, indices


def test_a_users_function_has_plain_batches_of_the_calling_process(paths):
    assert_program(lambda: torch.utils.data.DataLoader(Views(paths, two), batch_size=4, collate_fn=looks))


def images(dataset, index):
    """Of both classes, of which some share their memory."""
    image = v2.functional.to_image(dataset.open(index).resize((30, 20)))
    return {"image": image, "part": image[:, 2:9, 3:11], "same": image.as_subclass(torch.Tensor), "index": index}


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, torch.enable_grad])
@pytest.mark.parametrize("options", [{"batch_size": None}, {"batch_size": 3, "collate_fn": as_they_are}], ids=name)
def test_what_is_made_together_is_what_torch_makes(paths, options, mode):
    def told(sample):
        whole, part, same = (sample[name] for name in ("image", "part", "same"))
        flags = [(type(t), t.stride(), t.is_inference(), t.untyped_storage().resizable()) for t in (whole, part, same)]
        shared = {t.untyped_storage().data_ptr() for t in (whole, part, same)}
        return flags, len(shared), part.clone(), same.clone()

    def program():
        loader = torch.utils.data.DataLoader(Views(paths, images), **options)
        return [[*map(told, batch if isinstance(batch, list) else [batch])] for batch in loader]

    with mode():
        theirs = program()
        with penstock.installed():
            ours = program()
    assert_same(ours, theirs)


@pytest.mark.parametrize("workers", [0, 2])
def test_views_are_torchs_with_any_number_of_workers(paths, workers):
    stats = assert_program(
        lambda: torch.utils.data.DataLoader(Views(paths, ten), batch_size=4, num_workers=workers), epochs=2
    )
    assert stats.images == 2 * FILES


class Patches(Opened):
    """Many patches of few files, each opened anew."""

    def __len__(self):
        return 24

    def __getitem__(self, index):
        return crop(self.open(index % 3), index % 7, 16), index


@pytest.mark.parametrize("collate", [None, as_they_are])
def test_a_file_that_is_opened_for_several_samples_is_decoded_once_a_batch(paths, collate):
    stats = assert_program(
        lambda: torch.utils.data.DataLoader(Patches(paths), batch_size=12, num_workers=1, collate_fn=collate)
    )
    assert stats.decoded == 2 * 3


def of_large_contents(dataset, index):
    image = Image.open(io.BytesIO(dataset.paths[index])).convert("RGB")
    return crop(image, 1), crop(image, 2)


@pytest.mark.parametrize("collate", [None, as_they_are])
def test_contents_too_large_for_the_message(collate):
    contents = [encode(photo(300, 400, seed=k), quality=100) for k in range(4)]
    assert min(map(len, contents)) > 1 << 16
    stats = assert_program(
        lambda: torch.utils.data.DataLoader(
            Views(contents, of_large_contents), batch_size=2, num_workers=1, collate_fn=collate
        )
    )
    assert stats.decoded == len(contents)


def both_ways(dataset, index):
    """By Pillow and by torchvision, which decode damaged files to other pixels."""
    path = dataset.paths[index]
    image = dataset.open(index)
    read = F.convert_image_dtype(decode_image(str(path)), torch.float32)
    return crop(image, 0), crop(image, 2), read


def noisy():
    """A file that Pillow opens, and repairs where ours does not decode it."""
    made = (damaged(encode(photo(60, 70, seed)), "noisy") for seed in itertools.count())
    pixels = np.empty((60, 70, 3), np.uint8)
    return next(
        content
        for content in made
        if _native.look_through(content) and not _native.decode_image(content, (0, 0, 70, 60), pixels)
    )


@pytest.mark.parametrize("views", [stacked, both_ways])
def test_all_views_of_a_damaged_file_are_the_librarys(tmp_path, views):
    paths = write_images(tmp_path / "files", 6)
    for path in paths[1:3]:
        path.write_bytes(noisy())
        age(path)
    times = 2 if views is both_ways else 1
    stats = assert_program(
        lambda: torch.utils.data.DataLoader(Views(paths, views), batch_size=3, num_workers=1, collate_fn=as_they_are),
        share=4 / 6,
    )
    assert stats.decoded == 4 * times
