"""Random programs over recording images and tensors give what they give over Pillow's and torch's own."""

import hypothesis
import pytest
from hypothesis import strategies as st
from support.cases import cases
from support.named_calls import TARGETS, named_calls
from support.programs import FILES, OPENINGS, STEPS, programs, run, seen
from support.sides import folder, side

# Programs leave files open that Pillow opened, on either side.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


def compare(program, file, opening):
    results = []
    for ours in (True, False):
        with side(ours):
            results.append(seen(program, file, opening))
    assert results[0] == results[1], (program, file, opening)


@hypothesis.given(programs(), st.sampled_from(FILES), st.sampled_from(sorted(OPENINGS)))
def test_any_program(program, file, opening):
    compare(program, file, opening)


@hypothesis.given(programs(3), st.sampled_from(["plain", "gray", "rotated"]))
def test_short_programs(program, file):
    compare(program, file, "path")


BEGINNINGS = (
    *([], ["convert RGB"], ["convert RGB", "crop"], ["to_tensor"], ["pil_to_tensor"], ["to_image"]),
    *(["convert RGB", "pil_to_tensor"], ["to_image", "F.hflip"]),
)


@cases(1500)
@hypothesis.given(
    st.sampled_from(BEGINNINGS),
    named_calls(),
    st.sampled_from(["plain", "gray", "rotated", "row", "pixel", "png", "png gray", "png text"]),
    st.integers(1, 2),
    st.lists(named_calls(), max_size=1),
)
def test_calls_by_name(beginning, call, file, times, more):
    """A function that is recorded by its name, once or twice, and perhaps another one."""
    program = [*((step, 0) for step in beginning), *[(call, 0)] * times, *((other, 0) for other in more)]
    compare(program, file, "path")


@pytest.mark.parametrize("name", sorted(TARGETS))
def test_calls_by_name_work_at_all(name):
    def works(call):
        for beginning in BEGINNINGS:
            program = [*((step, 0) for step in beginning), (call, 0)]
            with side(ours=False):
                value = run(program, OPENINGS["bytes"](folder() / "plain.jpg"))[-1]
            if not (isinstance(value, tuple) and isinstance(value[0], str)):
                return True
        return False

    generated = hypothesis.settings(
        max_examples=2000, phases=[hypothesis.Phase.generate], database=None, derandomize=True, deadline=None
    )
    hypothesis.find(named_calls(st.just(name)), works, settings=generated)


@pytest.mark.parametrize("step", sorted(STEPS))
def test_each_step_after_the_usual_beginning(step):
    """So that none is left out by chance."""
    for beginning in ([], ["convert RGB", "crop"], ["to_tensor"], ["to_image"], ["pil_to_tensor", "flip"]):
        compare([*((name, 0) for name in beginning), (step, 0), (step, 1), ("add", 0)], "plain", "path")


# What Pillow raises for is compared, too.
RAISING = {
    *("F.normalize zero", "no band", "no band before", "band by a word", "paint everywhere", "paint with fractions"),
    *("paint with a list", "pasted by fractions", "pasted to another size", "rectangle the wrong way"),
    *("rectangle of three numbers", "rectangle of an array", "rectangle of no colour"),
}


def test_steps_work_at_all():
    """Steps that raise everywhere would compare nothing but messages."""
    working = set()
    for beginning in ([], ["convert RGB"], ["to_tensor"], ["to_image"], ["pil_to_tensor"]):
        for step in STEPS:

            def last(beginning=beginning, step=step):
                return run([*((name, 0) for name in beginning), (step, 0)], OPENINGS["bytes"](folder() / "plain.jpg"))[
                    -1
                ]

            with side(ours=False):
                value = last()
            if not (isinstance(value, tuple) and len(value) == 2 and isinstance(value[0], str)):
                working.add(step)
    assert set(STEPS) - working == RAISING
