"""`torchvision.io.decode_image` and `read_image` of a path record, or torchvision makes what they return."""

import functools
import os
import random
import shutil
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from support.both_loaders import assert_program, write_images
from support.compare import assert_same
from support.files import damaged, encode, photo
from support.pngs import write_png
from support.sides import age, both, describe, is_ours, open_files, side
from support.systems import needs_descriptors
from torch.utils.data import Dataset
from torchvision import transforms as v1
from torchvision import tv_tensors
from torchvision.datasets import ImageFolder
from torchvision.io import ImageReadMode, decode_image, read_image
from torchvision.transforms import InterpolationMode, v2
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as F2

import penstock
from penstock import _native
from penstock.recording import decoded, decoders

pytestmark = pytest.mark.filterwarnings("ignore:.*torchcodec.*:DeprecationWarning")
workers = pytest.mark.parametrize("workers", [0, 2])


PLAIN = {
    "colour": encode(photo(47, 61)),
    "subsampled": encode(photo(33, 47), subsampling=2, restart_marker_blocks=3),
    "progressive": encode(photo(37, 38), progressive=True),
    "png": encode(photo(30, 25), "PNG"),
}
GRAY = {"gray": encode(photo(40, 33), mode="L"), "gray png": encode(photo(31, 24), "PNG", mode="L")}
# What torchvision has to decode itself, and what no one can.
OTHERS = {
    "row": encode(photo(1, 23)),
    "column": encode(photo(19, 1)),
    "alpha": encode(photo(31, 24), "PNG", mode="RGBA"),
    "palette": encode(photo(31, 24), "PNG", mode="P"),
    "transparent": encode(photo(30, 25), "PNG", transparency=(1, 2, 3)),
    "interlaced": write_png((28, 31), interlaced=True),
    "16 bit": encode(photo(31, 24)[..., 0].astype(np.uint16) * 257, "PNG", mode="I;16"),
    "cmyk": encode(photo(31, 24), mode="CMYK"),
    "gif": encode(photo(31, 24), "GIF"),
    **{kind: damaged(encode(photo(41, 52)), kind) for kind in ("truncated", "no end", "cut header", "empty", "text")},
}


def noisy():
    """A file at which libjpeg stops with no error, though it is damaged."""
    for seed in range(99):
        content = damaged(encode(photo(41, 52, seed)), "noisy")
        seen, pixels = _native.look_through(content), np.empty((41, 52, 3), np.uint8)
        if seen is not None and not _native.decode_image(content, (0, 0, 52, 41), pixels):
            return content
    raise AssertionError


# libjpeg gets through, as it sees fit.
MENDED = {"noisy": noisy(), "behind": damaged(encode(photo(41, 52)), "behind")}
FILES = {**PLAIN, **GRAY, **OTHERS, **MENDED}
MODES = ("UNCHANGED", "RGB", "rgb", "GRAY", "GRAY_ALPHA", "nonsense", *ImageReadMode, 3, None)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    age(folder)
    return folder


def without_functions(call):
    with torch._C.DisableTorchFunctionSubclass():
        return call()


def records(function):
    with side(ours=True):
        return is_ours(function())


def wanted(name, mode):
    """Whether a file is recorded in a mode."""
    mode = ImageReadMode[mode.upper()] if mode in ("UNCHANGED", "RGB", "rgb", "GRAY") else mode
    if mode in (ImageReadMode.UNCHANGED, ImageReadMode.RGB):
        return name not in OTHERS
    return mode is ImageReadMode.GRAY and name in GRAY


@pytest.mark.parametrize("name", FILES)
def test_every_file_in_every_mode(files, name):
    for function in (decode_image, read_image, torchvision.io.image.decode_image):
        for mode in MODES:
            # A palette with alpha is a matter of chance: torchvision leaves some of its memory as it finds it.
            if (name, str(mode).rpartition(".")[2]) in {("palette", "GRAY_ALPHA"), ("palette", "RGB_ALPHA")}:
                continue
            ours, theirs = both(lambda mode=mode, function=function: function(str(files / name), mode))
            assert ours == theirs, mode
            if theirs[0] == "value":
                call = functools.partial(function, str(files / name), mode=mode)
                assert records(call) == wanted(name, mode), mode


def test_arguments_and_places(files, monkeypatch):
    path = files / "colour"
    calls = [
        lambda: decode_image(path),
        lambda: decode_image(input=str(path)),
        lambda: read_image(path=path, mode=ImageReadMode.RGB),
        lambda: decode_image("colour"),
    ]
    monkeypatch.chdir(files)
    for call in calls:
        assert records(call)
    calls += [
        lambda: decode_image(path, apply_exif_orientation=True),
        lambda: decode_image(str(path), "RGB", True),
        lambda: decode_image(torchvision.io.read_file(str(path))),
        lambda: torchvision.io.read_file(str(path)),
        lambda: torchvision.io.decode_jpeg(torchvision.io.read_file(str(path))),
        lambda: decode_image(path.read_bytes()),
        lambda: decode_image(files / "missing"),
        lambda: decode_image(files),
        lambda: decode_image("/dev/null"),
        lambda: decode_image("\0"),
        lambda: decode_image("\udcff"),
        lambda: decode_image(None),
        lambda: decode_image(),
        lambda: decode_image(path, moods=3),
        lambda: without_functions(lambda: decode_image(path)),
        lambda: torch.inference_mode()(decode_image)(path),
    ]
    for call in calls:
        ours, theirs = both(call)
        assert ours == theirs


@pytest.mark.parametrize("action", ["default", "always", "error"])
def test_torchvisions_warnings(files, action):
    told = []
    for ours in (True, False):
        with side(ours), warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter(action)
            for _ in range(2):
                for call in (decode_image, read_image):
                    try:
                        call(str(files / "colour"))
                    except DeprecationWarning as warning:
                        caught.append(type(warning))
        told.append(
            [(str(warning.message), warning.filename, warning.lineno) for warning in caught if action != "error"]
        )
        told[-1].append(len(caught))
    assert told[0] == told[1]


CALLS = {
    "nothing": lambda t: t,
    "resize": lambda t: F2.resize(t, [20]),
    "resize to its size": lambda t: F2.resize(t, list(t.shape[1:])),
    "resized_crop": lambda t: F2.resized_crop(t, 3, 2, 17, 15, [12, 14], InterpolationMode.BICUBIC),
    "resized_crop of rows": lambda t: F2.resized_crop(t, 3, 0, 17, t.shape[2], [12, 14]),
    "crop": lambda t: F2.crop(t, 3, 2, 17, 15),
    "crop of rows": lambda t: F2.crop(t, 3, 0, 17, t.shape[2]),
    "crop of all": lambda t: F2.crop(t, 0, 0, *t.shape[1:]),
    "crop beyond": lambda t: F2.crop(t, -3, -2, 17, 15),
    "crop flip": lambda t: F2.horizontal_flip(F2.crop(t, 3, 2, 17, 15)),
    "flip crop flip": lambda t: F2.vertical_flip(F2.crop(F2.horizontal_flip(t), 3, 2, 17, 15)),
    "crop crop dtype": lambda t: F2.to_dtype(F2.crop(F2.crop(t, 3, 2, 17, 15), 1, 1, 9, 9), torch.float16, scale=True),
    "dtype crop normalize": lambda t: F2.normalize(F2.crop(F2.to_dtype(t, scale=True), 3, 2, 9, 7), [0.5], [0.2]),
    "resize center_crop": lambda t: F2.center_crop(F2.resize(t, [26]), [20, 22]),
    "v1": lambda t: F.normalize(F.convert_image_dtype(F.hflip(F.crop(t, 3, 2, 17, 15))), [0.5], [0.2]),
    "image": lambda t: F2.resize(tv_tensors.Image(t), [20, 21]),
    "to_image": lambda t: F2.center_crop(F2.to_image(t), [20]).as_subclass(torch.Tensor),
    "slices": lambda t: t[:, 2:-3, -9:],
    "one row": lambda t: t[..., 2:3, :],
    "steps": lambda t: t[..., ::2, :],
    "two slices": lambda t: t[:, 2:9],
    "slice by a tensor": lambda t: t[..., torch.tensor(2) : 9, 1:4],
    "in place": lambda t: t.add_(1),
    "part in place": lambda t: (t[..., 2:9, 1:4].add_(1), t),
    "crop in place": lambda t: (F2.crop(t, 3, 2, 17, 15), t.add_(1))[::-1],
    "crop and later": lambda t: (F2.to_dtype(F2.crop(t, 3, 2, 17, 15), scale=True), t.zero_()),
    "storage": lambda t: (t.untyped_storage().resizable(), t.untyped_storage().nbytes(), t._is_view()),
    "resize_": lambda t: t.resize_(3, 80, 80).shape,
    "contiguous": lambda t: t.contiguous(),
}
# Calls that touch pixels.
REAL = {"crop beyond", "one row", "steps", "two slices", "slice by a tensor", "storage", "resize_", "contiguous"}


@pytest.mark.parametrize("name", [*PLAIN, *GRAY, *MENDED])
def test_every_function_of_what_was_decoded(files, name):
    for mode in ("UNCHANGED", "RGB"):
        for what, call in CALLS.items():
            ours, theirs = both(lambda call=call, mode=mode: call(decode_image(str(files / name), mode)))
            assert ours == theirs, what
            if what not in REAL and "in place" not in what and "later" not in what:
                assert records(lambda call=call, mode=mode: call(decode_image(str(files / name), mode))), what


@pytest.mark.parametrize("seed", range(3))
def test_any_rectangle_and_size(files, seed):
    rng = random.Random(seed)
    for name in (*PLAIN, *GRAY):
        height, width = decode_image(str(files / name)).shape[1:]
        for _ in range(8):
            top, left = rng.randrange(height - 2), rng.choice([0, rng.randrange(width - 2)])
            rows, columns = rng.randint(2, height - top), rng.choice([width - left, rng.randint(2, width - left)])
            size = [rng.randint(2, 50), rng.randint(2, 50)]
            mode = rng.choice([InterpolationMode.BILINEAR, InterpolationMode.BICUBIC, InterpolationMode.NEAREST])

            def call():
                whole = rng_kind(decode_image(str(files / name)))  # noqa: B023 - called in this turn
                return [
                    F2.resized_crop(whole, top, left, rows, columns, size, mode),  # noqa: B023
                    F2.resize(whole, size, mode),  # noqa: B023
                    F2.horizontal_flip(F2.crop(whole, top, left, rows, columns)),  # noqa: B023
                    F2.to_dtype(F2.crop(whole, top, left, rows, columns), scale=True),  # noqa: B023
                ]

            rng_kind = rng.choice([lambda tensor: tensor, F2.to_image])
            ours, theirs = both(call)
            assert ours == theirs


MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
FLOATS = [v2.ToDtype(torch.float32, scale=True), v2.Normalize(MEAN, STD)]
PIPELINES = {
    "train": v2.Compose([v2.RandomResizedCrop(24, antialias=True), v2.RandomHorizontalFlip(), *FLOATS]),
    "images": v2.Compose([v2.ToImage(), v2.RandomResizedCrop(24), v2.RandomVerticalFlip(), *FLOATS, v2.ToPureTensor()]),
    "evaluation": v2.Compose([v2.Resize(30, InterpolationMode.BICUBIC), v2.CenterCrop(24), *FLOATS]),
    "crops": v2.Compose([v2.RandomCrop(24), v2.RandomHorizontalFlip()]),
    "v1": v1.Compose([v1.RandomCrop(24), v1.ConvertImageDtype(torch.float32), v1.Normalize(MEAN, STD)]),
    "sequential": torch.nn.Sequential(v2.Resize((24, 20)), v2.ToDtype(torch.float16, scale=True)),
}
LOADERS = {
    "decode_image": functools.partial(decode_image, mode="RGB"),
    "read_image": functools.partial(read_image, mode=ImageReadMode.RGB),
}


@workers
@pytest.mark.parametrize("pipeline", PIPELINES)
@pytest.mark.parametrize("loader", LOADERS)
def test_folders(loader, pipeline, workers, tmp_path):
    write_images(tmp_path)
    write_images(tmp_path / "cats", 4, mode="L")

    def program():
        dataset = ImageFolder(tmp_path, PIPELINES[pipeline], loader=LOADERS[loader])
        return torch.utils.data.DataLoader(dataset, batch_size=5, shuffle=True, num_workers=workers)

    assert_program(program, 1.0, epochs=2, seed=workers + len(pipeline))


class Decoded(Dataset):
    """Files as they are, one that fails replaced by a word; every other one is looked at."""

    def __init__(self, paths, transform=lambda tensor: tensor):
        self.paths, self.transform = paths, transform

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        try:
            tensor = self.transform(decode_image(str(self.paths[index])))
        except RuntimeError as error:
            return str(error)
        return tensor, float(tensor.max()) if index % 2 else tensor.shape


@workers
@pytest.mark.parametrize(
    "steps", [[v2.Identity()], [v2.CenterCrop((18, 15))], [v2.CenterCrop(9), v2.ToDtype(torch.half)]]
)
def test_samples_that_are_not_batched(files, steps, workers):
    def program():
        dataset = Decoded([files / name for name in [*FILES, "missing"]], v2.Compose(steps))
        loader = torch.utils.data.DataLoader(dataset, batch_size=None, num_workers=workers)
        return [[describe(part) for part in sample] for sample in loader]

    expected = program()
    with penstock.installed():
        assert program() == expected


@workers
def test_damage_that_shows_late_is_torchvisions_to_mend(files, workers):
    def program():
        transform = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.RandomCrop(20)])
        paths = [files / name for name in ("colour", "noisy", "colour", "noisy", "noisy")]
        return torch.utils.data.DataLoader(
            Decoded(paths, transform), batch_size=5, num_workers=workers, collate_fn=stacked
        )

    stats = assert_program(program, 0.4)
    assert sum(stats.by_pillow.values()) == 3


def stacked(samples):
    return torch.stack([sample[0] for sample in samples])


class Vanishing(Decoded):
    """Files that are gone, or others, as soon as they were decoded."""

    def __getitem__(self, index):
        path = self.paths[index]
        tensor = read_image(str(path), "RGB")
        if index % 2:
            path.unlink()
        else:
            other = path.with_suffix(".new")
            shutil.copy(self.paths[(index + 2) % len(self.paths)], other)
            other.rename(path)
        return tensor if index % 3 else tensor.clone()


@workers
@pytest.mark.parametrize("fresh", [False, True])
def test_nothing_that_happens_to_a_path_later_matters(fresh, workers, tmp_path):
    found = []
    for cls in (penstock.DataLoader, torch.utils.data.DataLoader):
        folder = tmp_path / cls.__module__
        paths = [folder / f"{k}.jpg" for k in range(8)]
        folder.mkdir()
        for k, path in enumerate(paths):
            path.write_bytes(encode(photo(40, 50, seed=k), quality=90))
        if not fresh:
            age(folder)
        found.append(list(cls(Vanishing(paths), batch_size=1, num_workers=workers)))
    assert_same(*found)


@needs_descriptors
def test_a_file_that_changes_before_it_is_decoded_otherwise(tmp_path, monkeypatch):
    path, seen, look = tmp_path / "a.png", [], decoded._look
    for ours in (True, False):
        path.write_bytes(FILES["png"])
        age(tmp_path)
        with side(ours), monkeypatch.context() as patch:
            # As if somebody wrote to it between two of torchvision's operations.
            patch.setattr(decoded, "_look", lambda path: (look(path), Path(path).write_bytes(FILES["gray"]))[0])
            if not ours:
                path.write_bytes(FILES["gray"])
            seen.append(describe(decode_image(str(path), "GRAY")))
    assert seen[0] == seen[1]


@workers
def test_another_torchvision_is_not_imitated(workers, tmp_path, monkeypatch):
    write_images(tmp_path)
    monkeypatch.setattr(decoded, "agrees", lambda: False)

    def program():
        dataset = ImageFolder(tmp_path, PIPELINES["train"], loader=LOADERS["decode_image"])
        return torch.utils.data.DataLoader(dataset, batch_size=5, num_workers=workers)

    stats = assert_program(program, 0.0)
    assert stats.by_pillow == {"the installed torchvision decodes files to other pixels": 12}


def test_whether_torchvision_agrees_is_asked_of_every_kind(monkeypatch):
    real = torch.ops.image.decode_image
    asked = []

    def inverting(content, mode, orientation):
        asked.append(mode)
        made = real(content, mode, orientation)
        return made if len(asked) < 60 else 255 - made

    decoders.agrees.cache_clear()
    monkeypatch.setattr(torch.ops.image, "decode_image", inverting)
    assert not decoders.agrees()
    monkeypatch.undo()
    decoders.agrees.cache_clear()
    assert decoders.agrees()


@needs_descriptors
def test_files_stay_open_no_longer_than_their_tensors(files):
    with side(ours=True):
        before = open_files()
        held = [decode_image(str(files / "colour")) for _ in range(9)]
        assert open_files() == before + 9
        del held
        assert open_files() == before


@needs_descriptors
def test_of_many_images_that_are_kept_some_files_stay_open_and_of_the_others_the_content(files, tmp_path):
    paths = [tmp_path / f"{number}.jpg" for number in range(300)]
    content = (files / "colour").read_bytes()
    for number, path in enumerate(paths):
        path.write_bytes(content[:-2] + b"\xff\xfe\x00\x04" + number.to_bytes(2, "big") + content[-2:])

    age(tmp_path)
    expected = decode_image(str(paths[0]))
    with side(ours=True):
        before = open_files()
        kept = [decode_image(str(path)) for path in paths]
        assert all(map(is_ours, kept))
        assert before < open_files() < before + len(paths)
        for path in paths:
            path.unlink()
        assert all(torch.equal(tensor, expected) for tensor in kept)


def test_a_wrong_checksum_is_left_to_torchvision(tmp_path):
    """torchvision may crash at it, so nobody sees what it makes of it; Pillow does not look at those of pixels."""
    png, path = encode(photo(31, 24), "PNG"), tmp_path / "a.png"
    for content, whole in ((png, True), (png[:-13] + bytes([png[-13] ^ 1]) + png[-12:], False)):
        path.write_bytes(content)
        Image.open(path).load()
        assert (decoded._look(str(path))[0] is not None) == whole


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    start = time.monotonic()
    ours, theirs = both(lambda: decode_image(str(tmp_path / "pipe")))
    assert ours == theirs
    assert theirs[0] == "raised"
    assert time.monotonic() - start < 10


def test_pillow_and_torchvision_side_by_side(files):
    def call():
        ours = decode_image(str(files / "colour"), "RGB")
        return torch.stack([ours, F.pil_to_tensor(Image.open(files / "colour").convert("RGB"))])

    assert both(call)[0] == both(call)[1]


def opened_by_script(path: str):
    return torch.ops.image.decode_image(torch.ops.image.read_file(path), 0, False)


def normalized_by_script(tensor: torch.Tensor):
    return F.normalize(F.convert_image_dtype(tensor), [0.5, 0.5, 0.5], [0.2, 0.2, 0.2])


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
def test_scripts_are_compiled_while_images_record(files):
    with side(ours=True):
        opened = torch.jit.script(opened_by_script)(str(files / "colour"))
        normalized = torch.jit.script(normalized_by_script)(opened)
    assert torch.equal(opened, opened_by_script(str(files / "colour")))
    assert torch.equal(normalized, normalized_by_script(opened))
