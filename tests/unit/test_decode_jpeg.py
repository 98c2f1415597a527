"""`penstock.decode_jpeg`: Pillow's pixels, Pillow's exceptions, and nothing written where an argument is wrong."""

import io
import os
import re
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, UnidentifiedImageError
from support.cases import cases
from support.files import encode, photo

import penstock

SIZES = [(1, 1), (2, 3), (7, 9), (8, 8), (16, 17), (33, 40), (64, 65), (130, 97)]
KINDS = {
    "4:4:4": {"subsampling": 0},
    "4:2:2": {"subsampling": 1},
    "4:2:0": {"subsampling": 2},
    "coarse": {"quality": 5},
    "fine": {"quality": 100, "subsampling": 2},
    "progressive": {"progressive": True},
    "optimised": {"optimize": True},
    "restarts": {"restart_marker_blocks": 3},
    "restarts, progressive": {"restart_marker_rows": 1, "progressive": True},
    "gray": {"mode": "L"},
    "gray, progressive": {"mode": "L", "progressive": True},
    "red, green, blue": {"keep_rgb": True},
    "CMYK": {"mode": "CMYK"},
}


def pillow(data):
    with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
        return np.asarray(image if image.mode == "L" else image.convert("RGB"))


def outcome(decode, data):
    """Return the pixels, or what was raised; some messages name an object in memory."""
    try:
        return decode(data)
    except Exception as error:
        return type(error), re.sub("0x[0-9a-f]+", "0x...", str(error))


def assert_equal(found, expected):
    assert found.dtype == np.uint8
    assert found.shape == expected.shape
    assert np.array_equal(found, expected)


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("options", KINDS.values(), ids=KINDS)
def test_whole_images(options, size):
    data = encode(photo(*size), **options)
    assert (penstock._native.jpeg_shape(data) is None) == (options.get("mode") == "CMYK")
    assert_equal(penstock.decode_jpeg(data), pillow(data))


@cases(300)
@given(st.data())
def test_rectangles(data):
    height, width = data.draw(st.integers(1, 130)), data.draw(st.integers(1, 130))
    file = encode(photo(height, width), **data.draw(st.sampled_from(list(KINDS.values()))))
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    across, down = data.draw(st.integers(1, width - left)), data.draw(st.integers(1, height - top))
    expected = pillow(file)[top : top + down, left : left + across]
    out = np.zeros(expected.shape, np.uint8) if data.draw(st.booleans()) else None
    found = penstock.decode_jpeg(file, (left, top, across, down), out)
    assert out is None or found is out
    assert_equal(found, expected)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview, lambda data: np.frombuffer(data, np.uint8)])
def test_kinds_of_data(kind):
    data = encode(photo(20, 30))
    assert_equal(penstock.decode_jpeg(kind(data)), pillow(data))
    assert_equal(penstock.decode_jpeg(memoryview(data * 2)[: len(data)]), pillow(data))


@cases(200)
@given(st.data())
def test_damaged_files(data):
    """The same pixels as Pillow's, or the same exception."""
    file = bytearray(encode(photo(40, 50), **data.draw(st.sampled_from(list(KINDS.values())))))
    for _ in range(data.draw(st.integers(0, 2))):
        file[data.draw(st.integers(2, len(file) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(file[: data.draw(st.integers(0, len(file)))] if data.draw(st.booleans()) else file)
    expected, found = outcome(pillow, damaged), outcome(penstock.decode_jpeg, damaged)
    if isinstance(expected, np.ndarray):
        assert_equal(found, expected)
    else:
        assert found == expected


def test_what_is_no_jpeg():
    buffer = io.BytesIO()
    Image.new("RGB", (3, 3)).save(buffer, "PNG")
    for data in (b"", b"no image", buffer.getvalue()):
        with pytest.raises(UnidentifiedImageError):
            penstock.decode_jpeg(data)


def test_very_large_images_warn(monkeypatch):
    data = encode(photo(40, 50))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1500)
    with pytest.warns(Image.DecompressionBombWarning):
        assert_equal(penstock.decode_jpeg(data, (0, 0, 4, 4)), pillow(data)[:4, :4])
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 999)
    with pytest.raises(Image.DecompressionBombError):
        penstock.decode_jpeg(data)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", None)
    assert_equal(penstock.decode_jpeg(data), pillow(data))


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize(
    "region",
    [
        (0, 0, 0, 5),
        (0, 0, 5, 0),
        (-1, 0, 5, 5),
        (0, -1, 5, 5),
        (26, 0, 5, 5),
        (0, 16, 5, 5),
        (0, 0, 31, 5),
        (2**63, 0, 1, 1),
        (0, 0, 1, 2**70),
    ],
    ids=str,
)
def test_regions_outside(mode, region):
    with pytest.raises(ValueError, match="does not lie in an image of 30 x 20"):
        penstock.decode_jpeg(encode(photo(20, 30), mode=mode), region)


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_outputs_that_do_not_fit(mode):
    data = encode(photo(20, 30), mode=mode)
    shape = (20, 30) if mode == "L" else (20, 30, 3)
    readonly = np.zeros(shape, np.uint8)
    readonly.flags.writeable = False
    for out in (
        np.zeros(shape[::-1], np.uint8),
        np.zeros((*shape, 2), np.uint8)[..., 0],
        readonly,
        np.zeros(0, np.uint8),
    ):
        before = out.copy()
        with pytest.raises(ValueError, match="out must be"):
            penstock.decode_jpeg(data, None, out)
        assert np.array_equal(out, before)
    for out in (np.zeros(shape, np.int8), [0], bytearray(1800)):
        with pytest.raises(TypeError, match="out must be"):
            penstock.decode_jpeg(data, out=out)


def test_arguments_of_other_types():
    data = encode(photo(20, 30))
    for wrong in ("photo.jpg", 3, None, [1, 2]):
        with pytest.raises(TypeError):
            penstock.decode_jpeg(wrong)
    for region in (5, (0, 0, 2.0, 2), (0, 0, "1", 2)):
        with pytest.raises(TypeError):
            penstock.decode_jpeg(data, region)
    for region in ((1, 2, 3), (1, 2, 3, 4, 5)):
        with pytest.raises(ValueError, match="unpack"):
            penstock.decode_jpeg(data, region)
    assert_equal(penstock.decode_jpeg(data, np.array([1, 2, 3, 4])), pillow(data)[2:6, 1:4])


def test_from_many_threads():
    files = [encode(photo(60 + k, 80, seed=k), progressive=bool(k % 2)) for k in range(6)]
    expected = [pillow(file) for file in files]
    wrong = []

    def work(first):
        for k in range(first, first + 60):
            if not np.array_equal(penstock.decode_jpeg(files[k % 6]), expected[k % 6]):
                wrong.append(k)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


SCRIPT = """
import hashlib, penstock
from support.files import encode, photo
digest = hashlib.sha256()
for kind in ({"subsampling": k} for k in range(3)):
    for size in ((130, 97), (33, 40)):
        data = encode(photo(*size), **kind)
        digest.update(penstock.decode_jpeg(data))
        digest.update(penstock.decode_jpeg(data, (3, 5, 20, 11)))
print(digest.hexdigest())
"""


def test_every_level_of_vectors_gives_the_same():
    digests = set()
    for level in ("scalar", "avx2", "avx512"):
        environment = {**os.environ, "PENSTOCK_SIMD": level, "PYTHONPATH": os.pathsep.join(sys.path)}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=True
        )
        digests.add(done.stdout)
    assert len(digests) == 1
