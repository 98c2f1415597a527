"""Random programs over images and tensors: what somebody's `__getitem__` may do with a file."""

import copy
import io
import os
import pickle
import random
import re
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps
from torchvision import transforms as T
from torchvision import tv_tensors
from torchvision.transforms import functional as F
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F2

from support.named_calls import Call, named_calls
from support.sides import KINDS, folder, outcome

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
FLOAT = {torch.float32, torch.float64, torch.float16}


def _drawn_on(image: Any) -> Any:
    ImageDraw.Draw(image).line((0, 0, 9, 9), fill=3)
    return image


def _with_rectangles(image: Any, *corners: Any, fill: Any = (9, 120, 230)) -> Any:
    copy = image.copy()
    draw = ImageDraw.Draw(copy)
    for each in corners:
        draw.rectangle(each, fill if copy.mode == "RGB" else 77)
    return copy


def _drawn_later(image: Any) -> Any:
    """Drawn on by what is kept, after and while others look at the image."""
    copy = image.copy()
    draw, other = ImageDraw.Draw(copy), ImageDraw.Draw(copy)
    draw.rectangle((2, 3, 9.7, 8), 200)
    before = np.array(copy)
    other.rectangle([(0, 0), (4, 5)], fill=90)
    kept = copy.copy()
    draw.rectangle((1, 1, 12, 6), 30, outline=9, width=2)
    other.line((0, 9, 9, 0), fill=8)
    draw.rectangle((5, 0, 7, 2), 3)
    return copy, kept, before, draw.mode, type(other).__name__


def _replaced_under_a_pen(image: Any) -> Any:
    copy = image.copy()
    draw = ImageDraw.Draw(copy)
    draw.rectangle((2, 3, 9, 8), 200)
    copy.thumbnail((11, 9))
    draw.rectangle((0, 0, 4, 4), 7)
    return copy, draw.im.size


def _painted(image: Any, color: Any, *box: Any) -> Any:
    copy = image.copy()
    copy.paste(color, *box)
    return copy


def _on_canvas(image: Any, mode: str, size: Any, color: Any, *box: Any) -> Any:
    canvas = Image.new(mode, size, color)
    canvas.paste(image, *box)
    return canvas


def _square(image: Any) -> Any:
    side = max(image.size)
    return _on_canvas(image, image.mode, (side, side), 7, ((side - image.width) // 2, (side - image.height) // 2))


def _pasted_twice(image: Any) -> Any:
    canvas = _on_canvas(image, "RGB", (60, 50), "navy", (-3, 5))
    first = np.array(canvas)
    canvas.paste(image, (20, 9))
    image.paste(3, (0, 0, 2, 2))
    return canvas, first


def _blanks(image: Any) -> Any:
    canvas = Image.new("RGB", image.size, (3, 4, 5))
    copies = canvas.copy(), pickle.loads(pickle.dumps(canvas)), np.asarray(canvas), canvas == Image.new("RGB", (1, 1))
    canvas.putpixel((0, 0), (9, 9, 9))
    canvas.paste(image)
    return canvas, copies


def _merged(image: Any, *orders: Any, change: Callable[[Any], Any] = lambda band: band) -> Any:
    bands = [change(band) for band in image.split()]
    return [Image.merge("RGB", [bands[place] for place in order]) for order in orders]


def _equalized_by_channel(image: Any) -> Any:
    bands = image.convert("YCbCr").split()
    return Image.merge("YCbCr", (bands[0].point(lambda value: 255 - value), *bands[1:])).convert("RGB")


def _pasted(image: Any) -> Any:
    image.paste(image.copy().resize((5, 4)), (1, 1))
    return image


def _thumbnail(image: Any) -> Any:
    image.thumbnail((17, 13))
    return image


def _set_pixel(image: Any) -> Any:
    image.load()[0, 0] = image.getpixel((0, 0))
    return image


def _given_colors(image: Any) -> Any:
    if image.mode in ("L", "P"):
        image.putpalette([value * 7 % 256 for value in range(3 * 200)])
    return image


def _mode_of(image: Any) -> Any:
    return len(image.getbands())


# Steps by name; each is called on whatever there is, and may raise.
ON_IMAGES: dict[str, Callable[[Any], Any]] = {
    "load": lambda p: p.load() and p,
    "copy": lambda p: p.copy(),
    "convert RGB": lambda p: p.convert("RGB"),
    "convert L": lambda p: p.convert("L"),
    "convert RGBA": lambda p: p.convert("RGBA"),
    "convert": lambda p: p.convert(),
    "getpalette": lambda p: p.getpalette(),
    "putpalette": _given_colors,
    "crop": lambda p: p.crop((1, 2, min(19, p.width), min(17, p.height))),
    "crop outside": lambda p: p.crop((-3, 1, p.width, p.height + 2)),
    "crop fractions": lambda p: p.crop((0.4, 1.5, p.width - 0.5, p.height - 1.5)),
    "resize": lambda p: p.resize((15, 21), Image.Resampling.BILINEAR),
    "resize nearest": lambda p: p.resize((30, 11), Image.Resampling.NEAREST),
    "resize bicubic": lambda p: p.resize((52, 60)),
    "resize box": lambda p: p.resize((9, 9), Image.Resampling.LANCZOS, (1, 1, 8, 8)),
    "resize gap": lambda p: p.resize((7, 6), Image.Resampling.BOX, reducing_gap=1.5),
    "flip": lambda p: p.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
    "turn": lambda p: p.transpose(Image.Transpose.ROTATE_90),
    "rotate": lambda p: p.rotate(180),
    "rotate a little": lambda p: p.rotate(7),
    "rotate on a colour": lambda p: p.rotate(20, fillcolor=(9, 120, 230)),
    "exif": ImageOps.exif_transpose,
    "exif in place": lambda p: ImageOps.exif_transpose(p, in_place=True) or p,
    "fit": lambda p: ImageOps.fit(p, (20, 20)),
    "mirror": ImageOps.mirror,
    "expand": lambda p: ImageOps.expand(p, 2, 7),
    "equalize": ImageOps.equalize,
    "color": lambda p: ImageEnhance.Color(p).enhance(0.4),
    "blur": lambda p: p.filter(ImageFilter.GaussianBlur(1)),
    "draw": _drawn_on,
    "paste": _pasted,
    "thumbnail": _thumbnail,
    "draft": lambda p: p.draft("L", (8, 8)) and p,
    "pixel": lambda p: p.getpixel((0, 0)),
    "set pixel": _set_pixel,
    "put alpha": lambda p: p.putalpha(9) or p,
    "info": lambda p: dict(p.info),
    "getexif": lambda p: dict(p.getexif()),
    "band count": _mode_of,
    "with": lambda p: p.__enter__().convert("RGB"),
    "left": lambda p: p.__exit__(None, None, None) or p,
    "close": lambda p: p.close() or p,
    "pickle": lambda p: pickle.loads(pickle.dumps(p)),
    "deepcopy": copy.deepcopy,
    "array": np.asarray,
    "from array": lambda p: Image.fromarray(np.array(p)),
    "split": lambda p: Image.merge(p.mode, p.split()),
    "bands": lambda p: p.split(),
    "band": lambda p: p.getchannel(len(p.getbands()) - 1),
    "band by name": lambda p: p.getchannel("R"),
    "no band": lambda p: p.getchannel(3),
    "no band before": lambda p: p.getchannel(-1),
    "band by a word": lambda p: p.getchannel("r"),
    "bands in order": lambda p: _merged(p, (2, 1, 0), (1, 1, 2), (0, 0, 0)),
    "bands resized": lambda p: _merged(p, (1, 2, 0), change=lambda band: band.resize((9, 12))),
    "bands looked up": lambda p: _merged(p, (0, 1, 2), change=lambda band: band.point(lambda value: value // 2)),
    "bands with tables": _equalized_by_channel,
    "bands of others": lambda p: Image.merge("RGB", (*p.split()[:2], p.convert("L"))),
    "gray three times": lambda p: Image.merge("RGB", [p.convert("L")] * 3),
    "YCbCr": lambda p: p.convert("YCbCr"),
    "YCbCr and back": lambda p: p.convert("YCbCr").resize((13, 17)).convert("RGB"),
    "luma": lambda p: p.convert("YCbCr").split()[0],
    "Cr": lambda p: p.convert("YCbCr").crop((1, 1, 9, 8)).getchannel("Cr"),
    "HSV": lambda p: p.convert("HSV"),
    "HSV and back": lambda p: p.convert("HSV").transpose(Image.Transpose.ROTATE_90).convert("RGB"),
    "value": lambda p: p.convert("HSV").getchannel(2),
    "rectangle": lambda p: _with_rectangles(p, (3, 4, 9, 11)),
    "rectangles": lambda p: _with_rectangles(p, (2.9, 3.2, 7.99, 9), (-5, -1, 2, 2), [(6, 6), (90, 80)], [1, 1, 1, 1]),
    "rectangle outside": lambda p: _with_rectangles(p, (80, 80, 90, 90), (-9, -9, -1, -1), (-9.5, -9, -0.5, -0.1)),
    "rectangle the wrong way": lambda p: _with_rectangles(p, (9, 4, 3, 11)),
    "rectangle of three numbers": lambda p: _with_rectangles(p, (9, 4, 3)),
    "rectangle of a name": lambda p: _with_rectangles(p, (3, 4, 9, 11), fill="tomato"),
    "rectangle of a number": lambda p: _with_rectangles(p, (3, 4, 9, 11), fill=0x123456),
    "rectangle of nothing": lambda p: _with_rectangles(p, (3, 4, 9, 11), fill=None),
    "rectangle of no colour": lambda p: _with_rectangles(p, (3, 4, 9, 11), fill=(1, 2.5, 300)),
    "rectangle of NumPy's": lambda p: _with_rectangles(p, (np.float64(1.5), np.int64(2), 7, np.float32(9.9))),
    "rectangle of an array": lambda p: _with_rectangles(p, np.array([1.5, 2, 7, 9])),
    "draw later": _drawn_later,
    "draw on what was replaced": _replaced_under_a_pen,
    "paint": lambda p: _painted(p, 9, (2, 3, 12, 9)),
    "paint outside": lambda p: _painted(p, (1, 2, 3), (-4, -2, 3, 300)),
    "paint nothing": lambda p: _painted(p, "red", (5, 5, 5, 9)),
    "paint everywhere": lambda p: _painted(p, 9),
    "paint with a list": lambda p: _painted(p, [1, 2, 3], [2, 3, 12, 9]),
    "paint with fractions": lambda p: _painted(p, 9, (2.5, 3, 12, 9)),
    "square": _square,
    "letterbox": lambda p: _on_canvas(p.resize((20, 11)), "RGB", (24, 24), (128, 128, 128), (2, 6)),
    "letterbox by a list": lambda p: _on_canvas(p, "RGB", [60, 70], "#102030", [3, 4]),
    "corner": lambda p: _on_canvas(p, "L", (30, 20), 90),
    "pasted to its size": lambda p: _on_canvas(p, p.mode, p.size, 0, (0, 0, *p.size)),
    "pasted to another size": lambda p: _on_canvas(p, p.mode, (70, 70), 0, (0, 0, 7, 7)),
    "pasted outside": lambda p: _on_canvas(p, "RGB", (20, 20), None, (20, 3)),
    "pasted partly": lambda p: _on_canvas(p, "RGB", (20, 20), 0x102030, (-7, 3)),
    "pasted by a mask": lambda p: _on_canvas(p, "RGB", p.size, (1, 2, 3), (0, 0), p.convert("L")),
    "pasted by fractions": lambda p: _on_canvas(p, "RGB", (20, 20), (1, 2, 3), (0.5, 1)),
    "pasted by NumPy's": lambda p: _on_canvas(p, "RGB", (99, 99), (1, 2, 3), (np.int64(5), np.int32(-1))),
    "pasted twice": _pasted_twice,
    "blanks": _blanks,
    "pad": lambda p: ImageOps.pad(p, (30, 30), color=9),
    "blend": lambda p: Image.blend(p, p.transpose(Image.Transpose.FLIP_TOP_BOTTOM), 0.3),
    "equal": lambda p: p == p.copy(),
    # Looked up when they are called, and once as somebody who imported them by name has them.
    "to_tensor": lambda p: F.to_tensor(p),
    "pil_to_tensor": lambda p: F.pil_to_tensor(p),
    "to_image": lambda p: F2.to_image(p),
    "v2 pil_to_tensor": lambda p: F2.pil_to_tensor(p),
    "imported to_tensor": F.to_tensor,
    "ToTensor": T.ToTensor(),
    "ToImage": v2.ToImage(),
    "v2 float": v2.Compose([v2.ToImage(), v2.ToDtype(torch.float32, scale=True)]),
    "v2 all": v2.Compose(
        [
            v2.RandomResizedCrop(16, antialias=True),
            v2.RandomHorizontalFlip(),
            v2.ToImage(),
            v2.ToDtype({tv_tensors.Image: torch.float32, "others": None}, scale=True),
            v2.Normalize(MEAN, STD),
            v2.ToPureTensor(),
        ]
    ),
    "v1 all": T.Compose(
        [
            T.RandomResizedCrop(16),
            T.RandomHorizontalFlip(),
            T.RandomVerticalFlip(),
            T.ColorJitter(0.1, 0.1),
            T.ToTensor(),
            T.Normalize(MEAN, STD),
            T.RandomErasing(),
        ]
    ),
    "Grayscale": T.Grayscale(3),
    "Grayscale to one": T.Grayscale(),
    "Grayscale of v2": v2.Grayscale(),
    "RandAugment": T.RandAugment(),
    "AutoAugment": T.AutoAugment(),
    "AugMix": T.AugMix(),
    "FiveCrop": T.FiveCrop(9),
}
ON_BOTH: dict[str, Callable[[Any], Any]] = {
    "F.resize": lambda v: F.resize(v, [14, 19], antialias=True),
    "F.resize small side": lambda v: F.resize(v, 12),
    "F.center_crop": lambda v: F.center_crop(v, [14, 14]),
    "F.crop": lambda v: F.crop(v, 1, 2, 8, 9),
    "F.crop outside": lambda v: F.crop(v, -1, 2, 99, 9),
    "F.resized_crop": lambda v: F.resized_crop(v, 1, 1, 9, 8, [12, 12], antialias=True),
    "F.resized_crop nearest": lambda v: F.resized_crop(v, 0, 2, 7, 7, [5, 9], T.InterpolationMode.NEAREST),
    "F.hflip": F.hflip,
    "F.vflip": F.vflip,
    "F.pad": lambda v: F.pad(v, [1, 2, 3, 4], fill=5),
    "F.invert": F.invert,
    "F.rotate": lambda v: F.rotate(v, 90),
    "F.brightness": lambda v: F.adjust_brightness(v, 1.3),
    "F.gray": lambda v: F.rgb_to_grayscale(v, 3),
    "F.size": F.get_image_size,
    "F.dimensions": F.get_dimensions,
    "F2.resize": lambda v: F2.resize(v, [14, 19]),
    "F2.horizontal_flip": F2.horizontal_flip,
    "F2.vertical_flip": F2.vertical_flip,
    "F2.center_crop": lambda v: F2.center_crop(v, [9, 12]),
    "F2.crop": lambda v: F2.crop(v, 1, 1, 8, 9),
    "F2.pad": lambda v: F2.pad(v, [2]),
    "F2.size": F2.get_size,
    "F2.channels": F2.get_num_channels,
    "F2.solarize": lambda v: F2.solarize(v, 0.5),
    "v2.Pad": v2.Pad(1, fill={Image.Image: 9, tv_tensors.Image: 3, "others": 200}),
    "v2.RandomCrop": v2.RandomCrop(12, pad_if_needed=True),
    "v2.RandomPhotometricDistort": v2.RandomPhotometricDistort(p=1),
    "T.RandomCrop": T.RandomCrop(11, padding=2, pad_if_needed=True),
    "T.RandomAffine": T.RandomAffine(5),
    "T.RandomApply": T.RandomApply([T.RandomHorizontalFlip(1)], 0.5),
}
ON_TENSORS: dict[str, Callable[[Any], Any]] = {
    "F.normalize": lambda t: F.normalize(t, MEAN, STD),
    "F.normalize in place": lambda t: F.normalize(t, MEAN, STD, inplace=True),
    "F.normalize lists": lambda t: F.normalize(t, [0.5], [2]),
    "F.normalize tensors": lambda t: F.normalize(t, torch.tensor(MEAN), torch.tensor(STD)),
    "F.normalize zero": lambda t: F.normalize(t, [0.5], [0.0]),
    "F2.normalize": lambda t: F2.normalize(t, list(MEAN), list(STD)),
    "F2.normalize in place": lambda t: F2.normalize(t, list(MEAN), list(STD), inplace=True),
    "convert float": lambda t: F.convert_image_dtype(t, torch.float32),
    "convert uint8": lambda t: F.convert_image_dtype(t, torch.uint8),
    "convert int32": lambda t: F.convert_image_dtype(t, torch.int32),
    "convert half": lambda t: F.convert_image_dtype(t, torch.float16),
    "to_dtype": lambda t: F2.to_dtype(t, torch.float32, scale=True),
    "to_dtype unscaled": lambda t: F2.to_dtype(t, torch.float64),
    "to_dtype same": lambda t: F2.to_dtype(t, t.dtype, scale=True),
    "to_pil": F.to_pil_image,
    "pure": lambda t: t.as_subclass(torch.Tensor),
    "image": tv_tensors.Image,
    "erase": lambda t: F.erase(t, 1, 1, 4, 5, torch.zeros(1, dtype=t.dtype)),
    "erase in place": lambda t: F.erase(t, 1, 1, 4, 5, torch.ones(1, dtype=t.dtype), inplace=True),
    "F2.erase in place": lambda t: F2.erase(t, 1, 1, 4, 5, torch.ones(1, dtype=t.dtype), inplace=True),
    "add": lambda t: t.add_(1),
    "iadd": lambda t: t.__iadd__(1),
    "mul": lambda t: t * 2,
    "zero": lambda t: t[0].zero_(),
    "view": lambda t: t[..., 1:],
    "permute": lambda t: t.permute(1, 2, 0),
    "contiguous": lambda t: t.contiguous(),
    "clone": lambda t: t.clone(),
    "detach": lambda t: t.detach(),
    "to": lambda t: t.to(torch.float32),
    "float": lambda t: t.float(),
    "flip": lambda t: t.flip(-1),
    "flip two": lambda t: torch.flip(t, (1, 2)),
    "stack": lambda t: torch.stack([t, t]),
    "stack new": lambda t: torch.stack((t, t.flip(-1)), 0),
    "stack dim": lambda t: torch.stack([t, t], dim=1),
    "cat": lambda t: torch.cat([t, t]),
    "collate": lambda t: torch.utils.data.default_collate([t, t]),
    "collate dict": lambda t: torch.utils.data.default_collate([{"a": t, "b": (t, 1)}] * 2)["b"][0],
    "numpy": lambda t: t.numpy(),
    "array of": np.asarray,
    "unsqueeze": lambda t: t.unsqueeze_(0),
    "mean": lambda t: t.float().mean(),
    "max": lambda t: t.max().item(),
    "shape": lambda t: [*t.shape, t.dtype, t.stride()],
    "copied": copy.copy,
    "deep copied": copy.deepcopy,
    "pickled": lambda t: pickle.loads(pickle.dumps(t)),
    "item": lambda t: t[0, 0, 0].item(),
    "set item": lambda t: t.__setitem__((0, 0, 0), 0),
    "requires grad": lambda t: t.requires_grad_(),
    "random": lambda t: t + torch.rand(1).to(t.dtype),
    "ToPureTensor": v2.ToPureTensor(),
    "ToDtype": v2.ToDtype({tv_tensors.Image: torch.float32, "others": None}, scale=True),
    "Normalize": T.Normalize(MEAN, STD),
    "v2.Normalize": v2.Normalize(MEAN, STD, inplace=True),
}
STEPS = {**ON_IMAGES, **ON_BOTH, **ON_TENSORS}

Step = str | Call
Program = Sequence[tuple[Step, int]]


def run(program: Program, value: Any) -> list[Any]:
    """Do the steps of a program, each on one of the values that there are by then; return all values.

    Where a step raises, its value is what it raised.
    """
    values: list[Any] = [value]
    for step, which in program:
        # Mostly the newest: programs go on with what they have made.
        operand = values[-1 - which % len(values)]
        try:
            values.append((STEPS[step] if isinstance(step, str) else step)(operand))
        except Exception as error:
            values.append((type(error).__name__, re.sub("0x[0-9a-f]+", "0x...", str(error))))
    return values


def programs(longest: int = 8) -> st.SearchStrategy[Program]:
    """Programs that open like many do, and then do anything."""
    which = st.sampled_from([0, 0, 0, 0, 1, 2, 3])
    named = named_calls()
    opening = st.lists(st.tuples(st.one_of(st.sampled_from([*ON_IMAGES, *ON_BOTH]), named), which), max_size=3)
    usual = st.lists(
        st.sampled_from(["convert RGB", "F.resized_crop", "flip", "F.hflip", "crop", "resize"]), max_size=3
    )
    tensor = st.sampled_from(["to_tensor", "to_image", "pil_to_tensor", "v2 float"])
    later = st.lists(st.tuples(st.one_of(st.sampled_from([*ON_TENSORS, *ON_BOTH]), named), which), max_size=longest)
    return st.tuples(usual, opening, tensor, later).map(
        lambda parts: [*((name, 0) for name in parts[0]), *parts[1], (parts[2], 0), *parts[3]]
    )


def _open_file(path: Path) -> Any:
    with path.open("rb") as file:
        image = Image.open(file)
        image.load()
        return image


def _temporary(path: Path) -> Any:
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        file.write(path.read_bytes())
        file.flush()
        image = Image.open(file.name)
    image.filename = "temporary"
    return image


def _replaced(path: Path) -> Any:
    beside = path.with_suffix(".tmp")
    beside.write_bytes(path.read_bytes())
    image = Image.open(beside)
    beside.unlink()
    beside.write_bytes((folder() / "gray.jpg").read_bytes())
    return image


def _relative(path: Path) -> Any:
    return Image.open(os.path.relpath(path))


def _of_array(mode: str) -> Callable[[Path], Any]:
    """Of pixels of a file; of the mode "P" no array is."""
    return lambda path: Image.fromarray(np.array(Image.open(path).convert(mode.replace("P", "L"))), mode)


OPENINGS: dict[str, Callable[[Path], Any]] = {
    "path": lambda path: Image.open(str(path)),
    "Path": Image.open,
    "relative": _relative,
    "bytes": lambda path: Image.open(io.BytesIO(path.read_bytes())),
    "file": lambda path: Image.open(path.open("rb")),
    "unbuffered": lambda path: Image.open(path.open("rb", buffering=0)),
    "closed file": _open_file,
    "temporary": _temporary,
    "replaced": _replaced,
    "array": lambda path: Image.fromarray(np.array(Image.open(path).convert("RGB"))),
    "array, gray": _of_array("L"),
    "array, numbers": _of_array("P"),
    "tensor": lambda path: F.to_pil_image(F.pil_to_tensor(Image.open(path).convert("RGB"))),
}


def seen(program: Program, file: str, opening: str) -> Any:
    """What there is after a program: all values, and where the generators stand."""

    def all_values() -> Any:
        return run(program, OPENINGS[opening](folder() / f"{file}.jpg"))

    result = outcome(all_values)
    return result, torch.rand(1).item(), random.random(), np.random.rand()  # noqa: NPY002


FILES = sorted(KINDS)
