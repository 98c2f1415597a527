"""Steps that are built natively: what they hold, what they are as bytes, and what is refused."""

import struct

import pytest

from penstock import _native


def test_steps_are_told_by_name_with_their_operands() -> None:
    steps = _native.Steps().crop(1, 2, 30, 40).resize(5, 6, "bicubic", "shrinkage").flip_horizontal().flip_vertical()
    steps = steps.invert().posterize(3).solarize(99.5, "torch2").permute((2, 0, 1))
    assert list(steps) == [
        ("crop", (1, 2, 30, 40)),
        ("resize", (5, 6, "bicubic", "shrinkage")),
        ("flip_horizontal", ()),
        ("flip_vertical", ()),
        ("invert", ()),
        ("posterize", (3,)),
        ("solarize", (99.5, "torch2")),
        ("permute", (2, 0, 1)),
    ]
    assert len(steps) == 8
    assert steps.size_after(31, 42) == (5, 6)
    assert steps.size_after(30, 42) is None


def test_a_step_more_leaves_the_steps_before_as_they_were() -> None:
    before = _native.Steps().invert()
    after = [before.flip_vertical(), before.crop(0, 0, 1, 1)]
    assert [name for name, _ in before] == ["invert"]
    assert [[name for name, _ in steps] for steps in after] == [["invert", "flip_vertical"], ["invert", "crop"]]


def test_bytes_are_a_number_a_count_and_the_operands() -> None:
    assert bytes(_native.Steps()) == b""
    crop = struct.pack("<2H4I", 0, 5, 1, 2, 3, 4)
    assert bytes(_native.Steps().crop(1, 2, 3, 4).flip_horizontal()) == crop + struct.pack("<2H", 2, 1)
    assert bytes(_native.Steps().solarize(0.1, "pillow")) == struct.pack("<2HdI", 7, 4, 0.1, 0)


def test_what_there_is_not_is_refused() -> None:
    steps = _native.Steps()
    with pytest.raises(ValueError, match='no such filter: "cubic"'):
        steps.resize(1, 1, "cubic", "torch")
    with pytest.raises(ValueError, match='no such arithmetic: "numpy"'):
        steps.resize(1, 1, "box", "numpy")
    with pytest.raises(ValueError, match='no such library: ""'):
        steps.solarize(1.0, "")
    with pytest.raises(ValueError, match="no order of three channels"):
        steps.permute((0, 1, 3))
    with pytest.raises(OverflowError):
        steps.crop(-1, 0, 1, 1)
