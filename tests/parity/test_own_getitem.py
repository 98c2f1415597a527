"""Data sets of the user's own: those whose `__getitem__` can be followed are lowered, all others are recorded."""

import io

import numpy as np
import pytest
import torch
from PIL import Image
from support.bad_samples import expected, outcomes
from support.both_loaders import write_images
from support.compare import assert_same
from support.files import damaged
from support.own_getitems import FOLLOWED, LEFT, TRANSFORM, Own, Pairs, Unknown
from support.record import Walk, assert_parity, failures
from support.workers import ForkingReferenceLoader, ReferenceLoader
from torch.utils.data import ConcatDataset, Subset, SubsetRandomSampler, default_collate
from torchvision import transforms as T
from torchvision.transforms import functional as F
from torchvision.transforms import v2

import penstock
from penstock.tolerance import policy

# Which data sets leave to the garbage collector, if they fail.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
WORKERS = {"0 workers": {}, "2 workers": {"num_workers": 2}}
workers = pytest.mark.parametrize("options", WORKERS.values(), ids=WORKERS.keys())


DRAWING = Walk(draws=True)


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return write_images(tmp_path_factory.mktemp("own") / "images", 14)


@pytest.fixture
def fresh(tmp_path):
    return write_images(tmp_path / "images", 14)


def compared(make_dataset, *, way="lowered", theirs=ReferenceLoader, walk=DRAWING, **options):
    """Compare all that a program may notice, and the way that is told; return the record."""
    options = {"batch_size": 4, "shuffle": True, **options}

    def make(cls):
        return cls(make_dataset(), **options)

    report = penstock.explain(make(penstock.DataLoader))
    assert report.way == way, str(report)
    return assert_parity(make, penstock.DataLoader, theirs, walk)


@workers
@pytest.mark.parametrize("name", FOLLOWED)
def test_what_is_followed_is_lowered_and_equal(paths, name, options):
    compared(lambda: FOLLOWED[name](paths), walk=Walk((None, 2, None), draws=True), **options)


@pytest.mark.parametrize("name", FOLLOWED)
def test_it_equals_torchs_processes(paths, name):
    compared(lambda: FOLLOWED[name](paths), theirs=torch.utils.data.DataLoader, walk=Walk(), num_workers=2)


@workers
@pytest.mark.parametrize("name", LEFT)
def test_what_is_not_followed_is_recorded_and_says_why(paths, name, options):
    loader = penstock.DataLoader(LEFT[name](paths), 4, **options)
    report = penstock.explain(loader)
    assert report.way == "recorded"
    assert report.reasons[0].startswith(f"dataset {name} of 14: ")


@pytest.mark.parametrize("name", sorted(LEFT.keys() - {"Clock", "DefaultChanges"}))
def test_what_is_not_followed_is_equal_as_ever(paths, name):
    compared(lambda: LEFT[name](paths), way="recorded", walk=Walk())


def test_no_code_of_the_data_sets_runs_that_is_not_followed(paths):
    dataset = LEFT["Counts"](paths)
    penstock.explain(penstock.DataLoader(dataset, 4, num_workers=2))
    assert dataset.calls == 0


def test_a_switch_has_all_of_them_recorded(paths, monkeypatch):
    monkeypatch.setenv("PENSTOCK_RECORD", "1")
    compared(lambda: Pairs(paths), way="recorded", walk=Walk())


# --------------------------------------------------------------------------------------------------------------------
# around it


class Counting(torch.utils.data.Sampler):
    """One of the user's own."""

    def __init__(self, kind):
        self.kind = kind

    def __iter__(self):
        return iter([self.kind(k) for k in (3, 1, -2, 0, 9, 5)])

    def __len__(self):
        return 6


SAMPLERS = {
    "list": [4, 2, -1, 3, 0],
    "range": range(2, 11),
    "array": np.array([4, 9, 0, 3, 1]),
    "tensor": torch.tensor([4, 9, 0, 3, 1]),
    "subset": SubsetRandomSampler([4, 9, 0, 3, 1]),
    "subset of an array": SubsetRandomSampler(np.array([4, 9, 0, 3, 1])),
    "weighted": torch.utils.data.WeightedRandomSampler([1.0] * 14, 9),
}


@workers
@pytest.mark.parametrize("name", SAMPLERS)
def test_samplers(paths, name, options):
    compared(lambda: Pairs(paths), shuffle=False, sampler=SAMPLERS[name], **options)


@workers
@pytest.mark.parametrize("kind", [int, np.int64, np.int16, torch.tensor])
def test_of_a_sampler_of_the_users_own_only_batches_without_workers_are_lowered(paths, kind, options):
    way = "recorded" if options else "lowered"
    compared(lambda: Pairs(paths), way=way, shuffle=False, sampler=Counting(kind), walk=Walk(), **options)


@pytest.mark.parametrize("name", ["array", "tensor"])
def test_where_it_asks_for_the_kind_of_an_index_that_has_to_be_known(paths, name):
    compared(lambda: FOLLOWED["Tutorial"](paths), way="recorded", shuffle=False, sampler=SAMPLERS[name], walk=Walk())


@workers
@pytest.mark.parametrize("name", ["Pairs", "Tutorial", "Views", "Split"])
def test_subsets_and_concatenations(paths, name, options):
    def make():
        dataset = FOLLOWED[name](paths)
        return ConcatDataset([Subset(dataset, [3, 5, -1, 0]), dataset, Subset(dataset, np.arange(3).tolist())])

    compared(make, **options)


@workers
def test_parts_whose_samples_differ_are_not_lowered(paths, options):
    def make():
        return ConcatDataset([FOLLOWED["Dictionary"](paths), FOLLOWED["Alone"](paths)])

    assert penstock.explain(penstock.DataLoader(make(), 4, **options)).way == "recorded"


@workers
def test_a_batch_may_be_mixed(paths, options):
    mix = v2.MixUp(num_classes=3)
    compared(lambda: Pairs(paths), collate_fn=lambda batch: mix(*default_collate(batch)), **options)


def test_samples_that_are_no_pairs_are_not_mixed_natively(paths):
    mix = v2.MixUp(num_classes=3)
    loader = penstock.DataLoader(FOLLOWED["Alone"](paths), 4, collate_fn=lambda batch: mix(default_collate(batch), 1))
    assert penstock.explain(loader).way == "recorded"


@workers
def test_numbers_by_index(paths, options):
    loaders = [
        penstock.DataLoader(Pairs(paths), size, rng="index", seed=3, **more) for size, more in ((4, options), (7, {}))
    ]
    ours, others = (torch.cat([images for images, _ in loader]) for loader in loaders)
    assert torch.equal(ours, others)


def test_it_resumes(paths):
    def make():
        return penstock.DataLoader(FOLLOWED["Dictionary"](paths), 4, shuffle=True, num_workers=2)

    torch.manual_seed(3)
    loader = make()
    iterator = iter(loader)
    next(iterator)
    state = loader.state_dict()
    expected = [*iterator]
    other = make()
    other.load_state_dict(state)
    found = [*other]
    assert len(found) == len(expected) == 3
    assert all(torch.equal(one["pixels"], two["pixels"]) for one, two in zip(found, expected, strict=True))


@pytest.mark.parametrize("name", ["Dictionary", "Views", "Alone", "Pairs"])
def test_batches_are_pinned(paths, name):
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    for batch in penstock.DataLoader(FOLLOWED[name](paths), 4, num_workers=2, pin_memory=True):
        tensors = [each for each in (batch.values() if isinstance(batch, dict) else batch) if torch.is_tensor(each)]
        assert all(tensor.is_pinned() for tensor in tensors)


# --------------------------------------------------------------------------------------------------------------------
# edits


class Elsewhere(Pairs):
    def __getitem__(self, index):
        path, label = self.samples[index]
        return F.to_tensor(F.resize(opened(path), [16, 16])), label + 5


def opened(path):
    return Image.open(path).convert("RGB")


EDITS = {
    "an entry": lambda dataset: dataset.samples.__setitem__(slice(None), [(dataset.samples[0][0], 9)] * 14),
    "another list": lambda dataset: setattr(dataset, "samples", dataset.samples[::-1]),
    "a longer list": lambda dataset: dataset.samples.extend(dataset.samples[:2]),
    "a shorter list": lambda dataset: dataset.samples.__delitem__(slice(5, None)),
    "the transform": lambda dataset: setattr(dataset, "transform", T.Compose([T.CenterCrop(16), T.ToTensor()])),
    "no transform": lambda dataset: setattr(dataset, "transform", None),
    "in the transform": lambda dataset: dataset.transform.transforms.pop(1),
    "a target_transform": lambda dataset: setattr(dataset, "target_transform", lambda label: label * 10),
    "entries of a kind that is not known": lambda dataset: dataset.samples.__setitem__(
        slice(None), [(path, Unknown.Label()) for path, _ in dataset.samples]
    ),
    "the class": lambda dataset: setattr(dataset, "__class__", Elsewhere),
}


@pytest.mark.parametrize("options", [{}, {"num_workers": 2}, {"num_workers": 2, "persistent_workers": True}], ids=str)
@pytest.mark.parametrize("name", EDITS)
def test_an_edit_is_seen_when_torch_sees_it(paths, name, options):
    def make():
        return Pairs(paths, T.Compose([*TRANSFORM.transforms]))

    walk = Walk((None, None), edit=lambda loader: EDITS[name](loader.dataset))
    compared(make, walk=walk, theirs=ForkingReferenceLoader, shuffle=False, batch_size=3, **options)


@workers
def test_entries_that_change_themselves_are_kept_as_they_were(paths, options):
    def edit(loader):
        for record in loader.dataset.records:
            record["label"] += 100
            record["box"][0] = -1

    walk = Walk((None, None), edit=edit)
    compared(lambda: FOLLOWED["Views"](paths), walk=walk, theirs=ForkingReferenceLoader, shuffle=False, **options)


@workers
def test_arrays_that_change_are_kept_as_they_were(paths, options):
    def edit(loader):
        loader.dataset.array += 3
        loader.dataset.tensor += 3
        loader.dataset.labels[:] = [8] * 14

    for name in ("Contents", "Opener"):
        walk = Walk((None, None), edit=edit)
        compared(lambda name=name: FOLLOWED[name](paths), walk=walk, theirs=ForkingReferenceLoader, **options)


@workers
def test_a_method_that_is_replaced_is_another_one(paths, options, monkeypatch):
    dataset = FOLLOWED["Helpers"](paths)
    loader = penstock.DataLoader(dataset, 4, **options)
    iterator = iter(loader)
    next(iterator)
    monkeypatch.setattr(type(dataset), "load", staticmethod(lambda path: opened(path).resize((30, 30))))
    torch.manual_seed(0)
    found = [*penstock.DataLoader(dataset, 4, **options)] if options else [*iterator]
    expected = [*torch.utils.data.DataLoader(dataset, 4)][0 if options else 1 :]
    assert all(torch.equal(one[0], other[0]) for one, other in zip(found, expected, strict=True))


# --------------------------------------------------------------------------------------------------------------------
# failures


def bad(paths, kind):
    whole = paths[5].read_bytes()
    if kind == "missing":
        paths[5].unlink()
    else:
        paths[5].write_bytes(damaged(whole, kind))


@workers
@pytest.mark.parametrize("kind", ["missing", "truncated", "text", "empty"])
@pytest.mark.parametrize("name", ["Pairs", "Views", "Alone", "Dictionary", "Late", "Loaded"])
def test_a_bad_file_raises_what_it_raises(fresh, name, kind, options):
    datasets = iter([FOLLOWED[name](fresh) for _ in range(3)])
    bad(fresh, kind)
    found = compared(lambda: next(datasets), **options)
    assert len(failures(found)) == 1


def late(paths, **attributes):
    dataset = FOLLOWED["Late"](paths)
    vars(dataset).update(attributes)
    return dataset


@workers
@pytest.mark.parametrize("kind", [None, "missing", "truncated", "text"])
@pytest.mark.parametrize("name", ["names", "weights", "table"])
def test_what_raises_first_is_raised(fresh, name, kind, options):
    """Before the image is converted, before and behind its transforms; with a file that is bad besides, or is not."""
    values = {
        "names": lambda dataset: dataset.names[:5],
        "weights": lambda dataset: dataset.weights[:5],
        "table": lambda dataset: dict([*dataset.table.items()][:5]),
    }[name]
    datasets = iter([late(fresh, **{name: values(late(fresh))}) for _ in range(3)])
    if kind is not None:
        bad(fresh, kind)
    found = compared(lambda: next(datasets), batch_size=2, **options)
    assert failures(found)


@workers
def test_labels_that_cannot_be_collated(paths, options):
    def make():
        dataset = Pairs(paths)
        dataset.samples[3] = (dataset.samples[3][0], None)
        dataset.samples[9] = (dataset.samples[9][0], "nine")
        return dataset

    assert failures(compared(make, shuffle=False, **options))


@workers
@pytest.mark.parametrize("name", ["Dictionary", "Views", "Pairs", "Alone"])
def test_images_of_several_sizes_cannot_be_collated(paths, name, options):
    assert failures(compared(lambda: FOLLOWED[name](paths, T.ToTensor()), **options))


@workers
def test_labels_in_front_of_images_fail_first(paths, options):
    class First(Own):
        def __getitem__(self, i):
            image = self.transform(opened(self.paths[i]))
            return {"label": self.caught.get(i, "a"), "image": image}

    def make():
        dataset = First(paths, T.ToTensor())
        dataset.caught = {1: None, 4: 3.5}
        return dataset

    assert len(failures(compared(make, shuffle=False, **options))) >= 2


@workers
@pytest.mark.parametrize("index", [99, -99])
def test_an_index_that_is_not_there(paths, index, options):
    assert failures(compared(lambda: Pairs(paths), shuffle=False, sampler=[0, 3, index, 2, 1], **options))


@pytest.mark.parametrize("count", [0, 2])
@pytest.mark.parametrize("on_error", ["replace", "skip"])
@pytest.mark.parametrize("name", ["Pairs", "Dictionary", "Views", "Late"])
def test_bad_samples_are_left_out_or_replaced(fresh, name, on_error, count, monkeypatch):
    monkeypatch.setattr(policy, "_ENOUGH", 10**6)
    dataset = FOLLOWED[name](fresh)
    bad(fresh, "truncated")
    fresh[8].unlink()
    options = {"batch_size": 4, "shuffle": True, "num_workers": count}
    theirs = [each for each in outcomes(expected(dataset, on_error, (OSError,), **options), 2) if each is not None]
    loader = penstock.DataLoader(dataset, on_error=on_error, **options)
    assert penstock.explain(loader).way == "lowered"
    assert_same(outcomes(loader, 2), theirs)
    assert {sample.index for sample in penstock.stats(loader).bad} == {5, 8}


# --------------------------------------------------------------------------------------------------------------------
# what stands for a value must not be mistaken for what it does with it


class Rare(Own):
    """Of one sample only, which no comparison in advance meets, something else is asked, or raised."""

    def __init__(self, paths):
        super().__init__(paths)
        self.options = [3] * 13 + [None]
        self.boxes = [[1, 2]] * 13 + [[1, 2, 3]]
        self.others = [str(path) for path in paths[:-1]] + [f"{self.root}/nowhere"]
        self.texts, self.ranks = [*self.contents[:13], "text"], dict.fromkeys(range(13), 1)

    def image(self, index):
        return self.transform(Image.open(self.paths[index]).convert("RGB"))


class PartOfSlice(Rare):
    def __getitem__(self, index):
        return self.image(index), 1 if slice(self.options[index]).stop is None else 2


class PartOfError(Rare):
    def __getitem__(self, index):
        value = StopIteration(self.options[index]).value
        return self.image(index), 1 if value is None else 2


class PartOfFunction(Rare):
    def __getitem__(self, index):
        def note():
            pass

        note.option = self.options[index]
        return self.image(index), 1 if note.option is None else 2


class PartOfArgument(Rare):
    def __getitem__(self, index):
        return self.image(index), self.asked(slice(self.options[index]))

    def asked(self, part):
        return 1 if part.stop is None else 2


class SumsLazily(Rare):
    def __getitem__(self, index):
        one, other = map(sum, (self.boxes[index], self.boxes[index]))
        return self.image(index), one, other


class OpensAnother(Rare):
    def __getitem__(self, index):
        with open(self.others[index], "rb"):  # noqa: PTH123 - as people write it
            pass
        return self.image(index), 0


class OpensBefore(Rare):
    def __getitem__(self, index):
        with open(self.others[index], "rb") as file:  # noqa: PTH123 - the same
            rank = self.ranks[index]
            return self.transform(Image.open(file).convert("RGB")), rank


class ReadsAnother(Rare):
    def __getitem__(self, index):
        io.BytesIO(self.texts[index])
        return self.image(index), 0


RARE = (PartOfSlice, PartOfError, PartOfFunction, PartOfArgument, SumsLazily, OpensAnother, OpensBefore, ReadsAnother)


@workers
@pytest.mark.parametrize("kind", RARE, ids=lambda kind: kind.__name__)
def test_what_a_stand_in_cannot_tell_is_not_followed(paths, kind, options):
    compared(lambda: kind(paths), way="recorded", walk=Walk(), **options)


class BeyondColumns(Own):
    def __getitem__(self, index):
        return self.transform(Image.open(self.paths[index]).convert("RGB")), self.grid[index, 5]


@pytest.mark.parametrize("rows", [14, 0])
def test_a_cell_that_is_nowhere_raises_where_it_is_met(paths, rows):
    def make():
        dataset = BeyondColumns(paths)
        dataset.grid = np.zeros((rows, 3))
        return dataset

    compared(make, way="recorded", walk=Walk(), num_workers=2)


class AsksItsOwn(Own):
    def __getitem__(self, index):
        target = self.target_transform
        image = Image.open(self.paths[index]).convert("RGB")
        views = [self.transform(image) for _ in range(2)]
        label = self.labels[index]
        if self.target_transform is not None:
            label = self.target_transform(label)
        if target is not None:
            label = target(label)
        return views, label


@workers
def test_what_was_there_before_may_be_compared(paths, options):
    compared(lambda: AsksItsOwn(paths), **options)
