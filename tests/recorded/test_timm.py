"""timm's loaders of bytes: images go through its collate_fn unmade, and threads convert the batches."""

import gc
import os

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
import torch.utils.data
from hypothesis import given
from PIL import Image, ImageFile
from support.both_loaders import age, walk, write_images
from support.cases import cases
from support.compare import assert_same
from torch.utils.data import ConcatDataset, Subset
from torchvision import transforms as v1
from torchvision.datasets import ImageFolder

import penstock
from penstock.recording import awaited

# Nothing here is on a hub, and nobody may ask one.
os.environ.update(HF_HUB_OFFLINE="1")

timm = pytest.importorskip("timm.data")
collation = pytest.importorskip("timm.data.loader")
mixup = pytest.importorskip("timm.data.mixup")

pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
CPU = torch.device("cpu")
SIZE = 3, 32, 32


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("timm") / "images"
    write_images(folder, 13)
    return folder


class Recorded(timm.ImageDataset):
    """A class of the user's own, whose samples are not known in advance."""

    def __getitem__(self, index):
        return super().__getitem__(index)


def made(root, batch=4, workers=2, **options):
    defaults = {"is_training": True, "color_jitter": None, "persistent_workers": False, "device": CPU}
    dataset = options.pop("dataset", None) or Recorded(str(root))
    return timm.create_loader(dataset, SIZE, batch, num_workers=workers, **{**defaults, **options})


def compared(program, share=1.0, epochs=2, seed=3):
    """Fail unless a loader that timm makes gives the same around ours as around torch's; return what ours tells."""
    theirs = program()
    with penstock.installed():
        ours = program()
    expected = walk(theirs, seed, epochs)
    found = walk(ours, seed, epochs)
    assert_same(found, expected)
    for batches in found["batches"]:
        assert all(type(each) is torch.Tensor for batch in batches for each in batch)
    stats = penstock.stats(ours.loader)
    if share is not None:
        assert stats.native_share == pytest.approx(share), stats
    return stats


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"color_jitter": 0.4, "interpolation": "random"},
        {"is_training": False},
        {"auto_augment": "rand-m9-mstd0.5-inc1"},
        {"persistent_workers": True},
        {"re_prob": 0.9, "re_mode": "const"},
        {"re_prob": 0.9, "re_mode": "pixel", "re_count": 2},
        {"img_dtype": torch.float16},
        {"img_dtype": torch.bfloat16},
        {"mean": (0.1, 0.2, 0.3), "std": (0.5, 1.0, 0.25)},
        {"batch": 20, "is_training": False},
        {"workers": 1, "batch": 1},
        {"workers": 0},
    ],
    ids=str,
)
def test_a_loader_is_as_with_torch(root, options):
    compared(lambda: made(root, **options), None if options.get("workers") == 0 else 1.0)


@given(
    batch=st.integers(1, 9),
    workers=st.integers(1, 2),
    erasing=st.sampled_from([0.0, 0.5]),
    dtype=st.sampled_from([torch.float32, torch.float16]),
    persistent=st.booleans(),
    jitter=st.sampled_from([None, 0.4]),
    hflip=st.sampled_from([0.0, 0.5]),
)
@cases(6)
def test_generated_loaders(root, batch, workers, erasing, dtype, persistent, jitter, hflip):
    options = {"re_prob": erasing, "img_dtype": dtype, "persistent_workers": persistent, "color_jitter": jitter}
    compared(lambda: made(root, batch, workers, hflip=hflip, **options))


@pytest.mark.parametrize("mixes", [False, True], ids=["as they are", "mixed"])
def test_batches_are_converted_by_the_threads(root, monkeypatch, mixes):
    """The first batch of the first epoch shows what is done to all of them."""
    options = {"collate_fn": mixup.FastCollateMixup(0.8, 1.0, num_classes=5)} if mixes else {}
    alone = []
    make = awaited.Converting.make
    monkeypatch.setattr(awaited.Converting, "make", lambda self, wanted: alone.append(wanted) or make(self, wanted))
    with penstock.installed():
        loader = made(root, batch=2, workers=1, **options)
    counts = []
    for _ in range(3):
        alone.clear()
        assert len(list(loader)) == 6
        counts.append(len(alone))
    # As many as had arrived before the first one was converted.
    assert 1 <= counts[0] <= 4
    assert counts[1:] == [0, 0]


@pytest.mark.parametrize("mixes", [False, True], ids=["as they are", "mixed"])
def test_a_loader_that_converts_otherwise_all_at_once(root, mixes):
    def program():
        np.random.seed(5)  # noqa: NPY002 - timm draws from it
        options = {"collate_fn": mixup.FastCollateMixup(0.8, 1.0, mode="elem", num_classes=5)} if mixes else {}
        loader = made(root, **options)
        batches = list(loader)
        loader.mean = loader.mean * 2
        batches += list(loader)
        loader.img_dtype = torch.float64
        return batches + list(loader)

    torch.manual_seed(1)
    theirs = program()
    torch.manual_seed(1)
    with penstock.installed():
        assert_same(program(), theirs)


def test_a_loop_that_ends_early_and_batches_that_are_kept(root):
    def program():
        loader = made(root, persistent_workers=True)
        kept = []
        for _ in range(3):
            for number, batch in enumerate(loader):
                batch[0].add_(1)
                kept.append(batch)
                if number == 1:
                    break
        gc.collect()
        return kept

    torch.manual_seed(1)
    theirs = program()
    torch.manual_seed(1)
    with penstock.installed():
        assert_same(program(), theirs)


@pytest.mark.parametrize("kind", ["folder", "subset", "joined"])
def test_data_sets_that_are_known(root, kind):
    def program():
        folder = ImageFolder(str(root))
        datasets = {
            "folder": folder,
            "subset": Subset(folder, [3, 5, 2, 9, 0, 7, 7]),
            "joined": ConcatDataset([folder] * 2),
        }
        loader = made(root, dataset=timm.ImageDataset(str(root)))
        folder.transform = loader.dataset.transform
        inner = torch.utils.data.DataLoader(
            datasets[kind], 4, shuffle=True, num_workers=2, collate_fn=collation.fast_collate
        )
        return collation.PrefetchLoader(inner, device=CPU)

    compared(program)


class Looking(timm.ImageDataset):
    """Looks at the image."""

    def __getitem__(self, index):
        image, target = super().__getitem__(index)
        return image, target + int(image.sum()) % 3


class Keeping(timm.ImageDataset):
    """Keeps its images, and changes them each time."""

    kept = None

    def __getitem__(self, index):
        self.kept = {} if self.kept is None else self.kept
        if index not in self.kept:
            self.kept[index] = super().__getitem__(index)
        self.kept[index][0].add_(1)
        return self.kept[index]


@pytest.mark.parametrize("kind", [Looking, Keeping])
def test_images_that_somebody_else_sees(root, kind):
    compared(lambda: made(root, dataset=kind(str(root)), persistent_workers=True, is_training=False), None)


def test_images_of_several_kinds(tmp_path):
    """They go through the same batches; one that cannot be opened is skipped by timm's data set."""
    paths = write_images(tmp_path / "images", 8)
    for path, mode in zip(paths[:3], ("L", "CMYK", "RGB"), strict=True):
        Image.open(path).convert(mode).save(path.with_suffix(".png" if mode == "RGB" else ".jpg"))
    paths[4].write_bytes(b"no image")
    for path in tmp_path.rglob("*.*"):
        age(path)
    compared(lambda: made(tmp_path / "images", batch=3, auto_augment="rand-m5-n1"), None)


def test_images_of_several_sizes_raise_the_same(root):
    def program():
        loader = made(root)
        loader.dataset.transform = v1.Compose([loader.dataset.transform.transforms[-1]])
        return loader

    def message():
        torch.manual_seed(1)
        with pytest.raises(RuntimeError, match="size of tensor") as raised:
            list(program())
        return str(raised.value).splitlines()[-1]

    theirs = message()
    with penstock.installed():
        assert message() == theirs


def test_functions_that_were_patched_are_called(root, monkeypatch):
    """Even after their own code was found to be known."""
    compared(lambda: made(root))
    collate = collation.fast_collate
    monkeypatch.setattr(collation, "fast_collate", lambda batch: collate(batch[::-1]))
    compared(lambda: made(root, collate_fn=collation.fast_collate), None)
    monkeypatch.undo()
    monkeypatch.setattr(collation, "default_collate", lambda batch: torch.tensor(batch) + 1)
    compared(lambda: made(root))


def test_inference_mode(root):
    with torch.inference_mode():
        compared(lambda: made(root))


# ---------------------------------------------------------------------------------------------------------------
# FastCollateMixup


@given(
    batch=st.sampled_from([2, 4, 6]),
    workers=st.integers(1, 2),
    mode=st.sampled_from(["batch", "pair", "elem"]),
    alphas=st.sampled_from([(0.2, 0.0), (0.8, 1.0), (0.0, 1.0)]),
    cutmix_minmax=st.sampled_from([None, (0.2, 0.8)]),
    prob=st.sampled_from([0.5, 1.0]),
    correct_lam=st.booleans(),
    label_smoothing=st.sampled_from([0.0, 0.1]),
    erasing=st.sampled_from([0.0, 0.5]),
    dtype=st.sampled_from([torch.float32, torch.float16, torch.float64]),
    seed=st.integers(0, 2**20),
)
@cases(12)
def test_images_are_mixed_by_the_threads(root, batch, workers, alphas, erasing, dtype, seed, **options):
    def program():
        mixes = mixup.FastCollateMixup(*alphas, num_classes=5, **options)
        return made(root, batch, workers, collate_fn=mixes, re_prob=erasing, img_dtype=dtype, color_jitter=0.4)

    compared(program, seed=seed)


def test_half_of_the_images_are_timms(root):
    compared(lambda: made(root, collate_fn=mixup.FastCollateMixup(1.0, 1.0, mode="half", num_classes=5)), 0.0)


def test_a_mixture_that_is_switched_off(root):
    def program():
        mixes = mixup.FastCollateMixup(1.0, num_classes=5)
        mixes.mixup_enabled = False
        return made(root, collate_fn=mixes)

    compared(program)


def test_batches_that_are_mixed_raise_the_same(root):
    """The batch is odd, or neither kind of mixing is on."""

    def message(**options):
        torch.manual_seed(1)
        batch = options.pop("batch", 4)
        with pytest.raises(AssertionError) as raised:
            list(made(root, batch, collate_fn=mixup.FastCollateMixup(**options, num_classes=5)))
        return str(raised.value).splitlines()[-1]

    for options in {"batch": 3}, {"mixup_alpha": 0.0}, {"mixup_alpha": 0.0, "mode": "elem"}:
        theirs = message(**options)
        with penstock.installed():
            assert message(**options) == theirs


@pytest.mark.parametrize("mode", ["batch", "pair", "elem"])
@pytest.mark.parametrize("kind", [Looking, Keeping])
def test_images_that_somebody_else_sees_are_mixed(root, kind, mode):
    """What pairs cut into their images is there when these come again."""

    def program():
        mixes = mixup.FastCollateMixup(0.0, 1.0, mode=mode, num_classes=5)
        return made(root, dataset=kind(str(root)), persistent_workers=True, collate_fn=mixes)

    assert compared(program, None).native_share < 1


class Repeating(timm.ImageDataset):
    """Gives each image twice, one after the other."""

    latest = None

    def __getitem__(self, index):
        self.latest, latest = None, self.latest
        if latest is None:
            self.latest = latest = super().__getitem__(index)
        return latest


@pytest.mark.parametrize("mode", ["batch", "pair", "elem"])
@pytest.mark.parametrize("alphas", [(1.0, 0.0), (0.0, 1.0)])
def test_one_tensor_twice_in_a_batch(root, mode, alphas):
    def program():
        mixes = mixup.FastCollateMixup(*alphas, mode=mode, num_classes=5)
        return made(root, 2, dataset=Repeating(str(root)), collate_fn=mixes)

    compared(program, None)


class Listing(timm.ImageDataset):
    """Gives batches, and keeps the list and what it holds."""

    def __getitems__(self, indices):
        self.kept = [self[index] for index in indices]
        return self.kept


def test_a_list_of_samples_that_somebody_holds(root):
    def program():
        mixes = mixup.FastCollateMixup(0.0, 1.0, mode="pair", num_classes=5)
        return made(root, dataset=Listing(str(root)), collate_fn=mixes)

    compared(program, None)


def test_mixing_that_was_patched_or_derived(root, monkeypatch):
    class Twice(mixup.FastCollateMixup):
        def __call__(self, batch, _=None):
            images, targets = super().__call__(batch)
            return images, targets * 2

    compared(lambda: made(root, collate_fn=Twice(1.0, num_classes=5)), 0.0)
    monkeypatch.setattr(mixup, "rand_bbox", lambda *_, **__: (3, 9, 2, 20))
    compared(lambda: made(root, collate_fn=mixup.FastCollateMixup(0.0, 1.0, num_classes=5)))
    monkeypatch.setattr(mixup.FastCollateMixup, "_mix_batch_collate", looks_at_images)
    compared(lambda: made(root, collate_fn=mixup.FastCollateMixup(1.0, num_classes=5)), None)


def looks_at_images(self, output, batch):
    for place, (image, *_) in enumerate(batch):
        output[place] += image + 1
    return 1.0


@pytest.mark.parametrize(
    ("mode", "dtype"), [("batch", torch.float16), ("pair", torch.float64), ("elem", torch.float32)]
)
def test_mixed_batches_with_images_that_pillow_makes(tmp_path, monkeypatch, mode, dtype):
    """Of two files threads see only when they decode them that Pillow has to do it, of others before."""
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    folder = tmp_path / "images"
    paths = write_images(folder, 14)
    for path in (paths[2], paths[3]):
        path.write_bytes(path.read_bytes()[:-300])
    Image.open(paths[6]).convert("CMYK").save(paths[6])
    Image.open(paths[9]).convert("P").save(paths[9], "GIF")
    for path in paths:
        age(path)

    def program():
        mixes = mixup.FastCollateMixup(0.8, 1.0, mode=mode, num_classes=5)
        return made(folder, batch=6, collate_fn=mixes, img_dtype=dtype)

    assert compared(program, None).native_share < 1


def test_a_loop_over_mixed_batches_that_ends_early(root):
    def program():
        np.random.seed(5)  # noqa: NPY002 - timm draws from it
        loader = made(root, 2, persistent_workers=True, collate_fn=mixup.FastCollateMixup(0.8, 1.0, num_classes=5))
        kept = []
        for epoch in range(5):
            for number, batch in enumerate(loader):
                kept.append(batch)
                if number == epoch:
                    break
        return kept

    torch.manual_seed(1)
    theirs = program()
    torch.manual_seed(1)
    with penstock.installed():
        assert_same(program(), theirs)
