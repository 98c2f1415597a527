"""One image made by the thread that asks: torch's values, in memory of any strides."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from support.files import encode, photo

from penstock import _native
from penstock.ops.crop import cropped
from penstock.ops.resize import resized
from penstock.ops.table import replay
from penstock.recording.chain import chain_of
from penstock.recording.sources import Source, Trace, pack

HEIGHT, WIDTH = 37, 53
CHAINS = {
    "uint8": (("pil_to_tensor",),),
    "float16": (("pil_to_tensor",), ("convert_image_dtype", torch.float16)),
    "bfloat16": (("pil_to_tensor",), ("convert_image_dtype", torch.bfloat16)),
    "float32": (("to_tensor",),),
    "normalized": (("to_tensor",), ("normalize", (0.4, 0.5, 0.6), (0.2, 0.3, 0.25), False)),
    "float64": (("pil_to_tensor",), ("convert_image_dtype", torch.float64)),
}
# Strides in elements for a shape of (C, H, W), and the elements that they take.
LAYOUTS = {
    "planar": lambda c, h, w: ((h * w, w, 1), c * h * w),
    "pixels": lambda c, h, w: ((1, w * c, c), c * h * w),
    "pixels in longer rows": lambda c, h, w: ((1, w * c + 5, c), h * (w * c + 5)),
    "longer rows": lambda c, h, w: ((h * (w + 3), w + 3, 1), c * h * (w + 3)),
    "columns": lambda c, h, w: ((h * w, 1, h), c * h * w),
    "apart": lambda c, h, w: ((2, 3 * w * 2 * c, 2 * c), h * 3 * w * 2 * c),
}


@pytest.fixture(scope="module")
def files():
    return {mode: encode(photo(HEIGHT, WIDTH), mode=mode) for mode in ("RGB", "L")}


def trace_of(content, mode="RGB"):
    return Trace(Source("", content, bytes(16), _native.look_through(content)), mode, (WIDTH, HEIGHT), ())


def changed(trace):
    return {
        "whole": trace,
        "crop": cropped(trace, (3, 5, 40, 30)),
        "crop, flip": cropped(trace, (3, 5, 40, 30)).then("flip_horizontal"),
        "upside down": trace.then("flip_vertical"),
        "resize": resized(trace, (31, 24), Image.Resampling.BILINEAR).then("flip_horizontal"),
    }


def expected_of(trace, chain):
    image = Image.open(io.BytesIO(trace.source.content)).convert(trace.mode)
    for step in trace.steps:
        image = replay(image, step)
    return chain.apply(image)


def memory_of(chain, shape, layout):
    strides, elements = LAYOUTS[layout](*shape)
    whole = torch.full((elements,), 77, dtype=torch.uint8).to(chain.dtype)
    return whole, whole.as_strided(shape, strides)


def array_of(tensor):
    """NumPy knows no bfloat16."""
    return (tensor.view(torch.uint16) if tensor.dtype is torch.bfloat16 else tensor).numpy()


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("mode", "values"), [*(("RGB", values) for values in CHAINS), ("L", "uint8"), ("L", "bfloat16"), ("L", "float32")]
)
def test_files_and_pixels_to_any_memory(files, mode, values, layout):
    chain = chain_of(mode, CHAINS[values])
    source = trace_of(files[mode], mode)
    pixels = np.asarray(Image.open(io.BytesIO(files[mode])))
    for name, trace in changed(source).items():
        expected = expected_of(trace, chain)
        for given in (files[mode], pixels, np.asfortranarray(pixels)):
            whole, out = memory_of(chain, expected.shape, layout)
            before = whole.clone()
            array = array_of(out)
            array = array[0] if mode == "L" else array
            assert _native.render_image(given, pack([trace]), chain.plan, array) is None
            assert torch.equal(out, expected), name
            # Nothing else was written to.
            out.copy_(before.as_strided(out.shape, out.stride()))
            assert torch.equal(whole, before), name


def test_gray_images_become_three_channels(files):
    chain = chain_of("RGB", CHAINS["normalized"])
    trace = trace_of(files["L"])
    expected = expected_of(trace, chain)
    for given in (files["L"], np.asarray(Image.open(io.BytesIO(files["L"])))):
        out = torch.empty(HEIGHT, WIDTH, 3).permute(2, 0, 1)
        assert _native.render_image(given, pack([trace]), chain.plan, out.numpy()) is None
        assert torch.equal(out, expected)


def test_types_that_buffers_do_not_know_come_as_bytes(files):
    chain = chain_of("RGB", CHAINS["bfloat16"])
    trace = trace_of(files["RGB"])
    out = torch.empty(3, HEIGHT, WIDTH, dtype=torch.bfloat16)
    assert _native.render_image(files["RGB"], pack([trace]), chain.plan, out.view(torch.uint8).numpy()) is None
    assert torch.equal(out, expected_of(trace, chain))


def test_what_is_left_to_the_library_is_said(files):
    chain = chain_of("RGB", CHAINS["uint8"])
    trace, out = trace_of(files["RGB"]), np.empty((3, HEIGHT, WIDTH), np.uint8)
    other = encode(photo(HEIGHT + 1, WIDTH))
    damaged = files["RGB"][:200] + b"\xff\xc1" * 50
    record = pack([trace])
    assert _native.render_image(other, record, chain.plan, out) == "changed since it was opened"
    assert isinstance(_native.render_image(damaged, record, chain.plan, out), str)
    assert isinstance(_native.render_image(b"nothing", record, chain.plan, out), str)


def test_memory_that_does_not_fit_is_refused(files):
    chain = chain_of("RGB", CHAINS["float32"])
    trace = trace_of(files["RGB"])
    record, plan = pack([trace]), chain.plan
    good = np.empty((3, HEIGHT, WIDTH), np.float32)
    one = np.empty(1, np.float32)
    for out in (
        good[:, ::-1],
        good[:, :, ::-1],
        np.lib.stride_tricks.as_strided(one, good.shape, (0, 0, 0)),
        np.lib.stride_tricks.as_strided(np.empty(10000, np.float32), good.shape, (4, 4, 4 * HEIGHT)),
        good[:, 1:],
        good.reshape(-1),
        np.empty(good.shape, np.uint8),
        np.empty(good.shape, np.float64),
        np.empty((0, HEIGHT, WIDTH), np.float32),
    ):
        with pytest.raises(ValueError):
            _native.render_image(files["RGB"], record, plan, out)
    frozen = good.copy()
    frozen.flags.writeable = False
    with pytest.raises(BufferError):
        _native.render_image(files["RGB"], record, plan, frozen)
    with pytest.raises(ValueError):
        _native.render_image(np.empty((HEIGHT, WIDTH + 1, 3), np.uint8), record, plan, good)
    with pytest.raises(ValueError):
        _native.render_image(np.empty((HEIGHT, WIDTH, 2), np.uint8), record, plan, good)
    with pytest.raises(ValueError):
        _native.render_image(files["RGB"], record * 2, plan, good)
    # The pixels that are read would be written to.
    chain = chain_of("RGB", CHAINS["uint8"])
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    with pytest.raises(ValueError):
        _native.render_image(pixels, record, chain.plan, pixels.transpose(2, 0, 1))
