"""`explain` and `stats` of what frameworks wrap around a loader, and of classes that make iterators themselves."""

import types

import numpy as np
import pytest
import torch
import torch.utils.data as tud
import torchvision.transforms as v1

import penstock
from penstock.wrappers import unwrap


class Arrays(penstock.ImageDataset):
    def __init__(self):
        self.images = np.zeros((6, 8, 8, 3), np.uint8)
        self.transform = v1.ToTensor()

    def __len__(self):
        return len(self.images)

    def locate(self, index):
        return self.images[index], index


def loader():
    return penstock.DataLoader(Arrays(), 4)


class Adapter:
    """Feigns the class of what it adapts and passes on what it lacks, as Accelerate's do."""

    def __init__(self, inner):
        self.base_dataloader = inner

    @property
    def __class__(self):
        return self.base_dataloader.__class__

    def __getattr__(self, name):
        return getattr(self.__dict__["base_dataloader"], name)

    def __iter__(self):
        return iter(self.base_dataloader)


class Wrapped(tud.DataLoader):
    """Takes all attributes over and iterates over the loader inside, as Ray Train's does."""

    def __init__(self, inner):
        self.__dict__.update(inner.__dict__)
        self._dataloader = inner

    def __iter__(self):
        return iter(self._dataloader)


class Repeats(penstock.DataLoader):
    """Keeps its iterator, as timm's loader for several epochs does; it has an attribute with a wrapper's name."""

    loads = None

    def __iter__(self):
        self.loader = print
        return super().__iter__()


def keeping(name):
    """A class that has nothing but a loader in an attribute."""

    def wrap(inner):
        wrapper = types.SimpleNamespace(batches=3)
        setattr(wrapper, name, inner)
        return wrapper

    return wrap


def circle(inner):
    first, second = types.SimpleNamespace(), types.SimpleNamespace()
    first.loader, second.loader, second._loader = second, first, inner
    return first


WRAPPERS = {
    "Accelerate": Adapter,
    "Ray Train": Wrapped,
    "Fabric": keeping("_dataloader"),
    "timm": keeping("loader"),
    "XLA": keeping("_loader"),
    "one loader combined": lambda inner: types.SimpleNamespace(_flattened=[inner], _iterables=[inner]),
    "any other name": keeping("batches_of_mine"),
    "one around another": lambda inner: keeping("loader")(keeping("dataloader")(Adapter(inner))),
    "around an adapter, by any name": lambda inner: keeping("mine")(Adapter(inner)),
    "a circle": circle,
}


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS)
def test_what_frameworks_wrap(wrap):
    inner = loader()
    wrapper = wrap(inner)
    assert unwrap(wrapper, "explain") is inner
    assert penstock.explain(wrapper) == penstock.explain(inner)
    next(iter(inner))
    assert penstock.stats(wrapper).samples == penstock.stats(inner).samples == 4


@pytest.mark.parametrize("make", [penstock.DataLoader, tud.DataLoader, Repeats])
def test_a_loader_is_itself(make):
    inner = make(Arrays(), 4)
    next(iter(inner))
    assert unwrap(inner, "stats") is inner


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: 3, r"a DataLoader, got int$"),
        (lambda: None, r"a DataLoader, got NoneType$"),
        (lambda: [1, 2], r"a DataLoader, got list$"),
        (lambda: [loader(), loader()], r"got list; pass its items one by one$"),
        (lambda: {"a": loader()}, r"got dict; pass its items one by one$"),
        (lambda: types.SimpleNamespace(loader=print), r"got SimpleNamespace$"),
        (
            lambda: types.SimpleNamespace(train=loader(), test=loader()),
            r"this SimpleNamespace holds 2: pass loader\.train or loader\.test$",
        ),
        (
            lambda: types.SimpleNamespace(_flattened=[loader(), Adapter(loader())]),
            r"holds 2: pass loader\.flattened\[0\] or loader\.flattened\[1\]\.base_dataloader$",
        ),
    ],
)
def test_what_holds_no_loader_or_several(wrong, message):
    for function in (penstock.explain, penstock.stats):
        with pytest.raises(TypeError, match=rf"^{function.__name__}\(\) takes .*{message}"):
            function(wrong())


def test_torchs_own_class_is_told_what_penstocks_would_do():
    ours, theirs = penstock.explain(loader()), penstock.explain(tud.DataLoader(Arrays(), 4))
    assert (ours.hypothetical, theirs.hypothetical) == (False, True)
    assert ours.rows == theirs.rows
    assert "torch's own class" in str(theirs)
    assert "torch's own class" not in str(ours)


# ---------------------------------------------------------------------------------------------------------------
# classes that make iterators themselves


class Iterates(penstock.DataLoader):
    def _get_iterator(self):
        return iter([torch.zeros(3)])


class AsksOurs(penstock.DataLoader):
    def _get_iterator(self):
        return super()._get_iterator()


class Below(Iterates):
    pass


def of_an_instance(data, size):
    made = penstock.DataLoader(data, size)
    made._get_iterator = lambda: iter([torch.zeros(3)])
    return made


def of_torchdata(data, size):
    stateful = pytest.importorskip("torchdata.stateful_dataloader").StatefulDataLoader
    return stateful(data, size)


@pytest.mark.filterwarnings("ignore:'set_vital' is deprecated")
@pytest.mark.parametrize(
    ("make", "name"),
    [
        (Iterates, "Iterates"),
        (Below, "Iterates"),
        (of_an_instance, "DataLoader"),
        (of_torchdata, "StatefulDataLoader"),
        (lambda *arguments: Adapter(of_torchdata(*arguments)), "StatefulDataLoader"),
    ],
)
def test_a_class_with_iterators_of_its_own(make, name):
    made = make(Arrays(), 4)
    for _ in range(2):
        report, stats = penstock.explain(made), penstock.stats(made)
        assert (report.way, stats.way, stats.samples) == ("torch", "torch", 0)
        assert any(row.name == name and "iterators itself" in row.reason for row in report.rows)
        for text in (str(report), str(stats)):
            assert f"{name}'s own iterator makes these batches" in text
            assert "torch's own" not in text.replace("torch's or the user's own", "")
        assert len(list(made)) > 0


def test_a_class_that_asks_ours():
    made = AsksOurs(Arrays(), 4)
    assert penstock.explain(made).way == "lowered"
    assert len(list(made)) == 2
    assert penstock.explain(made).way == penstock.stats(made).way == "lowered"


# ---------------------------------------------------------------------------------------------------------------
# notebooks


def test_tables_in_notebooks_are_text_without_markup():
    made = loader()
    made.collate_fn = type("<b>&", (), {"__call__": lambda self, batch: batch})()
    list(made)
    for shown in (penstock.explain(made), penstock.stats(made)):
        html = shown._repr_html_()
        assert html.startswith("<table>")
        assert html.count("<tr>") == html.count("</tr>") >= 4
        assert "penstock: " in html
        assert "<b>" not in html
    assert "&lt;b&gt;&amp;" in penstock.explain(made)._repr_html_()
