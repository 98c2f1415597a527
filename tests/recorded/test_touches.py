"""What is touched is made natively, once, and several views of a file share its decode."""

import threading
from collections import Counter

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from support.sides import folder, side
from torch.utils.data import Dataset
from torchvision.transforms import functional as F

import penstock
from penstock import _native
from penstock.recording import hooks, pixels
from penstock.recording.pixels import as_file
from penstock.recording.recorder import Recorder

FILES = ("plain", "gray", "progressive", "subsampled")


@pytest.fixture
def decodes(monkeypatch):
    """Count what is decoded out of a file's content, and what is made of pixels."""
    counted, render = Counter(), _native.render_image

    def counting(source, *others):
        counted["file" if isinstance(source, bytes) else "pixels"] += 1
        return render(source, *others)

    monkeypatch.setattr(_native, "render_image", counting)
    return counted


@pytest.fixture
def recorder():
    recorder = Recorder(threading.get_ident())
    with hooks.recording(recorder):
        yield recorder


def opened(name):
    return Image.open(folder() / f"{name}.jpg").convert("RGB")


def views(image, count=5):
    """Views of several kinds, all of which are touched."""
    found = []
    for number in range(count):
        view = image.crop((number, 1, 30 + number, 28)).resize((14, 12), Image.Resampling.BILINEAR)
        if number % 2:
            view = view.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        found += [
            np.array(view),
            np.array(view.filter(ImageFilter.MedianFilter())),
            F.to_tensor(view).mul(2),
            F.pil_to_tensor(view).clone(),
            F.normalize(F.to_tensor(view), [0.5] * 3, [0.2] * 3).to(torch.bfloat16).float(),
        ]
    return found


@pytest.mark.parametrize("name", [*FILES, "cmyk", "rgb"])
def test_views_are_the_librarys(name):
    with side(False):
        theirs = views(opened(name))
    with side(True):
        ours = views(opened(name))
    for mine, other in zip(ours, theirs, strict=True):
        assert np.array_equal(np.asarray(mine), np.asarray(other))


@pytest.mark.parametrize("name", FILES)
def test_views_of_a_file_share_its_decode(recorder, decodes, name):
    image = opened(name)
    views(image)
    # The first view's part, and then the whole of it, of which all others are made.
    assert decodes["file"] == 2
    outcome = recorder.outcomes[0]
    assert outcome.views > 1
    assert not outcome.by_library


def test_where_files_have_several_views_the_first_one_decodes_all_of_it(recorder, decodes):
    for _ in range(2):
        for name in FILES:
            views(opened(name), 2)
        recorder.count()
    for name in FILES * 20:
        decodes.clear()
        views(opened(name), 3)
        assert decodes["file"] == 1
        recorder.count()


def test_what_is_touched_once_is_decoded_as_far_as_it_is_looked_at(recorder, decodes):
    for name in FILES:
        np.array(opened(name).crop((3, 3, 9, 9)))
    assert decodes == {"file": len(FILES)}
    assert [outcome.views for outcome in recorder.outcomes] == [1] * len(FILES)
    counted = recorder.count()
    assert counted.touched == len(FILES)
    assert counted.reasons == {"np.array": len(FILES)}


def test_whole_images_are_kept_within_bounds(recorder, monkeypatch):
    monkeypatch.setattr(pixels, "_MOST_BYTES", 6000)
    images = [opened(name) for name in FILES]
    for image in images:
        views(image, 2)
    sources = {image._trace.source for image in images}
    assert sum(bool(source._made) for source in sources) == 1


@pytest.mark.parametrize("shape", [(3, 5), (3, 5, 3), (1, 1), (7, 2, 3)])
def test_pixels_travel_as_files(shape):
    made = np.random.default_rng(0).integers(0, 256, shape, np.uint8)
    content, (height, width, channels, file_format) = as_file(made)
    assert _native.image_shape(content) == (file_format, height, width, channels)
    out = np.empty((height, width, channels), np.uint8)
    assert _native.decode_image(content, (0, 0, width, height), out)
    assert np.array_equal(out.reshape(shape), made)


class Mixed(Dataset):
    """One of whose two views one is touched."""

    def __len__(self):
        return 24

    def __getitem__(self, index):
        image = opened(FILES[index % len(FILES)])
        strong = F.to_tensor(image.crop((0, 0, 20, 20)).filter(ImageFilter.MedianFilter()))
        return F.to_tensor(image.crop((5, 5, 25, 25))), strong


@pytest.mark.parametrize("workers", [0, 1])
def test_views_of_which_some_are_touched(workers):
    theirs = list(torch.utils.data.DataLoader(Mixed(), 4))
    loader = penstock.DataLoader(Mixed(), 4, num_workers=workers)
    for mine, other in zip(loader, theirs, strict=True):
        assert all(map(torch.equal, mine, other))
    stats = penstock.stats(loader)
    assert (stats.images, stats.touched, stats.by_library) == (24, 24, 0)
    assert stats.by_pillow == {"Image.filter": 24}
