"""What penstock cannot look into goes to torch's own machinery, says so, and gives torch's batches."""

import collections.abc
import contextlib
import functools
import logging
import pickle
import re
import warnings

import numpy as np
import pytest
import torch
import torchvision
import torchvision.transforms as v1
from support.images import Images, dataset_of
from support.record import Walk, assert_parity
from support.workers import ForkingReferenceLoader, ReferenceLoader
from torch import nn
from torch.utils.data import ConcatDataset, IterableDataset, StackDataset, Subset, TensorDataset, default_collate
from torch.utils.data._utils.collate import default_collate_fn_map
from torchvision import datasets as tv
from torchvision.datasets import wrap_dataset_for_transforms_v2
from torchvision.transforms import InterpolationMode, v2

import penstock


def augment(*, flip=v1.RandomHorizontalFlip):
    return v1.Compose([v1.RandomCrop(4, padding=1), flip(), v1.ToTensor()])


def cifar(transform=None, **options):
    return dataset_of("CIFAR10", 7, 5, 5, transform=transform or augment(), **options)


def as_class(dataset, cls):
    dataset.__class__ = cls
    return dataset


class OwnItem(tv.CIFAR10):
    def __getitem__(self, index):
        image, target = super().__getitem__(index)
        return -image, target


class OwnItems(tv.CIFAR10):
    def __getitems__(self, indices):
        return [(image * 2, target) for image, target in map(self.__getitem__, indices)]


class OwnData(tv.CIFAR10):
    @property
    def data(self):
        return vars(self)["data"][::-1]

    @data.setter
    def data(self, value):
        vars(self)["data"] = value


class OwnLookup(tv.CIFAR10):
    def __getattribute__(self, name):
        value = super().__getattribute__(name)
        return value[::-1] if name == "data" else value


class OwnTransforms(tv.MNIST):
    @property
    def transform(self):
        return v1.Compose([v1.CenterCrop(2), v1.ToTensor()])

    @transform.setter
    def transform(self, value):
        pass


class OwnFallback(tv.CIFAR10):
    def __getattr__(self, name):
        raise AttributeError(name)


class OwnSubset(Subset):
    def __getitem__(self, index):
        return self.dataset[self.indices[index] - 1]

    def __getitems__(self, indices):
        return [self[index] for index in indices]


class OwnConcat(ConcatDataset):
    def __getitem__(self, index):
        return super().__getitem__(len(self) - 1 - index)


class OwnImages(Images):
    def __getitem__(self, index):
        image, target = super().__getitem__(index)
        return image / 2, target


class OwnFlip(v1.RandomHorizontalFlip):
    def forward(self, img):
        return v1.functional.vflip(img)


class OwnCompose(v1.Compose):
    def __call__(self, img):
        return -super().__call__(img)


class OwnCrop(v2.RandomCrop):
    def make_params(self, flat_inputs):
        return super().make_params(flat_inputs) | {"top": 0}


class Counting:
    """A target_transform with a memory."""

    def __init__(self):
        self.calls = 0

    def __call__(self, target):
        self.calls += 1
        return target + self.calls


class Stream(IterableDataset):
    def __iter__(self):
        return iter([torch.rand(3) for _ in range(5)])

    def __len__(self):
        return 5


def noisy(target):
    return target + int(torch.randint(0, 9, ()))


def collate(samples):
    images, targets = default_collate(samples)
    return {"images": images * 2, "targets": targets}


def draw_in_workers(worker):
    torch.rand(1 + worker)


def changed(thing, **attributes):
    for name, value in attributes.items():
        setattr(thing, name, value)
    return thing


def hooked(transform):
    transform.register_forward_hook(lambda module, inputs, output: v1.functional.vflip(output))
    return transform


def hooked_before(transform):
    transform.register_forward_pre_hook(lambda module, inputs: (v1.functional.vflip(inputs[0]),))
    return transform


def scripted(transform):
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`torch.jit.script", FutureWarning)
        warnings.filterwarnings("ignore", "`torch.jit.script", DeprecationWarning)
        return torch.jit.script(transform)


def with_items(dataset):
    dataset.__getitems__ = lambda indices: [(torch.ones(1), index) for index in indices]
    return dataset


FLIP, TENSOR = v1.RandomHorizontalFlip, v1.ToTensor
ARRAYS = [np.full((4, 5, 3), 9 * k, np.uint8) for k in range(6)]
TABLE = [torch.zeros(2)]

# For each dataset: how it is made, and a word of the reason.
DATASETS = {
    "__getitem__ overridden": (lambda: as_class(cifar(), OwnItem), "__getitem__"),
    "__getitems__ on the class": (lambda: as_class(cifar(), OwnItems), "__getitems__"),
    "__getitems__ on the instance": (lambda: with_items(cifar()), "__getitems__"),
    "__getitems__ on own images": (lambda: with_items(Images(ARRAYS, range(6), TENSOR())), "__getitems__"),
    "__getitems__ on a subset": (lambda: with_items(Subset(cifar(), [1, 2, 3])), "__getitems__"),
    "__getitems__ on a concatenation": (lambda: with_items(ConcatDataset([cifar()])), "__getitems__"),
    "__getitems__ within a subset": (lambda: Subset(with_items(cifar()), [1, 2, 3]), "__getitems__"),
    "property data": (lambda: as_class(cifar(), OwnData), "plain attribute"),
    "property transform": (lambda: changed(as_class(dataset_of("MNIST", transform=TENSOR()), OwnTransforms)), "plain attribute"),
    "__getattribute__": (lambda: as_class(cifar(), OwnLookup), "looks attributes up"),
    "__getattr__": (lambda: as_class(cifar(), OwnFallback), "looks attributes up"),
    "subset overridden": (lambda: OwnSubset(cifar(), [1, 2, 3]), "__getitems__"),
    "concatenation overridden": (lambda: OwnConcat([cifar(), cifar()]), "__getitem__"),
    "own images overridden": (lambda: OwnImages(ARRAYS, range(6), TENSOR()), "__getitem__"),
    "own images in files": (lambda: Images([b""] * 2, range(2), TENSOR()), "files"),
    "a dataset of the user's": (lambda: [(torch.rand(2), k) for k in range(5)], "does not know"),
    "TensorDataset": (lambda: TensorDataset(torch.arange(6)), "no native reader"),
    "StackDataset": (lambda: StackDataset(cifar(), cifar()), "no native reader"),
    "wrapped for v2": (lambda: wrap_dataset_for_transforms_v2(changed(cifar(v2.ToImage()), transforms=None)), "no native reader"),
    "FakeData": (lambda: tv.FakeData(5, (3, 4, 4), transform=TENSOR()), "no native reader"),
    "data of another dtype": (lambda: changed(cifar(TENSOR()), data=np.ones((7, 4, 4, 3), np.float32).astype(np.uint16)), "uint16"),
    "data in four channels": (lambda: changed(cifar(TENSOR()), data=np.ones((7, 4, 4, 4), np.uint8)), "(7, 4, 4, 4)"),
    "data in a list": (lambda: changed(cifar(), data=list(cifar().data)), "list"),
    "data of a class of its own": (lambda: changed(cifar(), data=cifar().data.view(np.recarray)), "recarray"),
    "data in a tensor": (lambda: changed(dataset_of("MNIST", transform=TENSOR()), data=torch.ones(8, 4, 4)), "uint8 tensor"),
    "Lambda": (lambda: cifar(v1.Compose([v1.Lambda(lambda img: img.rotate(90)), TENSOR()])), "does not know: an image.rotate"),
    "a function": (lambda: cifar(lambda img: TENSOR()(img) ** 2), "does not know"),
    "Resize of a tensor": (lambda: cifar(v1.Compose([TENSOR(), v1.Resize(3, antialias=False)])), "on tensors"),
    "Resize by nearest-exact": (lambda: cifar(v2.Compose([v2.ToImage(), v2.Resize((3, 4), InterpolationMode.NEAREST_EXACT)])), "on tensors"),
    "Resize of a tensor to a pixel": (lambda: cifar(v2.Compose([v2.ToImage(), v2.Resize(1)])), "one pixel"),
    "Resize of v2 on a float tensor": (lambda: cifar(v2.Compose([TENSOR(), v2.Resize(3, antialias=False)])), "on tensors"),
    "RandomResizedCrop of a tensor": (lambda: cifar(v1.Compose([v1.PILToTensor(), v1.RandomResizedCrop(3)])), "on tensors"),
    "RandomResizedCrop of v2 on a tensor": (lambda: cifar(v2.Compose([v2.PILToTensor(), v2.RandomResizedCrop(3, antialias=False)])), "on tensors"),
    "RandomResizedCrop of odd shapes": (lambda: cifar(v1.Compose([v1.RandomResizedCrop(3, ratio=(3.0, 4.0)), TENSOR()])), "ratio"),
    "ElasticTransform": (lambda: cifar(v1.Compose([v1.ElasticTransform(), TENSOR()])), "no native form"),
    "AugMix": (lambda: cifar(v1.Compose([v1.AugMix(), TENSOR()])), "Dirichlet"),
    "RandomChoice of nothing": (lambda: cifar(v1.Compose([v1.RandomChoice([]), TENSOR()])), "nothing to choose from"),
    "RandomChoice by weights that are an array": (lambda: cifar(v1.Compose([changed(v1.RandomChoice([FLIP()]), p=np.ones(1)), TENSOR()])), "weights"),
    "RandomApply of what may raise": (lambda: cifar(v1.Compose([v1.RandomApply([v1.RandomCrop(3)], p=1.0), TENSOR()])), "may raise"),
    "RandomApply of a conversion": (lambda: cifar(v2.Compose([v2.RandomApply([v2.ToImage()]), v2.ToImage()])), "whether it was made"),
    "RandomChoice of a subclass": (lambda: cifar(v2.Compose([v2.RandomChoice([OwnFlip()]), v2.ToImage()])), "does not know"),
    "a policy with a wrong fill": (lambda: cifar(v1.Compose([v1.RandAugment(0, fill=(1, 2)), TENSOR()])), "some images"),
    "a policy with other magnitudes": (lambda: cifar(v1.Compose([changed(v1.RandAugment(), _augmentation_space=lambda bins, size: {"Identity": (torch.tensor(0.0), False)}), TENSOR()])), "'_augmentation_space'"),
    "a target_transform of tensors": (lambda: cifar(targets="tensor", target_transform=torch.tensor), "may warn in a worker"),
    "a target_transform of arrays": (lambda: cifar(targets="rows", target_transform=len), "may warn in a worker"),
    "no transform": (lambda: changed(cifar(), transform=None), "refuses"),
    "no tensor": (lambda: cifar(v1.Compose([FLIP()])), "refuses"),
    "transform subclassed": (lambda: cifar(augment(flip=OwnFlip)), "does not know"),
    "v2 transform subclassed": (lambda: cifar(v1.Compose([OwnCrop(3), TENSOR()])), "does not know"),
    "container subclassed": (lambda: cifar(OwnCompose([TENSOR()])), "does not know"),
    "forward hook": (lambda: cifar(v1.Compose([hooked(FLIP()), TENSOR()])), "hooks"),
    "forward pre-hook": (lambda: cifar(v1.Compose([hooked_before(FLIP()), TENSOR()])), "hooks"),
    "hook on a container": (lambda: cifar(hooked(nn.Sequential(v2.ToImage(), FLIP()))), "hooks"),
    "shadowed forward": (lambda: cifar(v1.Compose([changed(FLIP(), forward=v1.functional.vflip), TENSOR()])), "'forward'"),
    "shadowed get_params": (lambda: cifar(v1.Compose([changed(v1.RandomCrop(3), get_params=lambda img, size: (0, 1, 3, 3)), TENSOR()])), "'get_params'"),
    "shadowed make_params": (lambda: cifar(v1.Compose([changed(v2.RandomHorizontalFlip(1.0), make_params=dict), TENSOR(), changed(v2.RandomCrop(3), make_params=lambda flat: {"needs_pad": False, "needs_crop": False})])), "'make_params'"),
    "shadowed _call_kernel": (lambda: cifar(v1.Compose([changed(v2.RandomHorizontalFlip(1.0), _call_kernel=lambda function, image: image), TENSOR()])), "'_call_kernel'"),
    "script": (lambda: cifar(v1.Compose([TENSOR(), scripted(nn.Sequential(FLIP(1.0)))])), "class of its own|does not know"),
    "target_transform draws": (lambda: cifar(target_transform=noisy), "target_transform"),
    "target_transform counts": (lambda: cifar(target_transform=Counting()), "target_transform"),
    "target_transform, a partial that draws": (lambda: cifar(target_transform=functools.partial(noisy)), "target_transform"),
    "target_transform, a lambda that reads state": (lambda: cifar(target_transform=lambda y: TABLE[0]), "target_transform"),
    "impure target_transform of own images": (lambda: Images(ARRAYS, range(6), TENSOR(), noisy), "target_transform"),
    "a bad part": (lambda: ConcatDataset([cifar(), as_class(cifar(), OwnItem)]), "__getitem__"),
    "parts of several dtypes": (lambda: ConcatDataset([cifar(v1.PILToTensor()), cifar(v1.ToTensor())]), "dtypes"),
    "a type that an earlier transform may change": (lambda: cifar(v1.Compose([v2.ToImage(), FLIP(), v2.ToDtype({torchvision.tv_tensors.Image: torch.float32, "others": None})])), "type"),
}  # fmt: skip

# For each loader over an ordinary dataset: its arguments, and a word of the reason.
LOADERS = {
    "collate_fn": ({"collate_fn": collate}, "collate_fn"),
    "collate_fn, partial": ({"collate_fn": functools.partial(collate)}, "collate_fn"),
    "worker_init_fn": ({"num_workers": 2, "worker_init_fn": draw_in_workers}, "worker"),
    "batch_size=None": ({"batch_size": None}, "not batched"),
    "batch_size=None with workers": ({"batch_size": None, "num_workers": 2}, "not batched"),
    "prefetch_factor=0": ({"num_workers": 1, "prefetch_factor": 0}, "refuses"),
    "timeout without workers": ({"timeout": 3}, "refuses"),
}


@pytest.fixture
def told(caplog):
    """The lines that the logger `penstock` has written."""
    caplog.set_level(logging.INFO, "penstock")
    return lambda: [record.getMessage() for record in caplog.records if record.name == "penstock"]


def without_addresses(text):
    return re.sub("0x[0-9a-f]+", "0x", text)


def assert_left_to_torch(make, reason, told, theirs=ReferenceLoader):
    loader = make(penstock.DataLoader)
    report = penstock.explain(loader)
    assert not report.native
    assert report.way in ("torch", "recorded")
    assert report.reasons
    if reason is not None:
        assert any(word in text for word in reason.split("|") for text in report.reasons), report.reasons
    assert not told()
    assert_parity(make, penstock.DataLoader, theirs, Walk((None, 1, None)))
    lines = told()
    # Of images that record there is nothing to say, unless none of several was handed over.
    assert len(lines) == 1 or (report.way == "recorded" and not lines)
    assert all(without_addresses(text) in without_addresses(line) for line in lines for text in report.reasons)
    return loader


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(("dataset", "reason"), DATASETS.values(), ids=DATASETS)
def test_datasets_and_transforms(dataset, reason, workers, told):
    count = len(dataset())

    def make(cls):
        return cls(dataset(), 2, sampler=range(count), num_workers=workers)

    assert_left_to_torch(make, reason, told, ForkingReferenceLoader)


# torch's own iterator that was not made complains of what it lacks when it is deleted.
@pytest.mark.filterwarnings("ignore:.*_MultiProcessingDataLoaderIter.__del__:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("arguments", "reason"), LOADERS.values(), ids=LOADERS)
def test_loaders(arguments, reason, told):
    assert_left_to_torch(lambda cls: cls(cifar(), shuffle=True, **arguments), reason, told, torch.utils.data.DataLoader)


@pytest.mark.parametrize("workers", [0, 2])
def test_iterable_datasets(workers, told):
    loader = assert_left_to_torch(
        lambda cls: cls(Stream(), 2, num_workers=workers), "IterableDataset", told, torch.utils.data.DataLoader
    )
    assert any(row.part == "dataset" and not row.native for row in penstock.explain(loader).rows)


class Replaced:
    """Replaces a name in a module or class for a while."""

    def __init__(self, owner, name, value):
        self.owner, self.name, self.value = owner, name, value

    def __enter__(self):
        self.before = vars(self.owner)[self.name]
        setattr(self.owner, self.name, self.value(getattr(self.owner, self.name)))

    def __exit__(self, *_):
        setattr(self.owner, self.name, self.before)


class WithDtype:
    def __enter__(self):
        torch.set_default_dtype(torch.float64)

    def __exit__(self, *_):
        torch.set_default_dtype(torch.float32)


class WithMap:
    def __enter__(self):
        self.before = dict(default_collate_fn_map)
        default_collate_fn_map[torch.Tensor] = lambda batch, *, collate_fn_map=None: torch.stack(batch).double()

    def __exit__(self, *_):
        default_collate_fn_map.clear()
        default_collate_fn_map.update(self.before)


class WithNewType(WithMap):
    def __enter__(self):
        self.before = dict(default_collate_fn_map)
        default_collate_fn_map[collections.abc.Sequence] = lambda batch, *, collate_fn_map=None: ["a sequence"]


@contextlib.contextmanager
def global_hook():
    handle = nn.modules.module.register_module_forward_hook(lambda module, inputs, output: output)
    try:
        yield
    finally:
        handle.remove()


class Doubling(torch.overrides.TorchFunctionMode):
    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        return result.mul(2) if function is torch.stack else result


class Dispatching(torch.utils._python_dispatch.TorchDispatchMode):
    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return function(*args, **(kwargs or {}))


def twice(function):
    """A function that calls `function` on another image."""
    return lambda self, index: function(self, -1 - index)


def mirrored(function):
    return lambda img, *args, **kwargs: v1.functional.hflip(function(img, *args, **kwargs))


def whole_call(call):
    return lambda self, *args, **kwargs: call(self, *args, **kwargs)


# Something about the whole process: how it is changed for a while, and a word of the reason.
PROCESS = {
    "default dtype": (WithDtype, "float64"),
    "default device": (lambda: torch.device("meta"), "meta|mode"),
    "function mode": (Doubling, "mode"),
    "dispatch mode": (Dispatching, "mode"),
    "collate map changed": (WithMap, "default_collate_fn_map"),
    "collate map extended": (WithNewType, "default_collate_fn_map"),
    "global hook": (global_hook, "hooks"),
    "CIFAR10.__getitem__ patched": (lambda: Replaced(tv.CIFAR10, "__getitem__", twice), "__getitem__"),
    "functional.pad patched": (lambda: Replaced(v1.functional, "pad", mirrored), "pad"),
    "functional.to_tensor patched": (lambda: Replaced(v1.functional, "to_tensor", mirrored), "to_tensor"),
    "forward patched": (lambda: Replaced(v1.RandomHorizontalFlip, "forward", lambda _: lambda self, img: img), "patched"),
    "get_params patched": (lambda: Replaced(v1.RandomCrop, "get_params", lambda _: staticmethod(lambda img, size: (0, 0, *size))), "patched"),
    "Module.__call__ patched": (lambda: Replaced(nn.Module, "__call__", whole_call), "hooks"),
    "Subset.__getitems__ patched": (lambda: Replaced(Subset, "__getitems__", lambda _: lambda self, indices: [self.dataset[0]] * len(indices)), "not torch's"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "reason"), PROCESS.values(), ids=PROCESS)
def test_the_process(change, reason, told):
    def make(cls):
        # Random numbers are drawn where torch's default device is: samplers bring a generator of their own.
        return cls(Subset(cifar(), [3, 1, 2]), 2, generator=torch.Generator("cpu"))

    assert penstock.explain(make(penstock.DataLoader)).native
    with change():
        assert_left_to_torch(make, reason, told)
    assert penstock.explain(make(penstock.DataLoader)).native


@pytest.mark.parametrize("filename", ["<stdin>", "<string>", "<ipython-input-1-abc>"])
def test_patches_from_the_prompt(filename, told):
    scope = {"v1": v1}
    exec(compile("def forward(self, img):\n    return v1.functional.vflip(img)\n", filename, "exec"), scope)  # noqa: S102
    with Replaced(v1.RandomHorizontalFlip, "forward", lambda _: scope["forward"]):
        assert_left_to_torch(lambda cls: cls(cifar(), 3), "patched", told)


def test_a_function_with_which_transforms_draw_is_replaced(told, monkeypatch):
    for owner, name in ((torch, "rand"), (torch, "randint"), (torch, "randperm"), (torch.Tensor, "uniform_")):
        with monkeypatch.context() as patched:
            drawn = getattr(owner, name)

            def twice(*args, drawn=drawn, **options):
                drawn(*args, **options)
                return drawn(*args, **options)

            patched.setattr(owner, name, functools.wraps(drawn)(twice))
            assert_left_to_torch(
                lambda cls: cls(cifar(v1.Compose([v1.ColorJitter(0.4, 0.4), augment()])), 3),
                f"{name}: torch's function was replaced",
                told,
            )


def test_one_line_for_each_loader(told):
    dataset = cifar(lambda img: torch.from_numpy(np.array(img)))
    loaders = [penstock.DataLoader(dataset, 2) for _ in range(2)]
    for loader in loaders * 3:
        list(loader)
    assert len(told()) == 2
    list(pickle.loads(pickle.dumps(penstock.DataLoader([1, 2], 2))))
    assert len(told()) == 3


def test_nothing_is_said_of_a_native_loader(told):
    list(penstock.DataLoader(cifar(), 2))
    assert not told()


def test_looking_into_a_loader_never_breaks_it(told, monkeypatch):
    def broken(loader):
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr("penstock.loader.lower", broken)
    assert_parity(lambda cls: cls(cifar(), 2), penstock.DataLoader, ReferenceLoader)
    assert told()


def test_the_self_check_finds_a_method_that_reads_otherwise(told, monkeypatch):
    """As if a new torchvision read its data in another way, in its own files."""
    dataset = cifar()
    monkeypatch.setattr("penstock.lowering.datasets.is_pristine", lambda _: True)

    class Reversed(tv.CIFAR10):
        __getitem__ = twice(tv.CIFAR10.__getitem__)

    kinds = penstock.lowering.datasets._KINDS
    monkeypatch.setitem(kinds, Reversed.__getitem__, kinds[tv.CIFAR10.__getitem__])
    assert_left_to_torch(lambda cls: cls(as_class(dataset, Reversed), 2), "differs", told)
