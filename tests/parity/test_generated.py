"""Whatever hypothesis thinks of: penstock's loader gives what torch's gives, and leaves every generator as it does."""

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

import penstock
from support.cases import cases
from support.loaders import Case, Family, datasets, families, loader_cases, own_pictures
from support.pictures import FAMILIES, GRAY
from support.pipelines import pipelines
from support.record import Walk, assert_parity, more_workers_than_cores
from support.workers import ReferenceLoader

# Of the generated pipelines, those that penstock must not leave to torch are known; this is about all of them.
NATIVE_SHARE = 0.9


@st.composite
def pipeline_cases(draw):
    """A small loader, over any pipeline."""
    family = draw(st.sampled_from(FAMILIES))
    height, width = draw(st.integers(1, 12)), draw(st.integers(1, 12))
    pipeline = draw(pipelines(height, width, 1 if family in GRAY else 3))
    workers = draw(st.sampled_from([(), (), (("num_workers", 2),)]))
    return Case(Family(family, 5, height, width, pipeline), options=workers, batch_size=draw(st.integers(1, 5)))


def check(case):
    with more_workers_than_cores():
        report = penstock.explain(case.loader(penstock.DataLoader))
    event(f"native: {report.native}")
    if case.promised:
        assert report.native, str(report)
    assert_parity(case.loader, penstock.DataLoader, ReferenceLoader, case.walk, case.seed)
    return report.native


@cases(900)
@given(pipeline_cases())
def test_pipelines(case):
    check(case)


@cases(500)
@given(loader_cases(families()))
def test_loaders(case):
    check(case)


@cases(500)
@given(loader_cases(datasets()))
def test_datasets(case):
    check(case)


@cases(300)
@given(loader_cases(own_pictures()))
def test_own_pictures(case):
    check(case)
