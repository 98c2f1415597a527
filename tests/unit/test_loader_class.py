"""`penstock.DataLoader` as a class: what torch's own users and frameworks do to a loader."""

import copy
import gc
import inspect
import io
import os
import pickle
import subprocess
import sys

import pytest
import torch
import torch.utils.data as tud
from support.images import dataset_of
from torchvision import transforms as v1

import penstock
from penstock import DataLoader
from penstock.delivery.form import OPTIONS

# The arguments, and attributes of the same names, that torch's class does not have.
ADDED = {**OPTIONS, "on_error": "raise", "on_error_types": (), "rng": "torch", "seed": 0}

CROP = v1.Compose([v1.RandomCrop(4, padding=1), v1.ToTensor()])


def dataset(count=12):
    return dataset_of("CIFAR10", count, 5, 6, transform=CROP)


def epoch(loader):
    return [(images.clone(), targets.clone()) for images, targets in loader]


def same(ours, theirs):
    return len(ours) == len(theirs) and all(
        torch.equal(*pair) for a, b in zip(ours, theirs, strict=True) for pair in zip(a, b, strict=True)
    )


def test_it_is_torchs_class_with_torchs_signature():
    assert issubclass(DataLoader, tud.DataLoader)
    ours, torchs = (inspect.signature(cls.__init__).parameters for cls in (DataLoader, tud.DataLoader))
    assert dict(list(ours.items())[: len(torchs)]) == dict(torchs)
    added = [*ours.values()][len(torchs) :]
    assert {parameter.name: parameter.default for parameter in added} == ADDED
    assert all(parameter.kind is parameter.KEYWORD_ONLY for parameter in added)
    assert DataLoader[list[torch.Tensor]]
    ours, theirs = (cls(dataset(), batch_size=4, shuffle=True, num_workers=1) for cls in (DataLoader, tud.DataLoader))
    assert set(vars(ours)) == set(vars(theirs)) | set(ADDED)
    assert len(ours) == len(theirs) == 3
    epoch(ours)
    assert set(vars(ours)) == set(vars(theirs)) | set(ADDED), "frameworks rebuild a loader from its attributes"


@pytest.mark.parametrize(
    "name", ["batch_size", "batch_sampler", "sampler", "drop_last", "dataset", "persistent_workers"]
)
def test_what_torch_forbids_to_set_stays_forbidden(name):
    with pytest.raises(ValueError, match=f"{name} attribute should not be set after DataLoader is initialized"):
        setattr(DataLoader(dataset()), name, 1)


@pytest.mark.parametrize(
    "arguments",
    [
        {"num_workers": -1},
        {"timeout": -1},
        {"prefetch_factor": 2},
        {"persistent_workers": True},
        {"batch_size": None, "drop_last": True},
        {"shuffle": True, "sampler": [0]},
        {"batch_sampler": [[0]], "batch_size": 2},
        {"num_workers": 1, "multiprocessing_context": "no such"},
    ],
)
def test_wrong_arguments_get_torchs_messages(arguments):
    with pytest.raises(Exception) as theirs:
        tud.DataLoader(dataset(), **arguments)
    with pytest.raises(theirs.type) as ours:
        DataLoader(dataset(), **arguments)
    assert str(ours.value) == str(theirs.value)


# torch's half-made iterator, destroyed, lacks attributes that its destructor reads.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_what_torch_refuses_at_iter_is_refused_there():
    for arguments in ({"timeout": 3}, {"num_workers": 1, "prefetch_factor": 0}):
        with pytest.raises(AssertionError) as theirs:
            iter(tud.DataLoader(dataset(), **arguments))
        with pytest.raises(AssertionError) as ours:
            iter(DataLoader(dataset(), **arguments))
        assert str(ours.value) == str(theirs.value)
        del ours, theirs
        gc.collect()


def test_copies_and_pickles_work_alike():
    loader = DataLoader(dataset(), batch_size=5, num_workers=1)
    torch.manual_seed(1)
    expected = epoch(loader)
    for twin in (copy.copy(loader), copy.deepcopy(loader), pickle.loads(pickle.dumps(loader))):
        assert type(twin) is DataLoader
        torch.manual_seed(1)
        assert same(epoch(twin), expected)


def test_a_living_persistent_iterator_refuses_pickling_as_torchs_does():
    loader = DataLoader(dataset(), batch_size=5, num_workers=1, persistent_workers=True)
    first = iter(loader)
    assert iter(loader) is first
    with pytest.raises(NotImplementedError):
        pickle.dumps(loader)
    loader._iterator = None  # what Lightning does between stages
    assert iter(loader) is not first


def test_an_exhausted_iterator_stays_exhausted():
    for workers in (0, 1):
        iterator = iter(DataLoader(dataset(), batch_size=6, num_workers=workers))
        assert len(iterator) == len(list(iterator)) == 2
        for _ in range(2):
            with pytest.raises(StopIteration):
                next(iterator)


class Counting(tud.Sampler):
    def __init__(self, count):
        self.count, self.taken = count, 0

    def __iter__(self):
        for index in range(self.count):
            self.taken += 1
            yield index

    def __len__(self):
        return self.count


@pytest.mark.parametrize("workers", [0, 1, 2])
def test_the_sampler_runs_ahead_as_far_as_torchs(workers):
    def walk(cls):
        sampler = Counting(60)
        options = {"prefetch_factor": 3} if workers else {}
        iterator = iter(cls(dataset(60), batch_size=5, sampler=sampler, num_workers=workers, **options))
        taken = [sampler.taken]
        for _ in range(4):
            next(iterator)
            taken.append(sampler.taken)
        return taken

    assert walk(DataLoader) == walk(tud.DataLoader)


def test_a_rebuild_from_public_attributes_works_as_ignite_does_it():
    loader = DataLoader(dataset(), batch_size=4, num_workers=1, prefetch_factor=3)
    gone = ("batch_size", "sampler", "drop_last", "batch_sampler")
    public = {name: getattr(loader, name) for name in vars(loader) if not name.startswith("_") and name not in gone}
    rebuilt = type(loader)(**public, batch_sampler=loader.batch_sampler)
    assert type(rebuilt) is DataLoader
    assert [len(images) for images, _ in rebuilt] == [4, 4, 4]


class Repeating:
    def __init__(self, sampler):
        self.sampler = sampler

    def __iter__(self):
        while True:
            yield from iter(self.sampler)


class MultiEpochs(DataLoader):
    """What timm does: an endless batch sampler and one iterator for ever."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self._DataLoader__initialized = False
        self.batch_sampler = Repeating(self.batch_sampler)
        self._DataLoader__initialized = True
        self.iterator = super().__iter__()

    def __len__(self):
        return len(self.batch_sampler.sampler)

    def __iter__(self):
        for _ in range(len(self)):
            yield next(self.iterator)


def test_an_endless_batch_sampler_is_never_drained():
    loader = MultiEpochs(dataset(), batch_size=5, shuffle=True, num_workers=2)
    assert [len(epoch(loader)) for _ in range(3)] == [3, 3, 3]


class Wrapped(tud.DataLoader):
    """What Ray and Fabric do: another object with the loader's attributes."""

    def __init__(self, loader):
        self.__dict__.update(loader.__dict__)
        self.inner = loader

    def __iter__(self):
        return iter(self.inner)


def test_a_copy_of_the_attributes_iterates():
    assert len(list(Wrapped(DataLoader(dataset(), batch_size=5)))) == 3


def test_the_switch_makes_the_name_torchs_class():
    script = "import penstock, torch; assert penstock.DataLoader is torch.utils.data.DataLoader; print('torch')"
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PENSTOCK": "0"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout == "torch\n"


def test_the_report_tells_all_parts():
    loader = DataLoader(dataset(), batch_size=4, num_workers=2)
    report = penstock.explain(loader)
    assert (report.native, report.way, report.threads) == (True, "lowered", 2)
    assert report.batch_bytes == 4 * 3 * 4 * 4 * 4
    assert [row.part for row in report.rows] == ["dataset", "transform", "transform", "sampler", "collation"]
    assert all(row.native and row.reason for row in report.rows)
    assert "RandomCrop(size=(4, 4), padding=1)" in str(report)
    assert penstock.explain(tud.DataLoader(dataset())).native, "torch's loader is told what penstock would do"
    with pytest.raises(TypeError, match="takes a DataLoader, got list"):
        penstock.explain([])


def test_the_report_says_why_not_and_prints_as_a_table():
    from rich.console import Console

    data = dataset()
    data.transform = v1.Compose([v1.RandomCrop(4), v1.ElasticTransform(), v1.ToTensor()])
    report = penstock.explain(DataLoader(data, collate_fn=list))
    assert (report.native, report.way, report.threads) == (False, "recorded", 0)
    assert len(report.reasons) == 2
    assert "ElasticTransform" in report.reasons[0]
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(report)
    text = console.export_text()
    assert "torch's workers run this code on images that record" in text
    assert "no native form of it yet" in text


def test_a_loader_that_falls_back_says_so_once(caplog):
    loader = DataLoader([1, 2, 3], batch_size=2)
    for _ in range(3):
        assert [batch.tolist() for batch in loader] == [[1, 2], [3]]
    records = [record for record in caplog.records if record.name == "penstock"]
    assert len(records) == 1
    assert "list" in records[0].getMessage()
    epoch(DataLoader(dataset()))
    assert len([record for record in caplog.records if record.name == "penstock"]) == 1


def test_a_rebuild_from_the_signature_works_as_lightning_does_it():
    """Lightning injects a sampler: attributes that are arguments of `__init__`, except where they are the default."""
    loader = DataLoader(dataset(), batch_size=4, shuffle=True, num_workers=1, persistent_workers=True, drop_last=True)
    next(iter(loader))
    parameters = inspect.signature(type(loader).__init__).parameters
    arguments = {name: value for name, value in vars(loader).items() if name in parameters}
    arguments = {name: value for name, value in arguments.items() if value != parameters[name].default}
    arguments.update(multiprocessing_context=loader.multiprocessing_context)
    sampler = tud.DistributedSampler(loader.dataset, num_replicas=2, rank=1, shuffle=False)
    arguments.update(sampler=sampler, shuffle=False, batch_sampler=None)
    rebuilt = type(loader)(**arguments)
    assert [len(images) for images, _ in rebuilt] == [4]
    assert [targets.tolist() for _, targets in rebuilt] == [[loader.dataset.targets[index] for index in (1, 3, 5, 7)]]


def test_lightning_may_record_how_a_loader_was_made():
    """It replaces `__init__` of every subclass for a while and keeps the arguments on the instance."""
    made = []

    class Watched(DataLoader):
        def __init__(self, *args, **kwargs):
            object.__setattr__(self, "__pl_inside_init", True)
            object.__setattr__(self, "__pl_saved_kwargs", kwargs)
            super().__init__(*args, **kwargs)
            made.append(type(self)._made_of(self))

        @staticmethod
        def _made_of(loader):
            return getattr(loader, "__pl_saved_kwargs")

    loader = Watched(dataset(), batch_size=5)
    assert penstock.explain(loader).native
    assert made == [{"batch_size": 5}]
    assert len(epoch(loader)) == 3


@pytest.mark.parametrize("workers", [0, 2])
def test_distributed_samplers_are_told_the_epoch(workers):
    def walk(cls):
        sampler = tud.DistributedSampler(range(12), num_replicas=3, rank=2, seed=5)
        loader = cls(dataset(), batch_size=3, sampler=sampler, num_workers=workers)
        torch.manual_seed(2)
        found = []
        for number in (0, 1, 7):
            sampler.set_epoch(number)
            found += epoch(loader)
        return found

    ours, theirs = walk(DataLoader), walk(tud.DataLoader)
    assert same(ours, theirs)


def test_any_order_is_an_order():
    torch.manual_seed(1)
    ordered = epoch(DataLoader(dataset(), batch_size=4, num_workers=2))
    torch.manual_seed(1)
    assert same(epoch(DataLoader(dataset(), batch_size=4, num_workers=2, in_order=False)), ordered)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("context", [torch.inference_mode, torch.no_grad, torch.enable_grad])
def test_batches_made_within_a_context_are_of_its_kind(context, workers):
    with context():
        ours = list(DataLoader(dataset(), batch_size=5, num_workers=workers))
        theirs = list(tud.DataLoader(dataset(), batch_size=5, num_workers=workers))
    for mine, other in zip(ours, theirs, strict=True):
        for a, b in zip(mine, other, strict=True):
            assert a.is_inference() == b.is_inference()
            assert a.requires_grad == b.requires_grad


@pytest.mark.parametrize("workers", [0, 2])
def test_a_batch_is_an_ordinary_tensor(workers):
    images, targets = next(iter(DataLoader(dataset(), batch_size=5, num_workers=workers)))
    images += 1
    images.requires_grad_().sum().backward()
    assert images.grad.shape == images.shape
    twin = pickle.loads(pickle.dumps(images))
    assert torch.equal(twin, images)
    assert torch.equal(copy.deepcopy(images.detach()), images)
    file = io.BytesIO()
    torch.save([images, targets], file)
    file.seek(0)
    assert same([torch.load(file)], [[images, targets]])
    assert images.detach().share_memory_().is_shared()
    targets.resize_(9)


def test_worker_info_stays_the_main_process():
    class Asking(tud.Sampler):
        def __iter__(self):
            for index in range(12):
                assert tud.get_worker_info() is None
                yield index

        def __len__(self):
            return 12

    assert len(epoch(DataLoader(dataset(), batch_size=5, sampler=Asking(), num_workers=2))) == 3
