"""Every method and property of Pillow's images, called once on a recording image and on Pillow's own."""

import copy
import io
import pickle
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageFilter, JpegImagePlugin, PngImagePlugin
from support.sides import both, describe, is_ours, open_files, outcome, place, side
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

from penstock.recording.hooks import recording
from penstock.recording.images import Recorded, Recording, is_recorded
from penstock.recording.recorder import Recorder
from penstock.system import KNOWS_FILES

# How an image comes about, of which something is then asked.
STATES = {
    "opened": lambda opened: opened,
    "loaded": lambda opened: opened if opened.load() else None,
    "converted": lambda opened: opened.convert("RGB"),
    "copied": lambda opened: opened.copy(),
    "stepped": lambda opened: (
        opened.convert("RGB")
        .crop((1, 2, 26, 25))
        .resize((21, 17), Image.Resampling.BILINEAR)
        .transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    ),
}
OTHER = Image.new("RGB", (12, 9), (3, 200, 90))
MASK = Image.new("L", (12, 9), 77)


def saved(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer


def in_place(call):
    """A call that changes the image: its result, and the image again."""
    return lambda image: (call(image), image)


def with_pixels(image):
    pixels = image.load()
    before = pixels[0, 0]
    pixels[0, 0] = pixels[1, 1]
    return before, pixels[0, 0], image.getpixel((0, 0))


# For each name, what is called; a name that is missing here fails the test.
CALLS = {
    "alpha_composite": [in_place(lambda p: p.alpha_composite(OTHER.convert("RGBA")))],
    "apply_transparency": [in_place(lambda p: p.apply_transparency())],
    "close": [in_place(lambda p: p.close())],
    "convert": [
        *(lambda p, m=m: p.convert(m) for m in ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "YCbCr", "HSV", "I", "F")),
        lambda p: p.convert(),
        lambda p: p.convert(""),
        lambda p: p.convert("nonsense"),
        lambda p: p.convert("L", (0.5, 0.25, 0.25, 0)),
        lambda p: p.convert("L", ()),
        lambda p: p.convert("L", np.array([0.5, 1.0])),
        lambda p: p.convert("RGB", (1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0)),
        lambda p: p.convert("P", palette=Image.Palette.ADAPTIVE, colors=8),
        lambda p: p.convert("1", dither=Image.Dither.NONE),
        lambda p: p.convert(mode="RGB", colors=3),
        *(
            lambda p, m=m, d=d: p.convert(m, None, d)
            for m in ("L", "RGB")
            for d in (None, 0, Image.Dither.NONE, True, 3.0, np.float32("nan"), np.int64(3), 1 << 40, "3", np.zeros(2))
        ),
        lambda p: p.convert("L", None, None, Image.Palette.ADAPTIVE, 7),
        lambda p: p.convert("L", None, None, 0, 7, 7),
        lambda p: p.convert("L", None, None, dither=None),
        lambda p: p.convert("RGB", nonsense=1),
    ],
    "copy": [lambda p: p.copy()],
    "crop": [
        lambda p: p.crop(),
        lambda p: p.crop((0, 0, *p.size)),
        lambda p: p.crop((2, 3, 9, 8)),
        lambda p: p.crop([2, 3, 9, 8]),
        lambda p: p.crop(np.array([2, 3, 9, 8])),
        lambda p: p.crop((2.5, 3.5, 9.49, 8.5)),
        lambda p: p.crop((np.int64(2), 3, np.float32(9), 8)),
        lambda p: p.crop((-2, -3, 9, 8)),
        lambda p: p.crop((5, 5, 99, 8)),
        lambda p: p.crop((5, 5, 5, 8)),
        lambda p: p.crop((9, 3, 2, 8)),
        lambda p: p.crop((2, 8, 9, 3)),
        lambda p: p.crop((2, 3, 9)),
        lambda p: p.crop((2, 3, 9, 8, 4)),
        lambda p: p.crop("abcd"),
        lambda p: p.crop(7),
        lambda p: p.crop(iter((2, 3, 9, 8))),
        lambda p: p.crop({0: 1, 1: 2, 2: 9, 3: 8}),
        lambda p: p.crop((float("nan"), 0, 5, 5)),
    ],
    "draft": [
        in_place(lambda p: p.draft("L", (5, 5))),
        in_place(lambda p: p.draft(None, (11, 11))),
        in_place(lambda p: p.draft("RGB", None)),
    ],
    "effect_spread": [lambda p: p.effect_spread(0)],
    "entropy": [lambda p: p.entropy(), lambda p: p.entropy(MASK), lambda p: p.entropy(extrema=(0, 9))],
    "filter": [lambda p: p.filter(ImageFilter.SMOOTH), lambda p: p.filter(5)],
    "format": [lambda p: p.format],
    "format_description": [lambda p: p.format_description],
    "frombytes": [
        in_place(lambda p: p.frombytes(bytes(3 * p.size[0] * p.size[1]))),
        in_place(lambda p: p.frombytes(b"short")),
    ],
    "get_child_images": [lambda p: p.get_child_images()],
    "get_flattened_data": [lambda p: p.get_flattened_data(), lambda p: p.get_flattened_data(1)],
    "get_format_mimetype": [lambda p: p.get_format_mimetype()],
    "getbands": [lambda p: p.getbands()],
    "getbbox": [lambda p: p.getbbox(), lambda p: p.getbbox(alpha_only=False)],
    "getchannel": [lambda p: p.getchannel(0), lambda p: p.getchannel("R"), lambda p: p.getchannel("A")],
    "getcolors": [lambda p: p.getcolors(), lambda p: p.getcolors(9999)],
    "getdata": [lambda p: list(p.getdata())[:5], lambda p: list(p.getdata(0))[:5]],
    "getexif": [lambda p: p.getexif(), in_place(lambda p: p.getexif().__setitem__(0x0112, 3))],
    "getextrema": [lambda p: p.getextrema()],
    "getim": [lambda p: type(p.getim())],
    "getpalette": [lambda p: p.getpalette()],
    "getpixel": [lambda p: p.getpixel((3, 4)), lambda p: p.getpixel([1, 2]), lambda p: p.getpixel((99, 99))],
    "getprojection": [lambda p: p.getprojection()],
    "getxmp": [lambda p: p.getxmp()],
    "has_transparency_data": [lambda p: p.has_transparency_data],
    "height": [lambda p: p.height],
    "histogram": [lambda p: p.histogram(), lambda p: p.histogram(mask=MASK.resize(p.size))],
    "im": [lambda p: type(p.im)],
    "load": [lambda p: p.load(), with_pixels, lambda p: type(p.load()[0, 0])],
    "load_djpeg": [lambda p: p.load_djpeg()],
    "load_end": [lambda p: p.load_end()],
    "load_prepare": [in_place(lambda p: p.load_prepare())],
    "load_read": [lambda p: p.load_read(10)],
    "mode": [lambda p: p.mode],
    "paste": [
        in_place(lambda p: p.paste(OTHER)),
        in_place(lambda p: p.paste(OTHER, (3, 4), MASK)),
        in_place(lambda p: p.paste((1, 2, 3), (0, 0, 4, 4))),
        in_place(lambda p: p.paste(p, (2, 2))),
        in_place(lambda p: p.paste(OTHER, (1, 2, 3, 4))),
    ],
    "point": [lambda p: p.point(lambda value: 255 - value), lambda p: p.point([3] * 256)],
    "putalpha": [in_place(lambda p: p.putalpha(99)), in_place(lambda p: p.putalpha(MASK))],
    "putdata": [in_place(lambda p: p.putdata([(1, 2, 3)] * 5))],
    "putpalette": [in_place(lambda p: p.putpalette(list(range(256)) * 3))],
    "putpixel": [in_place(lambda p: p.putpixel((0, 0), (9, 8, 7))), in_place(lambda p: p.putpixel((99, 0), 5))],
    "quantize": [lambda p: p.quantize(8), lambda p: p.quantize(4, Image.Quantize.FASTOCTREE)],
    "readonly": [lambda p: int(p.readonly), in_place(lambda p: setattr(p, "readonly", 1))],
    "reduce": [lambda p: p.reduce(2), lambda p: p.reduce((3, 2), box=(0, 0, 9, 9)), lambda p: p.reduce(0)],
    "remap_palette": [lambda p: p.remap_palette(range(256))],
    "resize": [
        *(lambda p, f=f: p.resize((13, 11), f) for f in Image.Resampling),
        lambda p: p.resize(p.size),
        lambda p: p.resize((13, 11)),
        lambda p: p.resize([13, 11]),
        lambda p: p.resize(np.array((13, 11))),
        lambda p: p.resize(iter((13, 11))),
        lambda p: p.resize(iter((np.int64(13), 11))),
        lambda p: p.resize((13, 11), True),
        lambda p: p.resize((13, 11), 2.0),
        lambda p: p.resize((13.0, 11)),
        lambda p: p.resize((0, 11)),
        lambda p: p.resize((-1, 11)),
        lambda p: p.resize((13, 11, 2)),
        lambda p: p.resize(13),
        lambda p: p.resize((13, 11), 99),
        lambda p: p.resize((13, 11), "bilinear"),
        lambda p: p.resize((13, 11), [1]),
        lambda p: p.resize((13, 11), box=(0, 0, *p.size)),
        lambda p: p.resize((13, 11), box=(1.5, 2, 9, 9)),
        lambda p: p.resize((13, 11), box=5),
        lambda p: p.resize((13, 11), box=(0, 0, 999, 999)),
        lambda p: p.resize((5, 4), reducing_gap=2.0),
        lambda p: p.resize((5, 4), reducing_gap=0.5),
        lambda p: p.resize((5, 4), Image.Resampling.NEAREST, None, 3.0),
    ],
    "rotate": [
        *(lambda p, a=a: p.rotate(a) for a in (0, 90, 180, 270, 360, 33.3, -90)),
        lambda p: p.rotate(45, Image.Resampling.BICUBIC, expand=True, fillcolor=(9, 9, 9)),
        lambda p: p.rotate(90, expand=True),
        lambda p: p.rotate(180, translate=(2, 1)),
    ],
    "save": [
        saved,
        lambda p: saved(p, "JPEG", quality=50),
        lambda p: saved(p, "JPEG", quality="keep"),
        lambda p: saved(p, "nonsense"),
        lambda p: p.save("no such folder/x.png"),
    ],
    "seek": [in_place(lambda p: p.seek(0)), lambda p: p.seek(1), lambda p: p.seek(-1)],
    "show": [lambda p: type(p.show)],  # it would start a viewer
    "size": [lambda p: p.size],
    "split": [lambda p: p.split()],
    "tell": [lambda p: p.tell()],
    "thumbnail": [
        in_place(lambda p: p.thumbnail((9, 9))),
        in_place(lambda p: p.thumbnail((99, 99))),
        in_place(lambda p: p.thumbnail((16.5, 7), Image.Resampling.NEAREST, reducing_gap=None)),
    ],
    "tobitmap": [lambda p: p.tobitmap(), lambda p: p.convert("1").tobitmap()],
    "tobytes": [lambda p: p.tobytes(), lambda p: p.tobytes("raw", "BGR"), lambda p: p.tobytes("nonsense")],
    "toqimage": [lambda p: p.toqimage()],
    "toqpixmap": [lambda p: p.toqpixmap()],
    "transform": [
        lambda p: p.transform((9, 9), Image.Transform.AFFINE, (1, 0.2, 0, 0, 1, 0)),
        lambda p: p.transform((9, 9), Image.Transform.EXTENT, (0, 0, 9, 9), fill=0, fillcolor=(1, 2, 3)),
        *(
            lambda p, fill=fill: p.transform((9, 9), Image.Transform.AFFINE, (1, 0.2, 0, 0, 1, 0), 0, fill)
            for fill in (0, True, -7, 0.5, None, "1", 1 << 40, np.int64(1))
        ),
    ],
    "transpose": [
        *(lambda p, m=m: p.transpose(m) for m in Image.Transpose),
        lambda p: p.transpose(0),
        lambda p: p.transpose(99),
        lambda p: p.transpose(None),
    ],
    "verify": [in_place(lambda p: p.verify())],
    "width": [lambda p: p.width],
    # What has no public name, but is called all the same.
    "__array_interface__": [
        lambda p: np.array(p),
        lambda p: np.asarray(p),
        lambda p: np.array(p, dtype=np.float32),
        lambda p: np.asarray(p, copy=True),
        lambda p: sorted(p.__array_interface__),
        lambda p: np.stack([p, p]),
    ],
    "__arrow_c_array__": [lambda p: [type(part) for part in p.__arrow_c_array__()]],
    "__arrow_c_schema__": [lambda p: type(p.__arrow_c_schema__())],
    "__copy__": [lambda p: copy.copy(p)],
    "__deepcopy__": [lambda p: copy.deepcopy(p), lambda p: copy.deepcopy({"a": [p, p]})],
    "__reduce_ex__": [
        *(lambda p, n=n: pickle.loads(pickle.dumps(p, n)) for n in range(pickle.HIGHEST_PROTOCOL + 1)),
        lambda p: pickle.dumps([p, p]).count(b"PIL"),
    ],
    "__getstate__": [lambda p: p.__getstate__()],
    "__setstate__": [in_place(lambda p: p.__setstate__([{}, "L", (2, 1), None, b"ab"]))],
    "__eq__": [lambda p: [p == p.copy(), p.copy() == p, p == OTHER, p != p.copy(), p == 5, p in [OTHER, p]]],
    "__hash__": [hash, lambda p: {p: 1}],
    "__repr__": [lambda p: repr(p).split(" at ")[0], lambda p: str(p).split(" at ")[0]],
    "__enter__": [in_place(lambda p: p.__enter__() is p), in_place(lambda p: p.__exit__(None, None, None))],
    "__bool__": [bool],
    "__iter__": [lambda p: list(p), len, lambda p: p[0]],
    "__getattr__": [
        lambda p: p.no_such_attribute,
        lambda p: getattr(p, "no_such_attribute", 5),
        lambda p: p.filename,
        lambda p: p.info,
        lambda p: p.fp,
        lambda p: p.tile,
        lambda p: p.palette,
        lambda p: [p.text, p.text],
        lambda p: [p.load(), p.text][1:],
        lambda p: [p.is_animated, p.n_frames, p.default_image, p.custom_mimetype, p.private_chunks],
        lambda p: p.quantization,
        lambda p: [p.layers, p.bits, p.layer, p.app.keys(), p.applist, p.icclist, p.huffman_dc],
    ],
    "__setattr__": [
        in_place(lambda p: setattr(p, "mine", 5)),
        in_place(lambda p: setattr(p, "info", {"mine": [1, 2]})),
        in_place(lambda p: p.info.update(mine=6)),
        lambda p: setattr(p, "size", (3, 3)),
        lambda p: setattr(p, "mode", "L"),
        in_place(lambda p: setattr(p, "im", OTHER.im)),
    ],
    "__delattr__": [in_place(lambda p: delattr(p, "info")), lambda p: delattr(p, "no_such_attribute")],
    "_repr_png_": [lambda p: p._repr_png_()],
    "_repr_jpeg_": [lambda p: p._repr_jpeg_()],
}
NAMES = sorted(
    {
        name
        for kind in (Image.Image, JpegImagePlugin.JpegImageFile, PngImagePlugin.PngImageFile)
        for name in dir(kind)
        if not name.startswith("_")
    }
)


def test_each_public_name_is_called():
    missing = [name for name in NAMES if name not in CALLS and name not in ("load_seek", "custom_mimetype", "text")]
    assert missing == []


def comparisons(state, source, calls):
    """What each call gives on an image of its own, and what it leaves behind, on both sides."""
    for number, call in enumerate(calls):

        def seen(call=call):
            image = STATES[state](Image.open(place(*source)))
            return [outcome(lambda: call(image)), outcome(lambda: image)]

        yield number, *both(seen)


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", sorted(CALLS))
def test_calls(name, state):
    for file, how in (("rotated", "path"), ("gray", "bytes"), ("png text", "path")):
        for number, ours, theirs in comparisons(state, (file, how), CALLS[name]):
            assert ours == theirs, (file, number)


@pytest.mark.parametrize(
    "file", ["plain", "mirrored", "progressive", "row", "pixel", "png gray", "png rotated", "png transparent"]
)
@pytest.mark.parametrize("name", ["convert", "crop", "resize", "transpose", "load", "__getattr__", "close", "draft"])
def test_calls_that_record_on_other_files(name, file):
    for state in ("opened", "converted"):
        for number, ours, theirs in comparisons(state, (file, "path"), CALLS[name]):
            assert ours == theirs, (state, number)


@pytest.mark.parametrize("state", STATES)
def test_calls_after_a_touch(state):
    """An image that was touched is Pillow's own for whatever comes next."""
    for name in ("convert", "crop", "resize", "transpose", "copy", "__reduce_ex__", "__getattr__", "close", "seek"):
        calls = [in_place(lambda p, call=call: [p.getpixel((1, 1)), call(p)]) for call in CALLS[name]]
        for file in ("plain", "png text"):
            for number, ours, theirs in comparisons(state, (file, "path"), calls):
                assert ours == theirs, (name, file, number)


@pytest.mark.parametrize(
    ("file", "kind"),
    [("plain", JpegImagePlugin.JpegImageFile), ("png", PngImagePlugin.PngImageFile)],
)
@pytest.mark.parametrize("state", STATES)
def test_a_touched_image_is_of_pillows_class(state, file, kind):
    with side(ours=True):
        image = STATES[state](Image.open(place(file, "path")))
        assert is_ours(image)
        assert is_recorded(image)
        image.getpixel((0, 0))
        assert type(image) is (kind if state in ("opened", "loaded") else Image.Image)


@pytest.mark.parametrize("state", STATES)
def test_tables_by_type_find_pillows_class(state):
    def seen():
        kind = type(STATES[state](Image.open(place("plain", "path"))))
        table = {Image.Image: "an image", JpegImagePlugin.JpegImageFile: "a file"}
        return [table[kind], table.get(int), kind == Image.Image, kind != Image.Image, kind == int]  # noqa: E721

    ours, theirs = both(seen)
    assert ours == theirs


def test_a_file_is_closed_when_pillows_is():
    """Counted by the system's own list of what is open."""

    def seen():
        counts = []
        path = place("plain", "path")
        for use in (
            lambda p: p.size,
            lambda p: p.info,
            lambda p: p.load(),
            lambda p: p.convert("RGB"),
            lambda p: p.getpixel((0, 0)),
            lambda p: np.asarray(p),
            lambda p: p.close(),
            lambda p: p.__exit__(),
            lambda p: p.verify(),
            lambda p: p.copy(),
        ):
            before = open_files()
            image = Image.open(path)
            use(image)
            # What still records holds its file, where files are held, whatever happens to the path.
            counts.append(open_files() - before - (KNOWS_FILES and isinstance(image, Recording)))
            image.close()
            counts.append(open_files() - before)
        return counts

    ours, theirs = both(seen)
    assert ours == theirs


def test_a_users_own_file_stays_open_and_a_closed_one_raises():
    def seen():
        results = []
        with Path(place("plain", "path")).open("rb") as file:
            image = Image.open(file)
            results.append(image.convert("L").getpixel((0, 0)))
            results.append(file.closed)
            late, later, size = Image.open(file), Image.open(file), Image.open(file).size
        results.append(size)
        for call in (lambda: late.convert("RGB"), lambda: np.asarray(later), lambda: late.load()):
            results.append(outcome(call))
        return results

    ours, theirs = both(seen)
    assert ours == theirs


def test_images_of_another_thread_are_touched_there():
    def seen():
        image = Image.open(place("plain", "path")).convert("RGB").crop((1, 1, 20, 20))
        found = []
        threads = [threading.Thread(target=lambda: found.append(image.tobytes())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return found, image

    ours, theirs = both(seen)
    assert ours == theirs


def test_images_of_one_file_do_not_share_pixels():
    def seen():
        opened = Image.open(place("plain", "path"))
        first, second = opened.convert("RGB"), opened.convert("RGB")
        crop, again = first.crop((0, 0, 9, 9)), first.copy()
        first.putpixel((0, 0), (1, 2, 3))
        crop.paste(OTHER)
        return describe([opened, first, second, crop, again])

    ours, theirs = both(seen)
    assert ours == theirs


def test_a_thread_that_records_alone_leaves_others_to_pillow():
    path = place("plain", "path")
    kinds = []
    with recording(Recorder(threading.get_ident())):
        thread = threading.Thread(target=lambda: kinds.append(type(Image.open(path).convert("RGB"))))
        thread.start()
        thread.join()
        kinds.append(type(Image.open(path).convert("RGB")))
    kinds.append(type(Image.open(path).convert("RGB")))
    assert [kind is Recorded for kind in kinds] == [False, True, False]


@pytest.mark.parametrize("state", STATES)
def test_methods_that_were_looked_up_before_a_touch(state):
    """A `with` looks up `__exit__` when it begins."""

    def seen():
        image = STATES[state](Image.open(place("plain", "path")))
        names = ("copy", "convert", "crop", "resize", "transpose", "load", "__reduce_ex__", "__eq__", "__exit__")
        methods = {name: getattr(image, name) for name in names}
        image.getpixel((1, 1))
        arguments = {
            "resize": ((5, 6),),
            "transpose": (Image.Transpose.ROTATE_180,),
            "__reduce_ex__": (2,),
            "__eq__": (image,),
            "__exit__": (None, None, None),
        }
        return [outcome(lambda n=name: methods[n](*arguments.get(n, ()))) for name in names]

    ours, theirs = both(seen)
    assert ours == theirs


@pytest.mark.parametrize("blur", [F.gaussian_blur, F2.gaussian_blur])
@pytest.mark.parametrize("kind", ["L", "RGB"])
def test_what_is_made_of_an_array_may_lie_over_it(kind, blur):
    """Pillow makes gray images over memory of NumPy's, which it copies before it writes."""

    def seen():
        image = blur(Image.open(place("plain", "path")).convert(kind), [5, 5], [1.0, 1.0])
        later = [image.copy(), image.crop((1, 1, 9, 9)), image.convert("RGB")]
        before = [int(each.readonly) for each in (image, *later)]
        image.getpixel((0, 0))
        touched = int(image.readonly)
        image.putpixel((0, 0), 3)
        return before, touched, int(image.readonly), describe([image, *later])

    ours, theirs = both(seen)
    assert ours == theirs


@pytest.mark.parametrize("kind", ["L", "RGB"])
def test_a_context_that_touches_its_image(kind):
    def seen():
        with Image.open(place("plain", "path")) as image:
            return image.convert(kind), image.getpixel((2, 2)), np.asarray(image)

    ours, theirs = both(seen)
    assert ours == theirs
