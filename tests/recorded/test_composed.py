"""torchvision's `Compose` on images that record, of which runs of transforms are drawn natively."""

import gc
import io
import multiprocessing
import random
import weakref

import numpy as np
import pytest
import torch
import torchvision.transforms as v1
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from support.cases import cases
from support.files import encode, photo
from support.unread import unread
from torch import nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import functional as F
from torchvision.transforms import v2

import penstock
from penstock.ops.table import examples
from penstock.recording import drawn
from penstock.recording.hooks import recording
from penstock.recording.recorder import Recorder

SIZES = ((40, 52), (33, 33), (24, 61))
# Calls after which plans are made here, those that are made, and one among them.
BEFORE, CALLS, LATER = 4, 12, 8
# Of images: what erases, or blurs by torch, is given tensors mostly.
TRANSFORMS = [
    transform
    for _, transform in examples()
    if not type(transform).__name__.startswith(("RandomErasing", "LinearTransformation"))
]
CONVERSIONS = (
    [],
    [v1.ToTensor()],
    [v1.PILToTensor()],
    [v1.ToTensor(), v1.Normalize((0.5, 0.4, 0.3), [0.2, 0.3, 1])],
    [v1.ToTensor(), v1.Normalize((0.5,), (0.25,), inplace=True)],
    [v2.ToImage(), v2.ToDtype(torch.float32, scale=True)],
)


@pytest.fixture(scope="module", autouse=True)
def _made_early():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(drawn, "_CALLS", BEFORE)
        yield


class Own:
    """A transform of the user's own, which draws by torch as well."""

    def __call__(self, image):
        return image.transpose(Image.Transpose.ROTATE_90) if torch.rand(1).item() < 0.5 else image


def opened(size, mode):
    image = Image.open(io.BytesIO(encode(photo(*size))))
    return image if mode is None else image.convert(mode)


def made(compose, mode, seed, before=lambda call: None):
    """Return what some calls come to, or raise, and where the generators stand then."""
    torch.manual_seed(seed)
    random.seed(seed)
    results = []
    for call in range(CALLS):
        before(call)
        try:
            result = compose(opened(SIZES[call % len(SIZES)], mode))
        except Exception as error:
            results.append((type(error), str(error)))
        else:
            results.append(result)
    return results, torch.get_rng_state(), random.getstate()


def plain(result):
    """Return something that is equal only if images or tensors are the same."""
    if isinstance(result, torch.Tensor):
        values = result.flatten().tolist()  # after which it records no more
        return type(result), values, result.dtype, result.shape, result.stride()
    if isinstance(result, Image.Image):
        return result.mode, result.size, result.tobytes(), sorted(result.info)
    return result


def assert_same(compose, mode, seed=0, before=lambda call: None, plans=None):
    theirs = made(compose, mode, seed, before)
    with recording(Recorder()):
        ours = made(compose, mode, seed, before)
        known = drawn._known.get(compose)
    assert [*map(plain, ours[0])] == [*map(plain, theirs[0])]
    assert torch.equal(ours[1], theirs[1])
    assert ours[2] == theirs[2]
    if plans is not None:
        assert (known is not None and known.parts is not None) == plans


@cases(60)
@given(st.data())
def test_pipelines_are_torchvisions(data):
    kind = data.draw(st.sampled_from((v1.Compose, v2.Compose)))
    transforms = data.draw(st.lists(st.sampled_from([*TRANSFORMS, Own()]), min_size=1, max_size=4))
    conversion = data.draw(st.sampled_from(CONVERSIONS))
    assert_same(
        kind([*transforms, *conversion]), data.draw(st.sampled_from((None, "L", "RGB"))), data.draw(st.integers(0, 99))
    )


@pytest.mark.parametrize("kind", [v1.Compose, v2.Compose])
def test_known_transforms_are_drawn_natively(kind):
    transforms = [v1.RandomResizedCrop(20), v1.RandomApply([v1.ColorJitter(0.4, 0.4, 0.4, 0.1)], p=0.8), v1.ToTensor()]
    assert_same(kind(transforms), "RGB", plans=True)
    assert_same(kind([Own(), v1.ToTensor()]), "RGB", plans=False)


def test_what_is_changed_between_calls_is_seen():
    compose = v1.Compose([v1.Resize([30, 30]), v1.RandomApply([v1.ColorJitter(0.5)]), v1.RandomCrop(20), v1.ToTensor()])

    def change(call):
        compose.transforms[0].size = [24, 31] if call >= LATER else [30, 30]
        compose.transforms[1].transforms[0].brightness = (0.1, 0.2) if call >= LATER + 2 else (0.5, 1.5)
        compose.transforms[2].padding = 3 if call == LATER + 3 else None

    assert_same(compose, "RGB", before=change)


def test_transforms_that_are_put_in_are_called():
    compose = v1.Compose([v1.RandomCrop(20), v1.ToTensor()])

    def change(call):
        compose.transforms = [v1.RandomCrop(20), *[v1.RandomHorizontalFlip()] * (call >= LATER), v1.ToTensor()]

    assert_same(compose, "RGB", before=change)


def test_a_function_that_was_replaced_is_called(monkeypatch):
    compose = v1.Compose([v1.RandomCrop(20), v1.ToTensor()])
    recorder = Recorder()
    with recording(recorder):
        for _ in range(CALLS):
            compose(opened(SIZES[0], "RGB"))
        monkeypatch.setattr(F, "crop", lambda img, top, left, height, width: img.resize((5, 7)))
        recorder.count()
        assert compose(opened(SIZES[0], "RGB")).shape == (3, 7, 5)


REPLACED = {
    "rand": (torch, lambda function: lambda *size: 0 * function(*size)),
    "randint": (torch, lambda function: lambda *bounds, **options: 0 * function(*bounds, **options)),
    "crop": (Image.Image, lambda function: lambda *arguments: function(*arguments).rotate(90)),
}


@pytest.mark.parametrize("calls", [0, CALLS])
@pytest.mark.parametrize("name", REPLACED)
def test_what_torchvision_calls_was_replaced(name, calls, monkeypatch):
    compose = v1.Compose([v1.RandomCrop(20), v1.RandomHorizontalFlip(), v1.ToTensor()])
    recorder, (owner, make) = Recorder(), REPLACED[name]
    with recording(recorder):
        for _ in range(calls):
            compose(opened(SIZES[0], "RGB"))
        monkeypatch.setattr(owner, name, make(getattr(owner, name)))
        recorder.count()
        ours = made(compose, "RGB", 0)
    theirs = made(compose, "RGB", 0)
    assert [*map(plain, ours[0])] == [*map(plain, theirs[0])]


def test_a_hook_of_a_module_is_called():
    compose, seen = v1.Compose([v1.RandomCrop(20), v1.ToTensor()]), []
    with recording(Recorder()):
        for _ in range(CALLS):
            compose(opened(SIZES[0], "RGB"))
        compose.transforms[0].register_forward_hook(lambda *_: seen.append(1))
        compose(opened(SIZES[0], "RGB"))
    assert seen == [1]


PARTS = {
    "list": lambda part: v1.RandomApply([part]),
    "module list": lambda part: v1.RandomApply(nn.ModuleList([part])),
    "second generation": lambda part: v2.RandomApply(nn.ModuleList([part])),
    "sequence": nn.Sequential,
    "compose": lambda part: v1.Compose([nn.Sequential(v2.Compose([part]))]),
    "choice": lambda part: v1.RandomChoice([part, v1.RandomHorizontalFlip()]),
}


@pytest.mark.parametrize("name", PARTS)
def test_what_is_changed_of_a_part_is_seen(name):
    part = v1.ColorJitter(0.5)

    def change(call):
        part.brightness = (0.1, 0.2) if call >= LATER else (0.5, 1.5)

    assert_same(v1.Compose([PARTS[name](part), v1.ToTensor()]), "RGB", before=change)


def test_arrays_in_the_place_of_numbers_are_torchs():
    compose = v1.Compose([v1.RandomCrop(24), v1.ToTensor()])

    def change(call):
        compose.transforms[0].size = np.array([20, 20]) if call >= LATER else (24, 24)

    assert_same(compose, "RGB", before=change)


class Comparing(Own):
    """A transform of which nothing is known by comparing it."""

    __hash__ = None

    def __eq__(self, other):
        raise ValueError("it is not compared")

    def method(self, image):
        return self(image)


class WithSlots:
    __slots__ = ()

    def __call__(self, image):
        return image.rotate(90)


@pytest.mark.parametrize("called", [Comparing(), Comparing().method, WithSlots(), abs, np.array])
def test_whatever_can_be_called_is_a_transform(called):
    assert_same(v1.Compose([v1.RandomCrop(20), called, v1.ToTensor()]), "RGB")


def test_a_pipeline_that_leads_to_itself_is_called():
    part = v1.RandomApply([v1.RandomHorizontalFlip()], p=0.3)
    part.transforms.append(v1.Compose([v1.RandomRotation(5), part]))
    assert_same(v1.Compose([v1.RandomCrop(20), part, v1.ToTensor()]), "RGB")


def test_nothing_keeps_a_pipeline_of_methods():
    class Data:
        def __init__(self):
            self.transform = v1.Compose([v1.RandomCrop(20), self.turn, v1.ToTensor()])

        def turn(self, image):
            return image.rotate(90)

    data = Data()
    recorder = Recorder()
    with recording(recorder):
        for _ in range(CALLS):
            data.transform(opened(SIZES[0], "RGB"))
        assert drawn._known[data.transform].parts is not None
    held, counts = weakref.ref(data), weakref.ref(recorder)
    del data, recorder
    gc.collect()
    assert held() is None
    assert counts() is None


@pytest.mark.parametrize("name", ["img", "image"])
def test_a_image_given_by_name(name):
    compose = v1.Compose([v1.RandomCrop(20), v1.ToTensor()])
    assert_same(lambda image: compose(**{name: image}), "RGB", plans=None)


def test_what_torchvision_raises_is_raised():
    assert_same(v1.Compose([v1.RandomHorizontalFlip(), v1.RandomCrop(50), v1.ToTensor()]), "RGB")


def test_a_pipeline_that_does_nothing_returns_the_image():
    compose = v1.Compose([v1.RandomHorizontalFlip(0.0)])
    with recording(Recorder()):
        for _ in range(CALLS):
            image = opened(SIZES[0], None)
            assert compose(image) is image
            assert image.format == "JPEG"


def test_where_a_image_cannot_be_loaded_as_much_is_drawn():
    compose = v1.Compose([v1.RandomHorizontalFlip(), v1.RandomCrop(20), v1.RandomRotation(5), v1.ToTensor()])

    def of_closed(_image):
        buffer = io.BytesIO(encode(photo(40, 52)))
        image = Image.open(buffer)
        buffer.close()
        return compose(image)

    assert_same(of_closed, "RGB")


# Those that leave an image of 33 by 33 as it is, and those that copy it.
KEEPING = [
    *(library.Resize([33, 33]) for library in (v1, v2)),
    *(library.CenterCrop(33) for library in (v1, v2)),
    *(library.RandomCrop(33) for library in (v1, v2)),
    *(library.Pad(0) for library in (v1, v2)),
    *(library.ColorJitter() for library in (v1, v2)),
    *(library.RandAugment(1, 0) for library in (v1, v2)),
    *(library.AutoAugment() for library in (v1, v2)),
    v1.RandomCrop(33, padding=0),
    v1.RandomChoice([v1.CenterCrop(33), v1.RandomHorizontalFlip(0.0)]),
    v1.RandomApply([v1.CenterCrop(33)]),
    v1.GaussianBlur(5),
    v1.Grayscale(3),
    v1.RandomGrayscale(),
    v2.RandomZoomOut(side_range=(1.0, 1.3)),
    v2.RandomPhotometricDistort(),
]


@pytest.mark.parametrize("mode", [None, "RGB", "L"])
@pytest.mark.parametrize("transform", KEEPING, ids=repr)
def test_what_is_made_is_the_image_itself_if_torchvisions_is(transform, mode):
    def asked(image):
        image.info["of"] = "it"
        made = compose(image)
        return repr((made is image, made.info, made.format, made.readonly, made.tobytes()))

    def results():
        torch.manual_seed(0)
        random.seed(0)
        return [asked(opened((33, 33), mode)) for _ in range(2 * CALLS)]

    compose = v1.Compose([transform])
    theirs = results()
    with recording(Recorder()):
        assert results() == theirs


def test_other_numbers_than_float32_are_torchs():
    compose = v1.Compose([v1.RandomResizedCrop(20), v1.ToTensor()])
    torch.set_default_dtype(torch.float64)
    try:
        assert_same(compose, "RGB")
    finally:
        torch.set_default_dtype(torch.float32)


def test_classes_are_torchvisions_again_afterwards():
    before = [vars(kind)[name] for kind, name in drawn.COMPOSED]
    with recording(Recorder()):
        assert [vars(kind)[name] for kind, name in drawn.COMPOSED] != before
    assert [vars(kind)[name] for kind, name in drawn.COMPOSED] == before


class Files(Dataset[torch.Tensor]):
    """One image, many times, and a pipeline."""

    def __init__(self, path, transform):
        self.path, self.transform = path, transform

    def __len__(self):
        return 64

    def __getitem__(self, index):
        return self.transform(unread(Image.open(self.path).convert("RGB")))


def test_in_a_worker_too(tmp_path, monkeypatch):
    """What else penstock stands before in a worker is not taken for something of the user's."""
    (tmp_path / "image.jpg").write_bytes(encode(photo(60, 50)))
    count = multiprocessing.get_context("fork").Value("i", 0)
    on = drawn._Run.on

    def counted(self, image):
        made = on(self, image)
        with count.get_lock():
            count.value += made is not None
        return made

    monkeypatch.setattr(drawn._Run, "on", counted)
    pipeline = v1.Compose([v1.RandomResizedCrop(24), v1.RandomHorizontalFlip(), v1.ToTensor()])
    made = {}
    for kind in (DataLoader, penstock.DataLoader):
        torch.manual_seed(0)
        made[kind] = torch.cat([*kind(Files(tmp_path / "image.jpg", pipeline), 8, num_workers=1)])
    assert torch.equal(made[DataLoader], made[penstock.DataLoader])
    assert count.value == 64 - BEFORE + 1
