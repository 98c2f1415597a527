"""Code that runs in inference mode, or without gradients, records; what it makes is what torch makes there."""

import contextlib

import pytest
import torch
from PIL import Image
from support.compare import assert_same
from support.files import encode, photo
from support.sides import age, both, place, side
from torch.utils.data import DataLoader, Dataset
from torchvision import tv_tensors
from torchvision.io import decode_image
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

import penstock
from penstock.recording.tensors import is_recording

pytestmark = pytest.mark.filterwarnings("ignore:.*torchcodec.*:DeprecationWarning")


@contextlib.contextmanager
def gradients_within_inference():
    with torch.inference_mode(), torch.enable_grad():
        yield


@contextlib.contextmanager
def plain_within_inference():
    with torch.inference_mode(), torch.inference_mode(False):
        yield


MODES = {
    "inference": torch.inference_mode,
    "no gradients": torch.no_grad,
    "gradients within": gradients_within_inference,
    "plain within": plain_within_inference,
    "plain": contextlib.nullcontext,
}


PAIRS = [
    *(("inference", then) for then in MODES),
    *(("plain", then) for then in MODES if then != "plain"),
    *(("gradients within", then) for then in ("plain", "gradients within")),
]


def opened():
    return Image.open(place("plain", "path")).convert("RGB").resize((9, 7))


# What is made of nothing, and then of what there is.
MAKERS = {
    "floats": lambda: F.to_tensor(opened()),
    "bytes": lambda: F.pil_to_tensor(opened()),
    "image": lambda: F2.to_image(opened()),
    "decoded": lambda: decode_image(place("png", "path")),
    "batch": lambda: torch.stack([F.to_tensor(opened()), F.to_tensor(opened())]),
}
NEXT = {
    "flip": lambda t: t.flip(-1),
    "part": lambda t: t[..., 1:5, 2:7],
    "detach": lambda t: t.detach(),
    "same": lambda t: t.to("cpu"),
    "half": lambda t: t.half(),
    "arithmetic": lambda t: t * 2 - 1,
    "in place": lambda t: t.mul_(2),
    "clone": lambda t: t.clone(),
    "resize": lambda t: F2.resize(t, [5, 6]),
    "normalize": lambda t: F2.normalize(F2.to_dtype(t, torch.float32), [0.5], [0.25], inplace=True),
    "stack": lambda t: torch.stack([t, t]),
    "image": tv_tensors.Image,
    "kind": lambda t: t.as_subclass(torch.Tensor),
}


@pytest.mark.parametrize("made", MAKERS)
def test_what_is_made_in_one_mode_and_used_in_another(made):
    recorded = set()
    for first, then in PAIRS:
        for name, function in NEXT.items():

            def call(first=first, then=then, function=function):
                with MODES[first]():
                    tensor = MAKERS[made]()
                with MODES[then]():
                    return tensor, function(tensor)

            ours, theirs = both(call)
            assert ours == theirs, (first, then, name)
            with side(ours=True), contextlib.suppress(RuntimeError):
                if all(map(is_recording, call())):
                    recorded.add((first, then, name))
    assert {(*pair, name) for pair in PAIRS for name in ("clone", "half", "same", "detach")} <= recorded


@pytest.mark.parametrize("mode", MODES)
def test_views_of_what_is_later_followed_by_gradients(mode):
    def call():
        whole = F.to_tensor(opened())
        with MODES[mode]():
            part = whole[..., 1:5, 2:7]
            other = whole.detach()
        whole.requires_grad_()
        messages = []
        for view in (part, other):
            for change in (lambda t: t.mul_(2), lambda t: t.requires_grad_().add(1).sum().backward()):
                try:
                    change(view)
                except RuntimeError as error:
                    messages.append(str(error))
        return messages, whole, part, other

    ours, theirs = both(call)
    assert ours == theirs


class Images(Dataset):
    """Images, tensors of several kinds made of them, and small tensors beside them.

    Args:
        folder: Of the files.
        batched: Whether the samples can be collated.
    """

    def __init__(self, folder, batched):
        self.paths, self.batched = sorted(map(str, folder.iterdir())), batched

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        with Image.open(self.paths[index]) as image:
            floats = F.normalize(F.to_tensor(image.convert("RGB").resize((20, 16))), [0.5] * 3, [0.25] * 3)
        resized = F2.resize(decode_image(self.paths[index]), [12, 14])
        if self.batched:
            return floats, resized, index
        boxes = torch.arange(8.0)
        part = resized[..., 1:7, 2:9]
        return {"floats": floats, "part": part, "whole": resized, "boxes": boxes, "flat": boxes.view(2, 4), "n": index}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    for number in range(6):
        (folder / f"{number}").write_bytes(encode(photo(40 + number, 50)))
    age(folder)
    return folder


SPAWNED = {"num_workers": 1, "multiprocessing_context": "spawn"}


@pytest.mark.parametrize(
    ("mode", "options", "batched"),
    [
        *((mode, {"num_workers": n}, batched) for mode in [*MODES][:3] for n in (0, 1) for batched in (True, False)),
        # The mode is the parent's alone.
        ("inference", SPAWNED, False),
    ],
    ids=str,
)
def test_loaders(files, mode, options, batched):
    results = []
    for cls in (DataLoader, penstock.DataLoader):
        with MODES[mode]():
            loader = cls(Images(files, batched), batch_size=3 if batched else None, **options)
            results.append(list(loader))
    assert_same(results[1], results[0])
    assert penstock.stats(loader).native_share == 1.0


@pytest.mark.parametrize("persistent", [True, False])
@pytest.mark.parametrize("batched", [True, False])
def test_a_mode_that_is_entered_between_batches(files, batched, persistent):
    results = []
    for cls in (DataLoader, penstock.DataLoader):
        loader = cls(
            Images(files, batched),
            batch_size=1 if batched else None,
            num_workers=1,
            prefetch_factor=6,
            persistent_workers=persistent,
        )
        found = []
        for modes in (["plain", "inference"], ["inference", "inference", "plain"]):
            iterator = iter(loader)
            for number in range(6):
                if cls is penstock.DataLoader and number == 1:
                    _wait_for_all(iterator)
                with MODES[modes[number % len(modes)]]():
                    found.append(next(iterator))
        results.append(found)
    assert_same(results[1], results[0])
    for mine, other in zip(results[1], results[0], strict=True):
        if not batched:
            for sample in (mine, other):
                shared = {
                    value.untyped_storage().data_ptr() for key, value in sample.items() if key in ("part", "whole")
                }
                assert len(shared) == 1
                assert sample["boxes"].data_ptr() == sample["flat"].data_ptr()
    assert penstock.stats(loader).native_share == 1.0


def _wait_for_all(iterator):
    """Wait until what a worker was asked for has arrived, all of it before it is wanted."""
    while len(iterator._arrived_in) < 5:
        iterator._data_queue._reader.poll(1)
        iterator._receive_all()
