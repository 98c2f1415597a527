"""Random `__getitem__`s: what is followed gives torch's batches, and what cannot be followed is left alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.both_loaders import write_images
from support.cases import cases
from support.getitem_programs import programs
from support.record import Walk, assert_parity
from support.workers import ForkingReferenceLoader

import penstock


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("generated") / "images", 12)


@cases(120)
@given(program=programs(), workers=st.sampled_from([0, 0, 1, 2]), size=st.integers(1, 5), seed=st.integers(0, 9))
def test_it_gives_torchs_batches(paths, program, workers, size, seed):
    dataset = program.make(paths)

    def make(cls):
        return cls(dataset, size, shuffle=True, num_workers=workers)

    report = penstock.explain(make(penstock.DataLoader))
    assert (report.way == "lowered") is program.is_followed, f"{program.source}\n{report}"
    if program.is_followed or not workers:
        assert_parity(make, penstock.DataLoader, ForkingReferenceLoader, Walk(draws=True), seed)
