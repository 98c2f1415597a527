"""Steps and operations that are built by name: what they hold, what they are as bytes, and what is refused."""

import struct

import pytest

from penstock import _native

STEPS = [
    ("crop", (1, 2, 30, 40)),
    ("resize", (5, 6, "bicubic", "shrinkage")),
    ("flip_horizontal", ()),
    ("flip_vertical", ()),
    ("pad", (1, 2, 3, 4, "edge", 0)),
    ("invert", ()),
    ("posterize", (3,)),
    ("solarize", (99.5, "torch2")),
    ("permute", (2, 0, 1)),
    ("erase", (1, 2, 3, 4, 5)),
    ("paste", (1, 2, 3, 4, b"56789")),
    ("overprint", (1, 2, 3, 4, b"567890")),
    ("space", ("rgb_of_ycbcr",)),
    ("channel", (2,)),
    ("rectangle", (1, 2, 3, 4, 5, 6, 255)),
]


@pytest.mark.parametrize(("name", "operands"), STEPS)
def test_a_step_tells_its_name_and_its_operands(name, operands):
    assert _native.operands_of(_native.step(name, *operands)) == (name, operands)


def test_tuples_stand_for_what_they_hold():
    assert _native.step("crop", (1, 2), [30, (40,)]) == _native.step("crop", 1, 2, 30, 40)


def test_bytes_are_a_number_a_count_and_the_operands():
    assert _native.step("crop", 1, 2, 3, 4) == struct.pack("<2H4I", 0, 4, 1, 2, 3, 4)
    assert _native.step("flip_horizontal") == struct.pack("<2H", 2, 0)
    assert _native.step("solarize", 0.1, "pillow") == struct.pack("<2HdI", 7, 3, 0.1, 0)


@pytest.mark.parametrize(
    ("name", "operands"),
    [
        ("cubic", ()),
        ("", ()),
        ("resize", (1, 1, "cubic", "torch")),
        ("resize", (1, 1, "box", "numpy")),
        ("solarize", (1.0, "")),
        ("solarize", (None, "pillow")),
        ("permute", (0, 1, 3)),
        ("space", ("lab",)),
        ("channel", (3,)),
        ("rectangle", (1, 2, 0, 4, 5, 6, 7)),
        ("rectangle", (1, 2, 3, 4, 5, 6, 256)),
        ("crop", (-1, 0, 1, 1)),
        ("crop", (0, 0, 1)),
        ("crop", (0, 0, 1, 1, 1)),
        ("crop", (0, 0, 1, 1.0)),
        ("crop", (0, 0, 1, 1 << 32)),
        ("crop", (0, 0, 1, "1")),
    ],
)
def test_what_there_is_not_is_refused(name, operands):
    with pytest.raises(ValueError, match="is no operation with the operands"):
        _native.step(name, *operands)


@pytest.mark.parametrize(
    ("name", "operands"),
    [
        ("random_flip", (0.5, 1)),
        ("random_flip", (0.5,)),
        ("random_invert", ("v3", 0.5)),
        ("random_crop", ("v1", (3, 4), None, False, "mirror", 0, "pil")),
        ("pad", ((1, 2, 3, 4), "edge", -1, "pil")),
        ("random_resized_crop", ((1, 1), (0.1, 1.0), (0.0, 0.1), (0.7, 1.3), "box", "torch", (True, True), None)),
    ],
)
def test_operations_are_refused_in_the_same_way(name, operands):
    with pytest.raises(ValueError, match="is no operation with the operands"):
        _native.Op(name, *operands)


def test_what_is_no_step_is_refused():
    whole = _native.step("crop", 1, 2, 3, 4)
    for cut in (whole[:-1], whole + b"0", b"", b"\xff\xff\0\0"):
        with pytest.raises(ValueError, match="no step"):
            _native.operands_of(cut)


def test_every_operation_is_listed_once():
    for names in _native.operation_names():
        assert len(names) == len(set(names)) > 0
