"""Images of arrays, and those that Pillow has decoded: what is made of them records, over pixels as they were."""

import copy
import io
import pickle

import numpy as np
import pytest
import torch
import torch.utils.data
from PIL import Image, ImageEnhance, ImageFilter, ImageOps
from support.both_loaders import assert_program
from support.files import encode, photo
from support.sides import both, is_ours, side
from support.unread import unread
from torch.utils.data import Dataset
from torchvision import transforms as T
from torchvision.transforms import functional as F
from torchvision.transforms import v2

import penstock

ARRAY = photo(37, 45)
ALPHA = np.dstack([ARRAY, ARRAY[..., 1]])


def opened(mode, kind):
    content = encode(ARRAY, kind, mode=mode)
    return lambda: Image.open(io.BytesIO(content))


OF_COLOURS = {
    "colours": lambda: Image.fromarray(ARRAY),
    "colours by mode": lambda: Image.fromarray(ARRAY, mode="RGB"),
    "colours with gaps": lambda: Image.fromarray(ARRAY[::2, ::-1]),
    "read-only": lambda: Image.fromarray(np.broadcast_to(ARRAY[:1], ARRAY.shape)),
    "tensor": lambda: F.to_pil_image(torch.from_numpy(ARRAY).permute(2, 0, 1)),
    "tensor of fractions": lambda: T.ToPILImage()(torch.linspace(0, 1, 3 * 35 * 40).view(3, 35, 40)),
    "array by torchvision": lambda: v2.ToPILImage()(ARRAY),
}
# Pillow's own, of which what is made records.
OF_PILLOW = {
    "gray": lambda: Image.fromarray(ARRAY[..., 0].copy()),
    "gray with gaps": lambda: Image.fromarray(ARRAY[..., 0]),
    "numbers": lambda: Image.fromarray(ARRAY[..., 0].copy(), "P"),
    "gray tensor": lambda: F.to_pil_image(torch.from_numpy(ARRAY).permute(2, 0, 1)[:1]),
    "alpha": lambda: Image.fromarray(ALPHA).convert("RGB"),
    "bmp": opened("RGB", "BMP"),
    "gray bmp": opened("L", "BMP"),
    "gif": opened("P", "GIF"),
    "tiff": opened("RGB", "TIFF"),
    "ppm": opened("RGB", "PPM"),
    "png with alpha": lambda: opened("RGBA", "PNG")().convert("RGB"),
    "cmyk": lambda: opened("CMYK", "JPEG")().convert("RGB"),
    "bits": lambda: opened("1", "PNG")().convert("L"),
}
IMAGES = {
    **OF_COLOURS,
    **OF_PILLOW,
    "wide numbers": lambda: Image.fromarray(ARRAY[..., 0].astype(np.int32)),
    "with alpha": lambda: Image.fromarray(ALPHA),
    "opened with alpha": opened("LA", "PNG"),
    "opened in four": opened("CMYK", "JPEG"),
    "none": lambda: Image.fromarray(np.zeros((0, 5, 3), np.uint8)),
    "fractions": lambda: Image.fromarray(ARRAY.astype(np.float32)),
    "another mode": lambda: Image.fromarray(ARRAY, "HSV"),
}
CALLS = {
    "nothing": lambda p: p,
    "loaded": lambda p: p.load() and p,
    "copied": lambda p: p.copy(),
    "cropped": lambda p: p.crop((3, 4, 20, 19)),
    "resized": lambda p: p.resize((60, 20)),
    "flipped": F.hflip,
    "colours": lambda p: p.convert("RGB").resize((20, 20)),
    "gray": lambda p: p.convert("L").resize((9, 9)),
    "numbers": lambda p: p.convert("RGB").convert("P").convert("RGB"),
    "padded": lambda p: F.pad(p, 4),
    "rotated": lambda p: p.rotate(33),
    "brighter": lambda p: F.adjust_brightness(p, 1.4),
    "enhanced": lambda p: ImageEnhance.Color(p).enhance(0.3),
    "degenerate": lambda p: ImageEnhance.Brightness(p).degenerate,
    "another hue": lambda p: F.adjust_hue(p, 0.1),
    "blurred": lambda p: p.filter(ImageFilter.GaussianBlur(1)),
    "array": np.array,
    "tensor": F.pil_to_tensor,
    "values": F.to_tensor,
    "pickled": lambda p: [pickle.loads(pickle.dumps(q)) for q in (p, p.crop((0, 0, 5, 5)), p.resize((5, 5)))],
    "deeply copied": lambda p: copy.deepcopy(p).resize((9, 9)),
    "pasted to": lambda p: p.paste(5, (0, 0, 3, 3)) or p.resize((20, 20)),
    "equal": lambda p: [p == p.copy(), p.copy() == p, p.crop((0, 0, 5, 5)) == p, p != p.resize((4, 4))],
    "kind": lambda p: [isinstance(p, Image.Image), type(p) == Image.Image, repr(p).partition(" ")[0]],  # noqa: E721
    "cropped at random": T.RandomResizedCrop(16),
    "changed at random": T.ColorJitter(0.4, 0.4, 0.4, 0.1),
    "by version 2": v2.Compose([v2.ToImage(), v2.Resize(9), v2.ToDtype(torch.float32, scale=True)]),
    "split": lambda p: p.split(),
    "by its own name": lambda p: Image.Image.resize(p, (9, 9)),
    "exif": ImageOps.exif_transpose,
    "with a palette": lambda p: p.putpalette(list(range(256)) * 3) or p.convert("RGB"),
    "small": lambda p: p.thumbnail((9, 9)) or p,
    "closed": lambda p: p.close() or p.resize((4, 4)),
}


@pytest.mark.parametrize("call", CALLS)
def test_pillow_gives_the_same(call):
    for name, make in IMAGES.items():
        ours, theirs = both(lambda make=make: CALLS[call](make()))
        assert ours == theirs, name


@pytest.mark.parametrize("name", [*OF_COLOURS, *OF_PILLOW])
def test_what_is_made_of_it_records(name):
    with side(ours=True):
        image = IMAGES[name]()
        assert is_ours(image) == (name in OF_COLOURS)
        for made in (image.resize((9, 7)), F.hflip(image), F.pil_to_tensor(image), F.pad(image, 2, 3)):
            assert is_ours(made)


@pytest.mark.parametrize("mode", ["RGB", "L", "P"])
@pytest.mark.parametrize("contiguous", [True, False])
def test_edits_of_the_array_are_seen_as_pillow_sees_them(mode, contiguous):
    def seen():
        array = (ARRAY if mode == "RGB" else ARRAY[..., 0]).copy(order="C" if contiguous else "F")
        image = Image.fromarray(array, mode)
        array[:9] = 7
        first = image.resize((20, 20), Image.Resampling.NEAREST)
        array[5:12] = 99
        second = F.pil_to_tensor(image)
        array[:] = 3
        last = [image.rotate(90), image.copy(), image.convert("RGB")]
        array[:] = 200
        return [first, second, *last, image]

    ours, theirs = both(seen)
    assert ours == theirs


def test_edits_of_a_image_that_pillow_has_are_seen():
    def seen():
        image = opened("RGB", "BMP")()
        made = [image.resize((9, 9))]
        image.putpixel((3, 3), (1, 2, 3))
        made.append(F.pil_to_tensor(image))
        image.paste((9, 9, 9), (0, 0, 20, 20))
        return [*made, image.resize((9, 9)), F.hflip(image)]

    ours, theirs = both(seen)
    assert ours == theirs


@pytest.mark.parametrize("kind", ["GIF", "BMP", "PNG"])
def test_a_broken_file_raises_where_pillow_does(kind):
    content = encode(ARRAY, kind, mode="P" if kind == "GIF" else "RGBA" if kind == "PNG" else "RGB")

    def seen():
        image = Image.open(io.BytesIO(content[: len(content) // 2]))
        return image.resize((9, 9))

    ours, theirs = both(seen)
    assert ours == theirs
    assert ours[0] == "raised"


class Arrays(Dataset):
    """Images in memory, as small data sets have them."""

    def __init__(self, transform, shape=(32, 32, 3)):
        self.data = np.random.default_rng(0).integers(0, 256, (20, *shape), np.uint8)
        self.transform = transform

    def __len__(self):
        return len(self.data)

    def __getitem__(self, index):
        return self.transform(Image.fromarray(self.data[index])), index


PIPELINES = {
    "small": T.Compose(
        [T.RandomCrop(32, padding=4), T.RandomHorizontalFlip(), T.ToTensor(), T.Normalize([0.5] * 3, [0.25] * 3)]
    ),
    "resized": T.Compose([T.RandomResizedCrop(40), T.ColorJitter(0.4, 0.4, 0.4), T.ToTensor()]),
    "smaller": T.Compose([T.Resize(12), T.RandomRotation(20), T.PILToTensor()]),
}


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("name", PIPELINES)
@pytest.mark.parametrize("shape", [(32, 32, 3), (30, 36)])
def test_arrays_in_memory(name, workers, shape):
    transform = PIPELINES[name]
    if name == "small" and len(shape) == 2:
        transform = T.Compose([*transform.transforms[:-1], T.Normalize([0.5], [0.25])])
    stats = assert_program(
        lambda: torch.utils.data.DataLoader(Arrays(transform, shape), 6, shuffle=True, num_workers=workers)
    )
    assert stats.images == 20


class Images(Dataset):
    """Images themselves, of which more is made than is given away."""

    def __len__(self):
        return 3 * len(IMAGES)

    def __getitem__(self, index):
        image = [*IMAGES.values()][index % len(IMAGES)]()
        return image, image.crop((0, 0, 5, 5)), image.resize((9, 7)), image.copy()


@pytest.mark.parametrize("workers", [0, 2])
def test_images_that_are_given_away_are_pillows(workers):
    def walk(cls):
        dataset = torch.utils.data.Subset(Images(), [*range(len(IMAGES) - 3)])
        loader = cls(dataset, 4, num_workers=workers, collate_fn=list)
        return [image for batch in loader for images in batch for image in images]

    ours, theirs = (walk(cls) for cls in (penstock.DataLoader, torch.utils.data.DataLoader))
    for mine, other in zip(ours, theirs, strict=True):
        assert type(mine) is type(other)
        assert mine == other


class Twice(Arrays):
    """A weak view and a strong one, and what was touched of a third."""

    def __getitem__(self, index):
        image = F.to_pil_image(torch.from_numpy(self.data[index]).permute(2, 0, 1))
        touched = F.hflip(image)
        return self.transform(image), F.to_tensor(F.invert(image)), np.array(touched).astype(np.float32)


@pytest.mark.parametrize("workers", [0, 2])
def test_views_of_one_array(workers):
    stats = assert_program(
        lambda: torch.utils.data.DataLoader(Twice(PIPELINES["resized"]), 6, num_workers=workers), None
    )
    assert (stats.images, stats.touched, stats.by_library) == (20, 20, 0)


class Opened(Dataset):
    """Files of a format that Pillow decodes."""

    def __init__(self, content, mode):
        self.content, self.mode = content, mode

    def __len__(self):
        return 12

    def __getitem__(self, index):
        image = unread(Image.open(io.BytesIO(self.content)).convert(self.mode))
        return F.to_tensor(F.resize(image, [20, 24])), index


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(("kind", "mode"), [("GIF", "P"), ("BMP", "RGB"), ("TIFF", "L"), ("PNG", "RGBA")])
def test_what_pillow_has_decoded_goes_on(kind, mode, workers):
    dataset = Opened(encode(ARRAY, kind, mode=mode), "RGB")
    stats = assert_program(lambda: torch.utils.data.DataLoader(dataset, 4, num_workers=workers))
    assert stats.images == 12
