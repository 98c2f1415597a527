"""Images whose pixels are numbers of a palette's colours, and gray ones of a few bits."""

import io
import random

import numpy as np
import pytest
import torch
import torch.utils.data
from PIL import Image, ImageOps
from support.both_loaders import age, assert_program, write_images
from support.pngs import write_png
from support.sides import both, is_ours, side
from torch.utils.data import Dataset
from torchvision import transforms as T
from torchvision.transforms import functional as F
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F2

NEAREST = T.InterpolationMode.NEAREST
# By colour type and bits of a sample.
FILES = {
    (color, depth): write_png((37, 46), color=color, depth=depth)
    for color, depth in ((0, 2), (0, 4), (3, 1), (3, 2), (3, 4), (3, 8))
}
# What records, to the end.
MOVES = {
    "copied": lambda p: p.copy(),
    "cropped": lambda p: p.crop((3, 4, 20, 19)),
    "resized": lambda p: p.resize((60, 20), Image.Resampling.NEAREST),
    "resized by F": lambda p: F.resize(p, 50, NEAREST),
    "flipped": lambda p: F.vflip(F.hflip(p)),
    "flipped by v2": lambda p: F2.horizontal_flip(p),
    "turned": lambda p: p.rotate(90),
    "rotated": lambda p: p.rotate(30, fillcolor=3),
    "rotated by F": lambda p: F.rotate(p, 200, fill=1),
    "expanded": lambda p: ImageOps.expand(p, 3, 7),
    "padded": lambda p: F.pad(p, [1, 2, 3, 4], 9),
    "padded by v2": lambda p: F2.pad(p, [2, 1], fill=5),
    "moved": lambda p: F.pad(p.crop((5, 1, 40, 30)).resize((17, 60), Image.Resampling.NEAREST), 4, 255),
    "in colours": lambda p: p.convert("RGB"),
    "gray": lambda p: p.convert("L"),
    "colours resized": lambda p: F.pad(p, 2, 3).convert("RGB").resize((33, 21)),
    "random": lambda p: T.RandomCrop(30, padding=3, fill=2)(T.RandomHorizontalFlip()(p)),
    # Looked up when they are called.
    "tensor": lambda p: F.pil_to_tensor(p),
    "tensor by v2": lambda p: F2.pil_to_tensor(p),
    "tensor of a part": lambda p: F.pil_to_tensor(p.crop((1, 1, 9, 9))),
    "values": lambda p: F.to_tensor(p),
    "image": lambda p: v2.ToImage()(p),
    "whole numbers": lambda p: F.pil_to_tensor(p).to(torch.int64),
}
# What does not, or not always.
OTHERS = {
    "resized smoothly": lambda p: p.resize((20, 20), Image.Resampling.BILINEAR),
    "loaded": lambda p: p.load() and p,
    "converted": lambda p: p.convert(),
    "in colours with alpha": lambda p: p.convert("RGBA"),
    "padded with a colour": lambda p: F.pad(p, 2, (3,)),
    "expanded by a colour": lambda p: ImageOps.expand(p, 2, (1, 2, 3)),
    "rotated on a colour": lambda p: p.rotate(20, fillcolor=(5, 6, 7)),
    "reflected": lambda p: F.pad(p, 5, padding_mode="reflect"),
    "array": np.array,
    "array of a part": lambda p: np.asarray(F.hflip(p.crop((2, 2, 30, 22)))),
    "whole numbers": lambda p: torch.as_tensor(np.array(F.pad(p, 3, 255)), dtype=torch.int64),
    "palettes": lambda p: [p.getpalette(), p.crop((1, 1, 9, 9)).getpalette(), p.getpalette("RGBA"), p],
    "palette objects": lambda p: [vars(q.palette) if q.palette else None for q in (p, p.crop((1, 1, 9, 9)))],
    "another palette": lambda p: p.putpalette([1, 2, 3] * 9) or p,
    "another palette, loaded": lambda p: (q := p.copy()).putpalette([1, 2, 3] * 9) or [q, q.convert("RGB"), p],
    "another palette, of bytes": lambda p: (q := p.copy()).putpalette(bytes(range(9))) or [q, q.crop((0, 0, 5, 5))],
    "a palette that is none": lambda p: p.copy().putpalette([1, 2]),
    "inverted": ImageOps.invert,
    "equalized": ImageOps.equalize,
    "looked up": lambda p: p.point(list(range(255, -1, -1))),
    "brighter": lambda p: F.adjust_brightness(p, 1.4),
    "gray in three": T.Grayscale(3),
    "colours": lambda p: p.getcolors(),
    "quantized": lambda p: p.convert("RGB").quantize(5),
}


@pytest.mark.parametrize("name", [*MOVES, *OTHERS])
@pytest.mark.parametrize("file", FILES)
def test_pillow_gives_the_same(file, name):
    function = {**MOVES, **OTHERS}[name]
    ours, theirs = both(lambda: function(Image.open(io.BytesIO(FILES[file]))))
    assert ours == theirs


@pytest.mark.parametrize("name", MOVES)
@pytest.mark.parametrize("file", FILES)
def test_what_moves_numbers_records(file, name):
    with side(ours=True):
        assert is_ours(MOVES[name](Image.open(io.BytesIO(FILES[file]))))


def test_what_was_given_a_palette_keeps_it():
    """One that is given another palette is another image than those that it was made of, and that were made of it."""

    def seen():
        image = Image.open(io.BytesIO(FILES[3, 8])).crop((0, 0, 30, 30))
        before = image.rotate(90)
        image.putpalette([7, 8, 9] * 20)
        return [image.resize((9, 9)).convert("RGB"), before.convert("RGB"), before, image]

    ours, theirs = both(seen)
    assert ours == theirs


@pytest.fixture
def paths(tmp_path):
    """Photographs and their masks, of one size each."""
    photographs, masks = write_images(tmp_path / "images"), []
    for number, path in enumerate(photographs):
        with Image.open(path) as photograph:
            width, height = photograph.size
        depth = (8, 4, 2, 1)[number % 4]
        mask = path.with_suffix(".png")
        mask.write_bytes(write_png((height, width), color=3, depth=depth, seed=number))
        age(mask)
        masks.append(mask)
    return [*zip(photographs, masks, strict=True)]


class Segmented(Dataset):
    """A photograph and the classes of its pixels, resized, flipped, padded and cropped alike."""

    def __init__(self, paths, finish):
        self.paths, self.finish = paths, finish

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        photograph, mask = (Image.open(path) for path in self.paths[index])
        photograph, size = photograph.convert("RGB"), random.randint(30, 70)
        photograph, mask = F.resize(photograph, size, antialias=True), F.resize(mask, size, NEAREST)
        if random.random() < 0.5:
            photograph, mask = F.hflip(photograph), F.hflip(mask)
        margins = [0, 0, max(48 - mask.width, 0), max(48 - mask.height, 0)]
        photograph, mask = F.pad(photograph, margins), F.pad(mask, margins, fill=255)
        part = T.RandomCrop.get_params(photograph, (48, 48))
        photograph, mask = F.crop(photograph, *part), F.crop(mask, *part)
        return F.to_tensor(photograph), self.finish(mask)


def numbers(mask):
    return torch.as_tensor(np.array(mask), dtype=torch.int64)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(("finish", "share"), [(T.PILToTensor(), 1.0), (numbers, 0.5)])
def test_segmentation(paths, workers, finish, share):
    stats = assert_program(
        lambda: torch.utils.data.DataLoader(Segmented(paths, finish), 4, shuffle=True, num_workers=workers), share
    )
    # What is touched is made natively, too.
    assert (stats.images, stats.by_library) == (2 * len(paths), 0)
    assert stats.touched == round((1 - share) * stats.images)
