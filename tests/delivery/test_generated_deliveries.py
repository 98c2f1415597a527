"""Whatever hypothesis thinks of, delivered: torch's batches in every bit, and all else as torch's loader does it."""

import functools

import pytest
import torch
from hypothesis import event, given
from hypothesis import strategies as st
from support.cases import cases
from support.fake_cuda import Gpu
from support.loaders import datasets, families, loader_cases, small_cases
from support.record import assert_parity, more_workers_than_cores
from support.workers import ReferenceLoader

import penstock
from penstock.delivery import streams

FORMS = st.fixed_dictionaries(
    {"transfer": st.sampled_from([None, "uint8", "uint8"])},
    optional={
        "dtype": st.sampled_from([torch.float16, torch.bfloat16, torch.float32, torch.float64]),
        "memory_format": st.sampled_from([torch.channels_last, torch.contiguous_format]),
    },
)


@pytest.fixture(autouse=True)
def _prompt_gpu(monkeypatch):
    monkeypatch.setattr(streams, "Cuda", lambda device: Gpu(prompt=True).cuda(device))


class Converted(ReferenceLoader):
    """torch's loader, by whose iterators images are converted as a user would."""

    def __init__(self, *args, form, **kwargs):
        super().__init__(*args, **kwargs)
        self._form = form

    def __iter__(self):
        return _Converting(super().__iter__(), self._form)


class _Converting:
    def __init__(self, iterator, form):
        self.iterator, self.form = iterator, form

    def __len__(self):
        return len(self.iterator)

    def __next__(self):
        return self.converted(next(self.iterator))

    def converted(self, part):
        if isinstance(part, list):
            return [self.converted(each) for each in part]
        if not isinstance(part, torch.Tensor) or part.ndim != 4:
            return part
        dtype = self.form.get("dtype", part.dtype) if part.is_floating_point() else part.dtype
        return part.to(dtype=dtype, memory_format=self.form.get("memory_format", torch.preserve_format))


def check(case, form):
    ours = functools.partial(penstock.DataLoader, device="cuda", **form)
    with more_workers_than_cores():
        rows = {row.part: row for row in penstock.explain(case.loader(ours)).rows}
    event(f"bytes: {'transfer' in rows and rows['transfer'].native}")
    assert_parity(case.loader, ours, functools.partial(Converted, form=form), case.walk, case.seed)


@cases(600)
@given(small_cases(), FORMS)
def test_pipelines(case, form):
    check(case, form)


@cases(300)
@given(loader_cases(families()), FORMS)
def test_loaders(case, form):
    check(case, form)


@cases(300)
@given(loader_cases(datasets()), FORMS)
def test_datasets(case, form):
    check(case, form)
