"""Loaders over opaque datasets: penstock's batches are torch's, and nothing that records reaches the loop."""

import dataclasses
import gc
import hashlib
import logging
import os
import threading
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil
import pytest
import torch
from PIL import Image
from support.sides import describe, folder, open_files
from torch.utils.data._utils.collate import collate, default_collate_fn_map
from torchvision import transforms as T
from torchvision import tv_tensors
from torchvision.transforms import functional as F
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F2

import penstock
from penstock.recording.images import is_recorded
from penstock.recording.tensors import RecordedTensor

FILES = ("plain", "gray", "rotated", "mirrored", "progressive", "cmyk", "rgb", "subsampled")


@pytest.fixture(autouse=True)
def _recording(monkeypatch):
    monkeypatch.setenv("PENSTOCK_RECORD", "1")
    logging.getLogger("penstock").setLevel(logging.WARNING)


class Pair(NamedTuple):
    first: object
    second: object


@dataclasses.dataclass
class Holder:
    tensor: object
    others: object

    def __repr__(self):
        return "Holder"


class Custom:
    def __init__(self, value):
        self.value = value


class Opaque(torch.utils.data.Dataset):
    """A dataset whose samples a function makes of the dataset and an index."""

    def __init__(self, function, count=8):
        self.function, self.count, self.cache = function, count, {}

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return self.function(self, index)


class ByBatch(Opaque):
    def __getitems__(self, indices):
        return iter([self[index] for index in indices])


class Stream(torch.utils.data.IterableDataset):
    def __iter__(self):
        return (tensor(index) for index in range(5))


def path(index):
    return str(folder() / f"{FILES[index % len(FILES)]}.jpg")


def image(index):
    return Image.open(path(index)).convert("RGB").resize((20, 16))


def tensor(index):
    return F.to_tensor(image(index))


def kept(dataset, index):
    """The same tensor for every epoch, which the dataset changes after it has given it away."""
    if index in dataset.cache:
        dataset.cache[index].mul_(0.5)
    return dataset.cache.setdefault(index, tensor(index)), index


def kept_images(dataset, index):
    dataset.cache[index] = image(index)
    return F.to_tensor(dataset.cache[index].crop((0, 0, 10, 10)))


def measured(dataset, index):
    with Image.open(path(index)) as opened:
        return opened.size


def twice(dataset, index):
    value = tensor(index)
    return value, value, value.flip(-1)


def shared(dataset, index):
    made = F2.to_image(image(index))
    pure = made.as_subclass(torch.Tensor)
    if index % 2:
        pure[0] = 7
    return made, pure


def in_a_thread(dataset, index):
    opened, found = image(index), []
    thread = threading.Thread(target=lambda: found.append(F.to_tensor(opened)))
    thread.start()
    thread.join()
    return found[0]


def caught(dataset, index):
    try:
        opened = Image.open("no such file" if index == 2 else path(index)).convert("RGB").resize((9, 9))
    except FileNotFoundError:
        opened = Image.new("RGB", (9, 9), "red")
    return F.to_tensor(opened)


def in_mode(dataset, index):
    with torch.inference_mode():
        first = tensor(index)
    with torch.no_grad():
        second = tensor(index)
    torch.set_default_dtype(torch.float64)
    try:
        third = F.to_tensor(image(index))
    finally:
        torch.set_default_dtype(torch.float32)
    with torch.device("cpu"):
        fourth = F.normalize(tensor(index), [0.5], [0.25])
    return first, second, third, fourth


V1 = T.Compose([T.RandomResizedCrop(16), T.RandomHorizontalFlip(), T.ToTensor(), T.Normalize([0.5] * 3, [0.2] * 3)])
V2 = v2.Compose(
    [
        v2.ToImage(),
        v2.RandomResizedCrop(16, antialias=True),
        v2.RandomHorizontalFlip(),
        v2.ToDtype({tv_tensors.Image: torch.float32, "others": None}, scale=True),
        v2.Normalize([0.5] * 3, [0.2] * 3),
    ]
)
V2_IMAGES = v2.Compose([*V2.transforms[1:3], v2.ToImage(), *V2.transforms[3:]])
ERASING = T.Compose([V1, T.RandomErasing(p=0.7)])


def given(batch):
    return batch


def own_map(batch):
    return collate(batch, collate_fn_map={torch.Tensor: listed})


def changed_map(batch):
    return collate(batch, collate_fn_map={**default_collate_fn_map, torch.Tensor: listed})


def listed(batch, *, collate_fn_map=None):
    return list(batch)


def stacked(batch):
    return torch.stack(batch), torch.stack([value.flip(-1) for value in batch]), torch.cat(batch)


def raising_collate(batch):
    if len(batch) == 2:
        raise LookupError("two are too few")
    return torch.stack(batch)


class Sizeless:
    """A batch sampler whose batches have no length."""

    def __iter__(self):
        yield iter([1, 2])
        yield (index for index in [3])
        yield []

    def __len__(self):
        return 3


CASES = {
    "pairs": (lambda d, i: (tensor(i), i), {"batch_size": 3}),
    "v1": (lambda d, i: V1(Image.open(path(i)).convert("RGB")), {"batch_size": 3, "shuffle": True}),
    "v2": (lambda d, i: (V2(Image.open(path(i)).convert("RGB")), i), {"batch_size": 3, "shuffle": True}),
    "v2 images": (lambda d, i: (V2_IMAGES(Image.open(path(i)).convert("RGB")), i), {"batch_size": 3}),
    "erasing": (lambda d, i: ERASING(Image.open(path(i)).convert("RGB")), {"batch_size": 4}),
    "bytes alone": (lambda d, i: (F.pil_to_tensor(image(i)), i), {"batch_size": None}),
    "images alone": (lambda d, i: F2.to_image(image(i)), {"batch_size": None}),
    "laid out": (lambda d, i: F.convert_image_dtype(F.pil_to_tensor(image(i)), torch.float16), {"batch_size": None}),
    "flipped": (lambda d, i: F.pil_to_tensor(image(i)).flip(-1), {"batch_size": None}),
    "listed": (
        lambda d, i: (F.pil_to_tensor(image(i)), F2.to_image(image(i))),
        {"batch_size": 3, "collate_fn": given},
    ),
    "images": (lambda d, i: (image(i), i), {"batch_size": 3, "collate_fn": given}),
    "files": (lambda d, i: Image.open(path(i)), {"batch_size": 3, "collate_fn": given}),
    "stacked": (lambda d, i: tensor(i), {"batch_size": 3, "collate_fn": stacked}),
    "holders": (lambda d, i: Holder(tensor(i), [image(i)]), {"batch_size": 3, "collate_fn": given}),
    "customs": (lambda d, i: Custom({"a": tensor(i)}), {"batch_size": 3, "collate_fn": given}),
    "named tuples": (lambda d, i: Pair(tensor(i), F.pil_to_tensor(image(i))), {"batch_size": 3}),
    "dictionaries": (lambda d, i: {"a": tensor(i), "b": [tensor(i), i]}, {"batch_size": 3}),
    "twice": (twice, {"batch_size": 3, "collate_fn": given}),
    "twice collated": (twice, {"batch_size": 3}),
    "shared": (shared, {"batch_size": 3, "collate_fn": given}),
    "shared collated": (shared, {"batch_size": 3}),
    "kept": (kept, {"batch_size": 3}),
    "kept images": (kept_images, {"batch_size": 3}),
    "in a thread": (in_a_thread, {"batch_size": 3, "collate_fn": given}),
    "in modes": (in_mode, {"batch_size": 3}),
    "some are plain": (lambda d, i: tensor(i) if i % 2 else tensor(i) + 0, {"batch_size": 4}),
    "of different sizes": (lambda d, i: F.to_tensor(Image.open(path(i))), {"batch_size": 4}),
    "of different sizes alone": (lambda d, i: F.to_tensor(Image.open(path(i))), {"batch_size": 1}),
    "arrays": (lambda d, i: np.array(image(i)), {"batch_size": 2}),
    "caught": (caught, {"batch_size": 2}),
    "empty batches": (lambda d, i: (tensor(i), i), {"batch_sampler": [[0], [], [1]], "collate_fn": given}),
    "an empty batch raises": (lambda d, i: (tensor(i), i), {"batch_sampler": [[0], [], [1]]}),
    "repeated": (lambda d, i: (tensor(i), i), {"batch_sampler": [[0, 0, 0], [5, 0]]}),
    "with gradients": (lambda d, i: tensor(i).requires_grad_(), {"batch_size": 2, "collate_fn": given}),
    "own map": (lambda d, i: tensor(i), {"batch_size": 3, "collate_fn": own_map}),
    "changed map": (lambda d, i: tensor(i), {"batch_size": 3, "collate_fn": changed_map}),
    "collate raises": (lambda d, i: tensor(i), {"batch_size": 3, "collate_fn": raising_collate}),
    "dataset raises": (lambda d, i: tensor(i) if i != 4 else 1 // 0, {"batch_size": 2}),
}


def records(value):
    """Whether anything that records is somewhere in a value."""
    if is_recorded(value) or isinstance(value, RecordedTensor):
        return True
    if isinstance(value, dict):
        return any(map(records, value.values()))
    if isinstance(value, (list, tuple)):
        return any(map(records, value))
    plain = isinstance(value, (torch.Tensor, Image.Image)) or not hasattr(value, "__dict__")
    return not plain and any(map(records, vars(value).values()))


def batches(kind, dataset, options, epochs=1):
    """All batches and what was raised, described when everything is over; and whether any of them recorded."""
    torch.manual_seed(7)
    loader, given_out, recorded = kind(dataset, **options), [], False
    for _ in range(epochs):
        iterator = iter(loader)
        while True:
            try:
                batch = next(iterator)
            except StopIteration:
                break
            except Exception as error:
                given_out.append(("raised", type(error).__name__, str(error).strip().splitlines()[-1]))
                if len(given_out) > 50:
                    break
                continue
            recorded |= records(batch)
            given_out.append(batch)
    if isinstance(dataset, Opaque):
        recorded |= records(dataset.cache)
    return [describe(batch) for batch in given_out], recorded, torch.get_rng_state().tolist()


def assert_equal(make, options, epochs=1):
    ours, recorded, state = batches(penstock.DataLoader, make(), options, epochs)
    theirs, _, other_state = batches(torch.utils.data.DataLoader, make(), options, epochs)
    assert not recorded
    assert ours == theirs
    assert state == other_state
    assert penstock.explain(penstock.DataLoader(make(), **options)).way == "recorded"
    return theirs


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("case", CASES)
def test_batches(case, workers):
    function, options = CASES[case]
    found = assert_equal(lambda: Opaque(function), {**options, "num_workers": workers})
    assert any("'raised'" not in repr(batch)[:40] for batch in found) or case == "of different sizes"


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_without_a_length(workers):
    if workers == 0:
        assert_equal(lambda: Opaque(CASES["pairs"][0]), {"batch_sampler": Sizeless(), "collate_fn": given})
    assert_equal(lambda: ByBatch(lambda d, i: tensor(i)), {"batch_size": 3, "collate_fn": list, "num_workers": workers})


@pytest.mark.parametrize("workers", [0, 2])
def test_streams(workers):
    assert_equal(Stream, {"batch_size": 2, "num_workers": workers})


@pytest.mark.parametrize(
    "options",
    [
        {"prefetch_factor": 1},
        {"persistent_workers": True},
        {"persistent_workers": True, "prefetch_factor": 3},
        {"multiprocessing_context": "spawn", "persistent_workers": True},
        {"multiprocessing_context": "forkserver", "persistent_workers": True},
        {"timeout": 60},
    ],
    ids=str,
)
def test_ways_to_work(options):
    assert_equal(lambda: Opaque(spawned), {"batch_size": 3, "shuffle": True, "num_workers": 2, **options}, epochs=2)


def spawned(dataset, index):
    return V1(Image.open(path_beside(index)).convert("RGB")), kept(dataset, index)[0]


def path_beside(index):
    """A spawned process must not make a folder of its own."""
    return Path(os.environ.setdefault("PENSTOCK_TEST_FOLDER", str(folder()))) / f"{FILES[index]}.jpg"


def test_out_of_order_batches_are_the_same_set():
    options = {"batch_size": 2, "num_workers": 2, "in_order": False}
    ours, recorded, _ = batches(penstock.DataLoader, Opaque(CASES["pairs"][0]), options)
    theirs, _, _ = batches(torch.utils.data.DataLoader, Opaque(CASES["pairs"][0]), options)
    assert not recorded
    assert sorted(map(repr, ours)) == sorted(map(repr, theirs))


def test_start_functions_and_samplers_raise_as_torchs_do():
    def start(worker):
        raise OSError("no worker today")

    class Sampler:
        def __iter__(self):
            yield 0
            yield 1
            raise KeyError("no more")

    assert_equal(lambda: Opaque(CASES["pairs"][0]), {"batch_size": 2, "num_workers": 1, "worker_init_fn": start})
    for workers in (0, 2):
        outcomes = []
        for kind in (penstock.DataLoader, torch.utils.data.DataLoader):
            with pytest.raises(KeyError, match="no more") as caught_error:
                list(kind(Opaque(CASES["pairs"][0]), sampler=Sampler(), batch_size=1, num_workers=workers))
            outcomes.append(str(caught_error.value))
        assert outcomes[0] == outcomes[1]


def test_a_slow_sample_times_out_and_a_dead_worker_is_told():
    def slow(dataset, index):
        if index == 2:
            threading.Event().wait(30)
        return tensor(index)

    def dies(dataset, index):
        if index == 2:
            os._exit(3)
        return tensor(index)

    with pytest.raises(RuntimeError, match="timed out after 1 seconds"):
        list(penstock.DataLoader(Opaque(slow), batch_size=1, num_workers=1, timeout=1))
    # Which of the two torch meets first is chance.
    with pytest.raises((RuntimeError, OSError), match=r"exited unexpectedly|Connection reset|EOF"):
        list(penstock.DataLoader(Opaque(dies), batch_size=1, num_workers=1))


def digest(batch):
    return hashlib.sha256(batch[0].contiguous().view(torch.uint8).numpy().tobytes()).hexdigest()


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_that_are_held_never_change(workers):
    loader = penstock.DataLoader(Opaque(CASES["pairs"][0], 40), batch_size=4, shuffle=True, num_workers=workers)
    held = [(batch, digest(batch)) for _ in range(2) for batch in loader]
    assert [digest(batch) for batch, _ in held] == [seen for _, seen in held]
    assert len({seen for _, seen in held}) > 10


def test_abandoned_iterators_leave_nothing():
    loader = penstock.DataLoader(Opaque(CASES["pairs"][0], 60), batch_size=2, num_workers=2)
    process = psutil.Process()
    others = len(process.children())  # multiprocessing's own, of other tests

    def left():
        return len(process.children()), open_files()

    def settled():
        """What is left when processes on their way out have gone, and threads have closed what they had."""
        deadline, last, same = time.monotonic() + 20, None, 0
        while same < 10 and time.monotonic() < deadline:
            time.sleep(0.05)
            gc.collect()
            found = left()
            same = same + 1 if found == last and found[0] <= others else 0
            last = found
        return left()

    next(iter(loader))
    before = settled()
    for _ in range(6):
        iterator = iter(loader)
        next(iterator)
        del iterator
    assert settled() == before
    alone = penstock.DataLoader(Opaque(measured, 60), batch_size=30)
    next(iter(alone))
    assert settled() == before
