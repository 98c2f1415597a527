"""`Image.open` of whatever an image can be read from: members of archives, temporary files, objects of one's own."""
# ruff: noqa: SIM115 - what stays open is part of what is tested

import gzip
import io
import re
import tarfile
import tempfile
import zipfile

import pytest
from PIL import Image
from support.files import damaged, encode, photo
from support.sides import both, exif, image_state, is_ours, side

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")

PLAIN = {
    "colour": encode(photo(47, 61), quality=90),
    "rotated": encode(photo(38, 29), exif=exif(6), dpi=(72, 72)),
    "png": encode(photo(36, 41), "PNG", mode="L"),
}
OTHERS = {kind: damaged(encode(photo(41, 52)), kind) for kind in ("truncated", "cut header", "text", "empty")}
FILES = {**PLAIN, **OTHERS}


class Readable:
    """What reads, as Pillow's documentation wants it, and says whether it is closed."""

    def __init__(self, content):
        self.file = io.BytesIO(content)
        self.read, self.seek, self.tell, self.close = (
            getattr(self.file, name) for name in ("read", "seek", "tell", "close")
        )

    @property
    def closed(self):
        return self.file.closed


class Silent(Readable):
    """The same, but nobody knows whether it is closed."""

    closed = None


class Counting(io.BytesIO):
    """Bytes of a class of one's own."""


class Forgetful(Readable):
    """An object that cannot be read twice."""

    def __init__(self, content):
        super().__init__(content)
        self.read = self._read
        self.reads = 0

    def _read(self, size=-1):
        if size is None or size < 0:
            raise OSError("only in parts")
        return self.file.read(size)


def zipped(content, compression=zipfile.ZIP_STORED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        archive.writestr("before", b"another one")
        archive.writestr("image", content)
    return zipfile.ZipFile(buffer).open("image")


def wrongly_zipped(content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("image", content)
    archived = bytearray(buffer.getvalue())
    archived[archived.index(b"image") + len(b"image") + len(content) // 2] ^= 1
    return zipfile.ZipFile(io.BytesIO(archived)).open("image")


def tarred(content):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        info = tarfile.TarInfo("image")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    buffer.seek(0)
    archive = tarfile.open(fileobj=buffer)
    return archive.extractfile("image")


def filled(file, content):
    file.write(content)
    file.seek(0)
    return file


OBJECTS = {
    "zip": zipped,
    "deflated": lambda content: zipped(content, zipfile.ZIP_DEFLATED),
    "tar": tarred,
    "gzip": lambda content: gzip.GzipFile(fileobj=io.BytesIO(gzip.compress(content))),
    "temporary": lambda content: filled(tempfile.TemporaryFile(), content),
    "unbuffered": lambda content: filled(tempfile.TemporaryFile(buffering=0), content),
    "named": lambda content: filled(tempfile.NamedTemporaryFile(), content),
    "spooled": lambda content: filled(tempfile.SpooledTemporaryFile(), content),
    "subclass": Counting,
    "own": Readable,
}
# Whose images are Pillow's.
LEFT = {
    "silent": Silent,
    "in parts": Forgetful,
    "wrong": wrongly_zipped,
    "text": lambda content: io.TextIOWrapper(io.BytesIO(content), "latin-1"),
}
ALL = {**OBJECTS, **LEFT}


@pytest.mark.parametrize("kind", OBJECTS)
def test_images_record(kind):
    for name, content in FILES.items():
        with side(ours=True):
            try:
                image = Image.open(OBJECTS[kind](content))
            except OSError:
                assert name in OTHERS
                continue
            assert is_ours(image) == (name in PLAIN), name


@pytest.mark.parametrize("kind", LEFT)
def test_images_are_pillows(kind):
    with side(ours=True):
        if kind in ("text", "wrong"):
            with pytest.raises((OSError, TypeError, zipfile.BadZipFile)):
                Image.open(LEFT[kind](PLAIN["colour"]))
        else:
            assert not is_ours(Image.open(LEFT[kind](PLAIN["colour"])))


def opened(kind, content, then):
    file = ALL[kind](content)
    image = Image.open(file)
    found = then(image, file)
    return found, image_state(image), getattr(file, "closed", None)


def without_places(outcome):
    """What was found, without the addresses that messages tell."""
    return [re.sub("0x[0-9a-f]+", "0x", part) if isinstance(part, str) else part for part in outcome]


THEN = {
    "nothing": lambda image, file: None,
    "size": lambda image, file: image.size,
    "load": lambda image, file: image.load() is not None,
    "converted": lambda image, file: image.convert("RGB").resize((9, 11)),
    "closed before": lambda image, file: file.close(),
    "closed behind": lambda image, file: (image.load(), file.close())[1],
    "with": lambda image, file: within(image),
    "read on": lambda image, file: (image.load(), file.seek(3), file.read(5))[1:],
    "the file itself": lambda image, file: image.fp is file,
}


def within(image):
    with image:
        return image.crop((1, 2, 9, 7))


@pytest.mark.parametrize("then", THEN)
@pytest.mark.parametrize("kind", ALL)
def test_whatever_is_done_with_them(kind, then):
    for content in FILES.values():
        ours, theirs = both(lambda content=content: opened(kind, content, THEN[then]))
        assert without_places(ours) == without_places(theirs)
