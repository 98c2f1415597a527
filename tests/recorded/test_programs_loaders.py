"""Random programs as somebody's `__getitem__`, through torch's loader and ours."""

import random

import hypothesis
import numpy as np
import pytest
import torch
from hypothesis import strategies as st
from support.programs import FILES, OPENINGS, programs, run
from support.sides import describe, folder
from torch.utils.data import DataLoader, Dataset, default_collate

import penstock

# Programs leave files open that Pillow opened, on either side.
pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
SAMPLES = 7


class Programs(Dataset):
    """Each sample is what a program makes of a file.

    Args:
        cases: Program, file and how it is opened, as many as one likes; samples take turns.
    """

    def __init__(self, cases):
        self.cases = cases

    def __len__(self):
        return SAMPLES

    def __getitem__(self, index):
        program, file, opening = self.cases[index % len(self.cases)]
        return run(program, OPENINGS[opening](folder() / f"{file}.jpg"))[-1], random.random(), index


def collate_in_pairs(samples):
    """Batches where there are any, else the samples; what cannot be sent is described."""
    values, *others = zip(*samples, strict=True)
    try:
        value = default_collate(list(values))
    except (TypeError, RuntimeError):
        value = [item if isinstance(item, torch.Tensor) else describe(item) for item in values]
    return value, default_collate(others)


@pytest.fixture(autouse=True, scope="module")
def every_warning():
    """torch warns of some things once in a process, so that only the first of two loaders would."""
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    yield
    torch.set_warn_always(before)


def walk(cls, dataset, workers, collate):
    """What a loop over a loader sees: batches, exceptions, and where the generators stand."""
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002 - what programs draw from
    torch.manual_seed(5)
    iterator = iter(cls(dataset, 3, shuffle=True, num_workers=workers, collate_fn=collate))
    seen = []
    while True:
        try:
            seen.append(describe(next(iterator)))
        except StopIteration:
            break
        except Exception as error:
            seen.append((type(error).__name__, str(error).rstrip().rsplit("\n", 1)[-1]))
    return seen, torch.rand(1).item(), random.random(), np.random.rand()  # noqa: NPY002


def compare(cases, workers, collate):
    dataset = Programs(cases)
    theirs = walk(DataLoader, dataset, workers, collate)
    assert walk(penstock.DataLoader, dataset, workers, collate) == theirs, (cases, workers)


any_cases = st.lists(
    st.tuples(programs(3), st.sampled_from(FILES), st.sampled_from(["path", "bytes", "file", "temporary"])),
    min_size=1,
    max_size=3,
)
# Of one program all samples are alike, and make a batch.
alike = st.tuples(programs(1), st.sampled_from(["path", "bytes"])).map(lambda pair: [(pair[0], "plain", pair[1])])


@hypothesis.given(st.one_of(any_cases, alike), st.sampled_from([collate_in_pairs, default_collate]))
def test_any_program_without_workers(cases, collate):
    compare(cases, 0, collate)


@hypothesis.settings(max_examples=25)
@hypothesis.given(st.one_of(any_cases, alike), st.sampled_from([collate_in_pairs, default_collate]))
def test_any_program_in_workers(cases, collate):
    compare(cases, 2, collate)


@pytest.mark.parametrize("workers", [0, 2])
def test_the_usual_programs_record(workers):
    """Programs that record nothing would compare torch with torch."""
    usual = [("convert RGB", 0), ("F.resized_crop", 0), ("F.hflip", 0), ("to_tensor", 0), ("F.normalize", 0)]
    loader = penstock.DataLoader(Programs([(usual, "plain", "path")]), 3, num_workers=workers)
    assert len(list(loader)) == 3
    assert penstock.stats(loader).native_share == 1.0
