"""A run that is stopped anywhere, any number of times, gives what it would have given."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.both_loaders import write_images
from support.cases import cases
from support.stops import DATASETS, SAMPLERS, SIZE, STREAMS, Case, assert_resumes

from penstock import explain


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("images"), 6)


@st.composite
def loaders(draw, workers):
    data = draw(st.sampled_from([*DATASETS, *STREAMS]))
    options = {"num_workers": draw(st.sampled_from(workers)), "drop_last": draw(st.booleans())}
    if options["num_workers"]:
        options["persistent_workers"] = draw(st.booleans())
        options["prefetch_factor"] = draw(st.integers(1, 3))
    batch_size = draw(st.sampled_from([1, 4, 5, 23, 30]))
    if draw(st.integers(0, 7)) == 0:
        batch_size, options["drop_last"] = None, False
    return Case(data, draw(st.sampled_from([*SAMPLERS])), batch_size, tuple(options.items()))


STOPS = st.sets(st.integers(1, 20), min_size=1, max_size=4)


@cases(180)
@given(case=loaders([0]), stops=STOPS)
@example(Case("numbers", "going", SIZE, (("num_workers", 0),)), {1})
@example(Case("told", "in sequence", SIZE + 1, (("num_workers", 0),)), {1})
def test_without_workers(paths, case, stops):
    assert_resumes(lambda: case.make(paths), 3, stops)


@cases(40)
@given(case=loaders([1, 2, 3]), stops=STOPS)
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
def test_with_workers(paths, case, stops):
    assert_resumes(lambda: case.make(paths), 2, stops)


@cases(20)
@given(case=loaders([2]), stops=STOPS)
def test_torchs_way(paths, case, stops):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PENSTOCK_RECORD", "0")
        assert_resumes(lambda: case.make(paths), 2, stops)


@pytest.mark.parametrize("sampler", SAMPLERS)
@pytest.mark.parametrize("persistent", [False, True])
def test_lowered(paths, sampler, persistent):
    case = Case("images in memory", sampler, 4, (("num_workers", 2), ("persistent_workers", persistent)))
    assert explain(case.make(paths)).way == "lowered"
    assert_resumes(lambda: case.make(paths), 3, {2, 3, 6, 11, 12})
