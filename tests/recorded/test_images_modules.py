"""Every function of Pillow's modules of operations, on recording images and on Pillow's own."""

import inspect
import io
import time

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps, ImageStat
from support.sides import both, describe, outcome, place
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

from penstock.lowering.known import HOOKED
from penstock.recording.hooks import recording
from penstock.recording.recorder import Recorder

BLANK = Image.new("RGB", (30, 28), (30, 120, 200))


def opened():
    return Image.open(place("rotated", "path"))


def stepped():
    return opened().convert("RGB").crop((1, 2, 28, 30)).resize((30, 28)).transpose(Image.Transpose.FLIP_TOP_BOTTOM)


STATES = {"opened": opened, "gray": lambda: Image.open(place("gray", "bytes")), "stepped": stepped}


def public(module):
    """What a module defines itself under a name of its own."""
    return {
        name: value
        for name, value in vars(module).items()
        if not name.startswith("_") and callable(value) and getattr(value, "__module__", "") == module.__name__
    }


# Arguments after the image.
OPS = {
    "autocontrast": [(), (2,), ((1, 3), 0)],
    "colorize": [("black", "white"), ("red", "blue", "green")],
    "contain": [((20, 20),)],
    "cover": [((20, 20),)],
    "crop": [(), (3,), ((1, 2, 3, 4),)],
    "equalize": [()],
    "exif_transpose": [()],
    "expand": [(2,), ((1, 2, 3, 4), "red")],
    "fit": [((15, 19),), ((15, 19), Image.Resampling.BOX, 0.1, (0.2, 0.9))],
    "flip": [()],
    "grayscale": [()],
    "invert": [()],
    "mirror": [()],
    "pad": [((25, 40),), ((40, 25), Image.Resampling.NEAREST, 3)],
    "posterize": [(3,)],
    "scale": [(1,), (0.5,), (1.7,), (-1,)],
    "solarize": [(), (50,)],
}
# What takes no image.
NO_IMAGE = {"SupportsGetMesh"}
CHOPS = {
    "add": [(), (2, 3)],
    "subtract": [(), (2, 3)],
    "blend": [(0.3,)],
    "offset": "one",
    "constant": "one",
    "duplicate": "one",
    "invert": "one",
    "composite": "mask",
}
ONE = {"offset": (3, 4), "constant": (9,), "duplicate": (), "invert": ()}


@pytest.mark.parametrize("state", STATES)
def test_operations(state):
    names = set(public(ImageOps)) - NO_IMAGE
    assert names - {"deform"} == set(OPS)
    for name, cases in OPS.items():
        for arguments in cases:
            compare(lambda p, name=name, arguments=arguments: getattr(ImageOps, name)(p, *arguments), state)

    class Mesh:
        def getmesh(self, image):
            return [((0, 0, 9, 9), (0, 0, 0, image.height, image.width, image.height, image.width, 0))]

    compare(lambda p: ImageOps.deform(p, Mesh()), state)
    compare(lambda p: ImageOps.exif_transpose(p, in_place=True), state)


def compare(call, state):
    """A call's result and what it leaves behind."""

    def seen():
        image = STATES[state]()
        return [outcome(lambda: call(image)), outcome(lambda: image)]

    ours, theirs = both(seen)
    assert ours == theirs


@pytest.mark.parametrize("state", STATES)
def test_enhancements(state):
    kinds = [kind for kind in public(ImageEnhance).values() if kind is not ImageEnhance._Enhance]
    assert len(kinds) >= 4
    for kind in kinds:
        for factor in (0.0, 0.4, 1.0, 1.9):
            compare(lambda p, kind=kind, factor=factor: kind(p).enhance(factor), state)


FILTERS = {
    "BoxBlur": [(2,), ((1, 3),)],
    "GaussianBlur": [(), (1.5,)],
    "UnsharpMask": [()],
    "MedianFilter": [()],
    "MinFilter": [()],
    "MaxFilter": [()],
    "ModeFilter": [()],
    "RankFilter": [(3, 4)],
    "Kernel": [((3, 3), (0, 1, 0, 1, 5, 1, 0, 1, 0))],
    "Color3DLUT": [(2, [0, 0, 0, 1, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0, 1, 1, 0, 1, 0, 1, 1, 1, 1, 1])],
}
ABSTRACT = {"Filter", "MultibandFilter", "BuiltinFilter"}


@pytest.mark.parametrize("state", STATES)
def test_filters(state):
    kinds = {name: kind for name, kind in public(ImageFilter).items() if inspect.isclass(kind) and name not in ABSTRACT}
    assert len(kinds) >= 15
    for name, kind in kinds.items():
        builtin = issubclass(kind, ImageFilter.BuiltinFilter) and name not in FILTERS
        for arguments in [()] if builtin else FILTERS[name]:
            compare(lambda p, kind=kind, arguments=arguments: p.filter(kind(*arguments)), state)


@pytest.mark.parametrize("state", STATES)
def test_channel_operations(state):
    for name, function in public(ImageChops).items():
        cases = CHOPS.get(name, [()])
        if cases == "one":
            compare(lambda p, f=function, n=name: f(p, *ONE[n]), state)
            continue
        if cases == "mask":
            cases = [(BLANK.convert("L"),)]
        for arguments in cases:
            compare(lambda p, f=function, a=arguments: f(p, BLANK, *a), state)
            compare(lambda p, f=function, a=arguments: f(BLANK, p, *a), state)
            compare(lambda p, f=function, a=arguments: f(p, p.copy(), *a), state)
            compare(lambda p, f=function, a=arguments: f(p, stepped(), *a), state)


@pytest.mark.parametrize("state", STATES)
def test_statistics(state):
    names = [name for name in vars(ImageStat.Stat) if not name.startswith("_")]
    assert {"mean", "var", "median"} <= set(names)
    for name in names:
        compare(lambda p, name=name: getattr(ImageStat.Stat(p), name), state)
    compare(lambda p: ImageStat.Stat(p, p.convert("L")).sum, state)


BOX = (3, 4, 21, 17)
DRAWING = {
    "arc": (BOX, 0, 200, 5),
    "bitmap": ((1, 1), BLANK.convert("L"), 9),
    "chord": (BOX, 10, 100, 7, 8),
    "ellipse": (BOX, 7, 8),
    "circle": ((9, 9), 5, 7, 8),
    "line": ([(0, 0), (9, 9), (20, 3)], 5, 3),
    "pieslice": (BOX, 10, 100, 7, 8),
    "point": ([(0, 0), (9, 9)], 7),
    "polygon": ([(0, 0), (9, 9), (20, 3)], 5, 6),
    "regular_polygon": ((9, 9, 5), 5, 0, 7, 8),
    "rectangle": (BOX, 7, 8),
    "rounded_rectangle": (BOX, 4, 7, 8),
    "shape": None,
    "text": ((1, 1), "ab", 9),
    "multiline_text": ((1, 1), "a\nb", 9),
    "textlength": ("ab",),
    "textbbox": ((1, 1), "ab"),
    "multiline_textbbox": ((1, 1), "a\nb"),
    "getfont": (),
}


@pytest.mark.parametrize("state", STATES)
def test_drawing(state):
    names = {name for name, value in vars(ImageDraw.ImageDraw).items() if name[0] != "_" and callable(value)}
    assert names <= set(DRAWING), names - set(DRAWING)
    font = ImageFont.load_default_imagefont()
    for name, arguments in DRAWING.items():
        if arguments is None or not hasattr(ImageDraw.ImageDraw, name):
            continue

        def call(image, name=name, arguments=arguments):
            draw = ImageDraw.Draw(image)
            draw.font = font
            return getattr(draw, name)(*arguments)

        compare(call, state)
    compare(lambda p: ImageDraw.floodfill(p, (3, 3), p.getpixel((0, 0))), state)
    compare(lambda p: ImageDraw.Draw(p, "RGBA").rectangle(BOX, (9, 9, 9, 99)), state)


@pytest.mark.parametrize("state", STATES)
def test_functions_of_several_images(state):
    alpha = BLANK.convert("RGBA")
    for call in (
        lambda p: Image.blend(p, BLANK.resize(p.size), 0.3),
        lambda p: Image.blend(BLANK.resize(p.size), p, 1.0),
        lambda p: Image.composite(p, BLANK.resize(p.size), p.convert("L")),
        lambda p: Image.composite(BLANK, stepped(), p.resize(BLANK.size)),
        lambda p: Image.merge("RGB", [p.convert("L")] * 3),
        lambda p: Image.merge("RGB", p.split()),
        lambda p: Image.merge("RGB", [p, p, BLANK.convert("L")]),
        lambda p: Image.alpha_composite(p.convert("RGBA").resize(alpha.size), alpha),
        lambda p: Image.alpha_composite(alpha, p),
        lambda p: Image.eval(p, lambda value: value // 2),
        lambda p: Image.fromarray(p),
        lambda p: BLANK.copy().paste(p, (1, 1), p.convert("L")),
        lambda p: pasted(BLANK.copy(), p),
        lambda p: Image.frombytes(p.mode, p.size, p.tobytes()),
    ):
        compare(call, state)


def pasted(under, image):
    under.paste(image, (2, 3))
    return under


def formats():
    Image.init()
    return sorted({*Image.SAVE, *Image.SAVE_ALL})


@pytest.mark.parametrize("state", STATES)
def test_saving_in_each_format(state):
    now = time.gmtime(0)
    assert len(formats()) > 20
    for kind in formats():
        options = {"creationDate": now, "modDate": now} if kind == "PDF" else {}

        def call(image, kind=kind, options=options):
            buffer = io.BytesIO()
            image.save(buffer, kind, **options)
            return buffer

        compare(call, state)


def test_images_are_described_with_their_pixels():
    """What compares everything here must see a single pixel."""
    other = BLANK.copy()
    other.putpixel((3, 3), (0, 0, 1))
    assert describe(other) != describe(BLANK)
    assert describe(BLANK.copy()) == describe(BLANK)


BY_NAME = {
    "to_tensor": lambda image: F.to_tensor(pic=image),
    "to_image": lambda image: F2.to_image(inpt=image),
    "resized_crop": lambda image: F.resized_crop(img=image, top=1, left=2, height=20, width=21, size=[8, 9]),
    "gaussian_blur": lambda image: F.gaussian_blur(img=image, kernel_size=[3, 3]),
    "expand": lambda image: ImageOps.expand(image=image, border=2),
    "another name": lambda image: F.to_tensor(img=image),
    "nothing": lambda _: F.resized_crop(),
}


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", BY_NAME)
def test_images_given_by_name(name, state):
    def made():
        try:
            with STATES[state]() as image:
                result = BY_NAME[name](image)
        except TypeError as error:
            return str(error)
        return result.tobytes() if isinstance(result, Image.Image) else result.tolist()

    theirs = made()
    with recording(Recorder()):
        assert made() == theirs


def test_hooks_take_arguments_by_the_names_of_functions():
    with recording(Recorder()):
        for hook, function in HOOKED.items():
            if not inspect.isfunction(function):
                continue
            needed = [
                parameter.name
                for parameter in inspect.signature(function, follow_wrapped=False).parameters.values()
                if parameter.default is parameter.empty and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
            ]
            if needed:
                inspect.signature(hook, follow_wrapped=False).bind(**dict.fromkeys(needed))
