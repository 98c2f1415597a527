"""`cv2.imread` and `cv2.imdecode` of JPEGs give OpenCV's arrays, or OpenCV is asked for them."""

import inspect
import os
import random
import subprocess
import sys
import types

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from support.both_loaders import assert_program
from support.cases import cases
from support.files import damaged, encode, photo
from support.mutation import mutant, segments
from support.sides import exif, side
from torch.utils.data import Dataset

from penstock import _native, agreement
from penstock.recording import opencv
from penstock.recording.guard import Watch
from penstock.recording.hooks import recording
from penstock.recording.recorder import Recorder

cv2 = pytest.importorskip("cv2")
# Not by names of this module, which would be hooked as well.
OWN = {"imread": cv2.imread, "imdecode": cv2.imdecode}
workers = pytest.mark.parametrize("workers", [0, 2])

BGR, RGB, GRAY, STILL = cv2.IMREAD_COLOR, cv2.IMREAD_COLOR_RGB, cv2.IMREAD_GRAYSCALE, cv2.IMREAD_IGNORE_ORIENTATION
FLAGS = (BGR, RGB, GRAY, BGR | STILL, RGB | STILL, GRAY | STILL, cv2.IMREAD_UNCHANGED)
# What is left to OpenCV whatever the file is.
OTHER_FLAGS = (
    *(cv2.IMREAD_ANYCOLOR, cv2.IMREAD_ANYDEPTH, BGR | cv2.IMREAD_ANYDEPTH, cv2.IMREAD_REDUCED_COLOR_2),
    *(cv2.IMREAD_REDUCED_GRAYSCALE_4, 10_000, True, None, np.int64(1), 1.0, "1"),
)

PLAIN = {
    "4:4:4": encode(photo(47, 61), subsampling=0),
    "4:2:2": encode(photo(33, 48), subsampling=1, quality=60),
    "4:2:0": encode(photo(33, 47), subsampling=2, restart_marker_blocks=3),
    "progressive": encode(photo(37, 38), progressive=True),
    "gray": encode(photo(40, 33), mode="L"),
    "gray progressive": encode(photo(21, 33), mode="L", progressive=True),
    **{f"orientation {k}": encode(photo(24, 35, seed=k), exif=exif(k)) for k in range(10)},
    "gray turned": encode(photo(24, 35), mode="L", exif=exif(6)),
    "comment": encode(photo(29, 17), comment=b"a comment", icc_profile=b"p" * 200, dpi=(72, 72)),
    "xmp": encode(photo(20, 31), xmp=b"<x:xmpmeta/>", exif=exif(5)),
}
RGB_INSIDE = encode(photo(31, 30), keep_rgb=True)
OTHERS = {
    "cmyk": encode(photo(31, 24), mode="CMYK"),
    "png": encode(photo(31, 24), "PNG"),
    "alpha": encode(photo(31, 24), "PNG", mode="RGBA"),
    "16 bit": encode(photo(31, 24)[..., 0].astype(np.uint16) * 257, "PNG", mode="I;16"),
    "ppm": encode(photo(31, 24), "PPM"),
    "bmp": encode(photo(31, 24), "BMP"),
    **{
        kind: damaged(encode(photo(41, 52)), kind)
        for kind in ("truncated", "noisy", "behind", "no end", "cut header", "text")
    },
}
FILES = {**PLAIN, "rgb inside": RGB_INSIDE, **OTHERS}


def array_of(content):
    return np.frombuffer(content, np.uint8)


def state(array):
    """All that can be seen of what OpenCV returns."""
    if array is None:
        return None
    flags = {name: array.flags[name] for name in ("C", "F", "OWNDATA", "W", "A")}
    return type(array), array.dtype, array.shape, array.strides, flags, array.base, array.tobytes()


def outcome(call):
    try:
        return state(call())
    except Exception as error:
        return type(error), str(error)


def check(call, native, capfd=None):
    """Fail unless a call does what OpenCV does, and is ours or OpenCV's; either, if `native` is None."""
    outcomes, printed = [], []
    for ours in (False, True):
        recorder = Recorder()
        with recording(recorder) if ours else side(ours=False):
            outcomes.append(outcome(call))
        printed.append("" if capfd is None else capfd.readouterr().err)
    assert outcomes[1] == outcomes[0]
    assert [line.partition("]")[2] for line in printed[1].splitlines()] == [
        line.partition("]")[2] for line in printed[0].splitlines()
    ]
    counted = recorder.count()
    assert counted.touched == counted.recorded
    if native is not None:
        assert counted.recorded == native
        assert (counted.reasons == {"decoded natively, handed over as arrays": 1}) == native


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("files")
    for name, content in {**FILES, "empty": b""}.items():
        (root / f"{name}.jpg").write_bytes(content)
    (root / "größe ☃.jpg").write_bytes(PLAIN["gray"])
    return root


@pytest.mark.parametrize("name", FILES)
def test_every_file_with_every_flag(folder, name, capfd):
    for flags in FLAGS:
        native = name in PLAIN or (name == "rgb inside" and flags & ~STILL != GRAY)
        if name in ("noisy", "behind"):
            native = None  # as far as it is looked at
        check(lambda flags=flags: cv2.imdecode(array_of(FILES[name]), flags), native, capfd)
        check(lambda flags=flags: cv2.imread(str(folder / f"{name}.jpg"), flags), native, capfd)


@pytest.mark.parametrize("flags", OTHER_FLAGS, ids=repr)
def test_other_flags_are_opencvs(folder, flags):
    check(lambda: cv2.imdecode(array_of(PLAIN["4:2:0"]), flags), native=False)
    check(lambda: cv2.imread(str(folder / "4:2:0.jpg"), flags), native=False)


def test_arguments(folder, monkeypatch, capfd):
    path, content = folder / "orientation 6.jpg", array_of(PLAIN["orientation 6"])
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(folder))
    native = [
        lambda: cv2.imread(str(path)),
        lambda: cv2.imread(path),
        lambda: cv2.imread("orientation 6.jpg"),
        lambda: cv2.imread(np.str_(path)),
        lambda: cv2.imread(str(folder / "größe ☃.jpg")),
        lambda: cv2.imread(filename=str(path)),
        lambda: cv2.imread(str(path), flags=GRAY),
        lambda: cv2.imread(flags=GRAY, filename=path),
        lambda: cv2.imdecode(content, BGR),
        lambda: cv2.imdecode(content.copy(), BGR),
        lambda: cv2.imdecode(np.fromfile(path, np.uint8), BGR),
        lambda: cv2.imdecode(np.frombuffer(bytearray(content), np.uint8), BGR),
        lambda: cv2.imdecode(buf=content, flags=BGR),
    ]
    others = [
        lambda: cv2.imread(),
        lambda: cv2.imread(None),
        lambda: cv2.imread(3),
        lambda: cv2.imread(str(path).encode()),
        lambda: cv2.imread(str(path), BGR, BGR),
        lambda: cv2.imread(str(path), filename=str(path)),
        lambda: cv2.imread(str(path), np.zeros((35, 24, 3), np.uint8)),
        lambda: cv2.imread(str(path), flag=1),
        lambda: cv2.imread(str(path) + "\0"),
        lambda: cv2.imread("missing.jpg"),
        lambda: cv2.imread("~/orientation 6.jpg"),
        lambda: cv2.imread(str(folder)),
        lambda: cv2.imread("empty.jpg"),
        lambda: cv2.imread("/dev/null"),
        lambda: cv2.imdecode(),
        lambda: cv2.imdecode(content),
        lambda: cv2.imdecode(content.tobytes(), BGR),
        lambda: cv2.imdecode(content.tolist(), BGR),
        lambda: cv2.imdecode(memoryview(content), BGR),
        lambda: cv2.imdecode(torch.frombuffer(bytearray(content), dtype=torch.uint8), BGR),
        lambda: cv2.imdecode(content[:0], BGR),
        lambda: cv2.imdecode(content.reshape(1, -1), BGR),
        lambda: cv2.imdecode(content.reshape(-1, 1), BGR),
        lambda: cv2.imdecode(np.stack([content, content], axis=1)[:, 0], BGR),
        lambda: cv2.imdecode(content.astype(np.int8), BGR),
        lambda: cv2.imdecode(content.astype(np.int32), BGR),
        lambda: cv2.imdecode(content, BGR, flags=BGR),
        lambda: cv2.imdecode(content, BGR, None, None),
    ]
    for call in native:
        check(call, native=True)
    for call in others:
        check(call, native=False, capfd=capfd)


def test_a_pipe_is_not_waited_for(tmp_path):
    path = tmp_path / "pipe.jpg"
    os.mkfifo(path)
    assert opencv._file(str(path)) == "unreadable"


@given(st.data())
@cases(120)
def test_any_jpeg(data):
    height, width = (data.draw(st.one_of(st.integers(1, 40), st.integers(1, 200))) for _ in range(2))
    options = {
        "quality": data.draw(st.integers(5, 100)),
        "subsampling": data.draw(st.integers(0, 2)),
        "progressive": data.draw(st.booleans()),
        "mode": data.draw(st.sampled_from(("RGB", "L"))),
        "restart_marker_blocks": data.draw(st.sampled_from((0, 1, 7))),
    }
    if orientation := data.draw(st.integers(0, 8)):
        options["exif"] = exif(orientation)
    content = encode(photo(height, width), **options)
    flags = data.draw(st.sampled_from(FLAGS))
    check(lambda: cv2.imdecode(array_of(content), flags), native=True)


@pytest.mark.parametrize("factors", [(0x12, 0x11, 0x11), (0x41, 0x11, 0x11), (0x11, 0x22, 0x22), (0x22, 0x12, 0x21)])
def test_samplings_that_pillow_does_not_write(factors):
    content = bytearray(encode(photo(64, 64), subsampling=0))
    frame = next(begin for begin, _ in segments(bytes(content)) if content[begin + 1] == 0xC0)
    for component, factor in enumerate(factors):
        content[frame + 11 + 3 * component] = factor
    for flags in FLAGS:
        outcomes = []
        for ours in (False, True):
            with side(ours):
                outcomes.append(outcome(lambda flags=flags: cv2.imdecode(array_of(bytes(content)), flags)))
        assert outcomes[0] == outcomes[1]


def test_files_that_somebody_tampered_with(capfd):
    rng, native = random.Random(5), 0
    for _ in range(400):
        content = mutant(rng)
        if not content:
            continue
        flags, found, recorder = rng.choice(FLAGS), [], Recorder()
        for ours in (False, True):
            with recording(recorder) if ours else side(ours=False):
                found.append((outcome(lambda: cv2.imdecode(array_of(content), flags)), capfd.readouterr()))  # noqa: B023
        assert found[0] == found[1]
        native += recorder.count().recorded
    assert 40 < native < 300


def exif_segment(content):
    begin, end = next(part for part in segments(content) if content[part[0] + 1] == 0xE1)
    return content[begin:end]


def test_metadata_wherever_they_stand():
    turned, plain = PLAIN["orientation 6"], PLAIN["progressive"]
    segment = exif_segment(turned)
    scans = [begin for begin, _ in segments(plain) if plain[begin + 1] == 0xDA]
    longer = (
        bytes([0xFF, 0xE1]) + len(b"\0\0http://ns.adobe.com/xap/1.0/\0").to_bytes(2) + b"http://ns.adobe.com/xap/1.0/\0"
    )
    for content in (
        plain[: scans[0]] + segment + plain[scans[0] :],
        plain[: scans[1]] + segment + plain[scans[1] :],
        plain[:2] + longer + segment + plain[2:],
        plain[:2] + segment + longer + plain[2:],
        plain[:2] + b"\xff\xff" + segment + plain[2:],
        plain[:2] + segment.replace(b"Exif", b"exif") + plain[2:],
    ):
        check(lambda content=content: cv2.imdecode(array_of(content), BGR), native=True)


def test_what_is_seen_of_the_functions():
    assert opencv.readers() == OWN
    with side(ours=True):
        assert cv2.imread is not OWN["imread"]
        for ours, theirs in ((getattr(cv2, name), own) for name, own in OWN.items()):
            for name in ("__name__", "__qualname__", "__doc__", "__module__"):
                assert getattr(ours, name) == getattr(theirs, name)
            assert outcome(lambda ours=ours: inspect.signature(ours)) is not None
        assert opencv.readers() == OWN
    assert cv2.imread is OWN["imread"]
    assert cv2.imdecode is OWN["imdecode"]


def test_modules_that_imported_them_by_name(monkeypatch, folder):
    module = types.ModuleType("theirs")
    module.read = OWN["imread"]
    monkeypatch.setitem(sys.modules, "theirs", module)
    check(lambda: module.read(str(folder / "4:2:0.jpg")), native=True)
    assert module.read is OWN["imread"]


def test_somebody_elses_function_is_called(monkeypatch, folder):
    monkeypatch.setattr(cv2, "imread", lambda path: cv2.imdecode(np.fromfile(path, np.uint8), GRAY))
    opencv._opencv.cache_clear()
    try:
        check(lambda: cv2.imread(str(folder / "4:2:0.jpg")), native=True)
        monkeypatch.setattr(cv2, "imdecode", lambda *arguments: OWN["imdecode"](*arguments))
        opencv._opencv.cache_clear()
        check(lambda: cv2.imread(str(folder / "4:2:0.jpg")), native=False)
    finally:
        opencv._opencv.cache_clear()


@pytest.fixture
def asked_anew():
    opencv.agrees.cache_clear()
    yield
    opencv.agrees.cache_clear()
    agreement.newly_asked()


@pytest.mark.usefixtures("asked_anew")
def test_another_opencv_decodes_itself(monkeypatch, folder):
    others = types.SimpleNamespace(**vars(opencv._opencv()))
    others.imdecode = lambda *arguments: OWN["imdecode"](*arguments) ^ 1
    with monkeypatch.context() as patch:
        patch.setattr(opencv, "_opencv", lambda: others)
        assert not opencv.agrees(BGR)
    check(lambda: cv2.imread(str(folder / "4:2:0.jpg")), native=False)


@pytest.mark.usefixtures("asked_anew")
def test_limits_on_the_size_of_images_are_opencvs(monkeypatch):
    monkeypatch.setenv("OPENCV_IO_MAX_IMAGE_PIXELS", "100")
    assert not opencv.agrees(BGR)


@pytest.mark.usefixtures("asked_anew")
def test_a_program_without_opencv_does_not_get_it(monkeypatch):
    monkeypatch.delitem(sys.modules, "cv2")
    assert opencv.readers() == {}
    assert not opencv.agrees(BGR)
    assert "NotNowError" in opencv.agrees.why_not(BGR)
    with side(ours=True):
        assert cv2.imread is OWN["imread"]
    assert "cv2" not in sys.modules


def test_metadata_of_a_file_are_its_segments():
    content = PLAIN["xmp"]
    parts = [content[begin:end] for begin, end in segments(content) if content[begin + 1] == 0xE1]
    assert len(parts) == 2
    assert _native.JpegFile.parse(content).metadata == b"".join(parts)
    assert _native.JpegFile.parse(PLAIN["gray"]).metadata == b""


def test_memory_that_does_not_fit():
    file = _native.JpegFile.parse(PLAIN["gray"])
    height, width, channels = file.shape
    assert channels == 1
    for order, out in (("gray", np.empty((height, width, 3), np.uint8)), ("BGR", np.empty((height, width), np.uint8))):
        with pytest.raises(ValueError, match="bytes for"):
            file.decode(order, out)
    with pytest.raises(BufferError):
        file.decode("gray", np.empty((width, height), np.uint8).T)
    with pytest.raises(ValueError, match="no order"):
        file.decode("HSV", np.empty((height, width), np.uint8))


class Read(Dataset):
    """Files as OpenCV reads them, in every way; one that fails is left out."""

    def __init__(self, paths):
        self.paths = paths

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        path, flags = self.paths[index], FLAGS[index % len(FLAGS)]
        array = cv2.imread(str(path), flags) if index % 2 else cv2.imdecode(np.fromfile(path, np.uint8), flags)
        if array is None:
            return index
        array[:2] = index
        seen = [array.flags.owndata, array.flags.writeable, array.strides, array.base]
        crop = np.ascontiguousarray(array[2:17, 3:15].reshape(15, 12, -1).transpose(2, 0, 1))
        return torch.from_numpy(crop).float().div(255), cv2.resize(array, (9, 8)), seen


def as_lists(batch):
    return batch


@workers
def test_loaders(workers, folder, monkeypatch):
    monkeypatch.setattr(Watch, "_is_due", lambda _: False)  # such small images are as quickly OpenCV's
    paths = [folder / f"{name}.jpg" for name in (*FILES, *PLAIN)]

    def program():
        return torch.utils.data.DataLoader(
            Read(paths), batch_size=5, shuffle=True, num_workers=workers, collate_fn=as_lists
        )

    stats = assert_program(program, 0.0, epochs=3)
    assert stats.images == 3 * len(paths)
    assert stats.touched == stats.by_pillow["decoded natively, handed over as arrays"]
    assert stats.touched > 1.5 * stats.by_library
    assert any(reason.startswith("OpenCV decoded it: ") for reason in stats.by_pillow)


LATE = """
import sys, torch, penstock
class Late(torch.utils.data.Dataset):
    def __len__(self):
        return 8
    def __getitem__(self, index):
        import cv2
        return torch.from_numpy(cv2.imread({path!r}))
loader = penstock.DataLoader(Late(), batch_size=2, num_workers=1)
for batch in loader:
    pass
print(penstock.stats(loader).touched, "cv2" in sys.modules)
"""


def test_a_worker_that_imports_it_late(folder, tmp_path):
    code = LATE.format(path=str(folder / "4:2:0.jpg"))
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    assert done.stdout.split() == ["6", "False"]
