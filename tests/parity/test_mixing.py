"""MixUp and CutMix in a lowered loader's collate_fn: in the documented forms, and in others that are refused."""

import functools
import warnings

import pytest
import torch
import torchvision.transforms as v1
from hypothesis import given
from hypothesis import strategies as st
from support.cases import cases
from support.images import dataset_of
from support.record import Walk, assert_parity
from support.workers import ReferenceLoader
from torch.utils import data
from torch.utils.data import default_collate
from torch.utils.data.dataloader import default_collate as the_same
from torchvision.transforms import v2

import penstock

MIX = v2.MixUp(alpha=0.7, num_classes=10)
MIXES = {
    "MixUp": lambda: v2.MixUp(alpha=0.2, num_classes=10),
    "CutMix": lambda: v2.CutMix(num_classes=11),
    "a choice": lambda: v2.RandomChoice([MIX, v2.CutMix(num_classes=10)]),
    "a choice with shares": lambda: v2.RandomChoice([MIX, v2.CutMix(num_classes=10)], p=[1, 3]),
    "a choice of choices": lambda: v2.RandomChoice([v2.RandomChoice([MIX]), v2.CutMix(num_classes=10)]),
    "without classes": lambda: v2.MixUp(),
    "too few classes": lambda: v2.CutMix(num_classes=2),
}


class Mixer:
    def __init__(self, mix):
        self.mix = mix

    def collate(self, batch):
        images, labels = default_collate(batch)
        return self.mix(images, labels)

    def __call__(self, batch):
        return self.mix(*data.default_collate(batch))


def by_name(batch):
    return MIX(*default_collate(batch))


def given_it(batch, mix):
    return mix(*the_same(batch))


def closed_over(mix):
    def collate_fn(batch):
        return mix(*default_collate(batch))

    return collate_fn


FORMS = {
    "def": closed_over,
    "lambda": lambda mix: lambda batch: mix(*default_collate(batch)),
    "a list": lambda mix: lambda batch: mix(default_collate(batch)),
    "partial": lambda mix: functools.partial(given_it, mix=mix),
    "a method": lambda mix: Mixer(mix).collate,
    "an object": Mixer,
    "a name of the module": lambda mix: by_name,
}


def loader_of(kind, collate_fn, *, transform=None, count=11, **options):
    pipeline = transform or v1.Compose([v1.RandomCrop(6, padding=1), v1.RandomHorizontalFlip(), v1.ToTensor()])
    dataset = dataset_of("CIFAR10", count, 6, 6, transform=pipeline)
    return kind(dataset, collate_fn=collate_fn, **{"batch_size": 4, "shuffle": True, **options})


@cases(60)
@given(
    st.sampled_from(sorted(MIXES)),
    st.sampled_from(sorted(FORMS)),
    st.sampled_from([0, 0, 0, 1, 2]),
    st.booleans(),
    st.integers(1, 13),
    st.sampled_from([(None,), (None, None), (1, None)]),
    st.integers(0, 99),
)
def test_forms(mix, form, workers, draws, count, epochs, seed):
    def make(kind):
        return loader_of(kind, FORMS[form](MIXES[mix]()), count=count, num_workers=workers)

    assert penstock.explain(make(penstock.DataLoader)).native
    assert_parity(make, penstock.DataLoader, ReferenceLoader, Walk(epochs, draws=draws), seed)


def test_doubles_and_persistent_workers():
    transform = v2.Compose([v2.ToImage(), v2.ToDtype(torch.float64, scale=True)])

    def make(kind):
        options = {"num_workers": 2, "persistent_workers": True}
        return loader_of(kind, closed_over(MIXES["a choice"]()), transform=transform, **options)

    assert penstock.explain(make(penstock.DataLoader)).native
    assert_parity(make, penstock.DataLoader, ReferenceLoader, Walk((2, None, None)), 3)


def further(batch):
    batch = batch[::-1]
    return MIX(*default_collate(batch))


def and_more(batch):
    images, labels = MIX(*default_collate(batch))
    return {"images": images, "labels": labels}


def draws(batch):
    torch.rand(1)
    return MIX(*default_collate(batch))


def twice(batch):
    return MIX(*MIX(*default_collate(batch)))


def other_labels(batch):
    images, labels = default_collate(batch)
    return MIX(images, labels + 0)


def swapped(batch):
    images, labels = default_collate(batch)
    return MIX(labels, images)


def forgets(batch):
    MIX(*default_collate(batch))
    return default_collate(batch)


class OwnMix(v2.MixUp):
    """Its shares are others."""

    def make_params(self, flat_inputs):
        return {"lam": super().make_params(flat_inputs)["lam"] / 2}


def changed(mix, **attributes):
    for name, value in attributes.items():
        setattr(mix, name, value)
    return mix


def hooked():
    mix = v2.MixUp(num_classes=10)
    mix.register_forward_hook(lambda module, inputs, outputs: [outputs[0] * 2, outputs[1]])
    return mix


REFUSED = {
    "a further statement": lambda: further,
    "another structure": lambda: and_more,
    "draws": lambda: draws,
    "twice": lambda: twice,
    "other labels": lambda: other_labels,
    "swapped": lambda: swapped,
    "not returned": lambda: forgets,
    "a subclass": lambda: closed_over(OwnMix(num_classes=10)),
    "a choice of a subclass": lambda: closed_over(v2.RandomChoice([OwnMix(num_classes=10)])),
    "a choice of another transform": lambda: closed_over(v2.RandomChoice([v2.Identity()])),
    "a hook": lambda: closed_over(hooked()),
    "a labels_getter": lambda: closed_over(v2.MixUp(num_classes=10, labels_getter=lambda inputs: inputs[1])),
    "a shadowed method": lambda: closed_over(changed(v2.MixUp(num_classes=10), make_params=lambda _: {"lam": 0.5})),
    "another mix": lambda: closed_over(v2.Compose([MIX, MIX])),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("workers", [0, 1])
def test_refusals(name, workers):
    def make(kind):
        return loader_of(kind, REFUSED[name](), num_workers=workers)

    explained = penstock.explain(make(penstock.DataLoader))
    assert not explained.native
    assert next(row.part for row in explained.rows if not row.native) == "collation"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert_parity(make, penstock.DataLoader, ReferenceLoader, Walk(), 5)


def test_a_patched_default_collate(monkeypatch):
    monkeypatch.setattr(data, "default_collate", lambda batch: [tensor * 2 for tensor in default_collate(batch)])
    assert not penstock.explain(loader_of(penstock.DataLoader, Mixer(MIX))).native


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float16])
def test_other_types_are_torchs(dtype):
    transform = v2.Compose([v2.ToImage(), v2.ToDtype(dtype, scale=True)])

    def make(kind):
        return loader_of(kind, closed_over(v2.MixUp(num_classes=10)), transform=transform)

    assert not penstock.explain(make(penstock.DataLoader)).native
    assert_parity(make, penstock.DataLoader, ReferenceLoader, Walk(), 5)


def replaced(loader):
    loader.collate_fn.mix = v2.CutMix(num_classes=10)


def set_differently(loader):
    loader.collate_fn.mix.num_classes = 12


@pytest.mark.parametrize("edit", [replaced, set_differently])
@pytest.mark.parametrize("workers", [0, 1])
def test_edits_between_batches(edit, workers):
    def make(kind):
        return loader_of(kind, Mixer(v2.MixUp(num_classes=10)), num_workers=workers)

    assert_parity(make, penstock.DataLoader, ReferenceLoader, Walk((None, None), edit=edit), 5)
