"""Datasets that people write themselves: what they open, from where, and what they make of it."""

import io
import os
import random
import zipfile

import numpy as np
import pytest
import torch
import torch.utils.data
from PIL import Image, ImageOps
from support.both_loaders import Opened, age, assert_program, write_images
from support.files import damaged, encode, photo
from torch.utils.data import IterableDataset
from torchvision import transforms as v1
from torchvision.transforms import functional as F
from torchvision.transforms.functional import to_tensor

from penstock.lowering.known import HOOKED

TRAIN = v1.Compose(
    [v1.RandomResizedCrop(32), v1.RandomHorizontalFlip(), v1.ToTensor(), v1.Normalize([0.5] * 3, [0.25] * 3)]
)

workers = pytest.mark.parametrize("workers", [0, 2])


@pytest.fixture
def paths(tmp_path):
    return write_images(tmp_path / "images")


class Siamese(Opened):
    """Two images, and whether they are of one class."""

    def __getitem__(self, index):
        other = random.randrange(len(self))
        same = torch.tensor(float(index % 2 == other % 2))
        return self.transform(self.open(index)), self.transform(self.open(other)), same


class MultiCrop(Opened):
    """Two large and four small crops of each image."""

    def __init__(self, paths):
        super().__init__(paths)
        flip = v1.RandomHorizontalFlip()
        self.large = v1.Compose([v1.RandomResizedCrop(32, scale=(0.4, 1)), flip, v1.ToTensor()])
        self.small = v1.Compose([v1.RandomResizedCrop(16, scale=(0.05, 0.4)), flip, v1.ToTensor()])

    def __getitem__(self, index):
        image = self.open(index)
        return [transform(image) for transform in (*[self.large] * 2, *[self.small] * 4)], index


class CropsOfCrops(Opened):
    """A tile of each image, and what of it is smaller still."""

    def __getitem__(self, index):
        image = self.open(index)
        width, height = image.size
        tile = image.crop((width // 4, height // 4, width // 4 + 40, height // 4 + 30))
        return F.to_tensor(tile), F.to_tensor(tile.crop((3, 2, 25, 22)).resize((20, 20), Image.Resampling.LANCZOS))


class Skipping(Opened):
    """Takes the next sample for one that cannot be opened."""

    def __getitem__(self, index):
        try:
            return super().__getitem__(index)
        except OSError:
            return self[(index + 1) % len(self)]


class Drawing(Opened):
    """Draws from three generators."""

    def __getitem__(self, index):
        image = self.open(index).resize((48, 40))
        left, top = random.randint(0, 16), int(np.random.randint(0, 8))  # noqa: NPY002 - as programs do
        image = image.crop((left, top, left + 32, top + 32))
        if torch.rand(1) < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return F.to_tensor(image), index, np.random.rand()  # noqa: NPY002


class Dictionaries(Opened):
    def __getitem__(self, index):
        image = self.open(index)
        meta = {"index": index, "size": image.size, "name": self.paths[index].name}
        return {"image": self.transform(image), "meta": meta}


class Rotated(Opened):
    """Turns images as their Exif data want it, before anything else."""

    def open(self, index):
        return ImageOps.exif_transpose(Image.open(self.paths[index])).convert("RGB")


class Closing(Opened):
    """Opens the file itself, closes it, and asks the image about itself."""

    def open(self, index):
        with self.paths[index].open("rb") as file, Image.open(file) as image:
            assert image.format == "JPEG"
            assert image.mode == "RGB"
            return image.convert("RGB")


class Thumbnails(Opened):
    """Has libjpeg decode to a smaller size, which is Pillow's alone."""

    def open(self, index):
        image = Image.open(self.paths[index])
        image.draft("RGB", (40, 40))
        return image


class InZip(Opened):
    """Files in an archive, opened once in each process."""

    def __init__(self, archive, names, transform, *, as_stream):
        super().__init__(names, transform)
        self.archive, self.as_stream = archive, as_stream
        self.opened = {}

    def open(self, index):
        process = os.getpid()
        if process not in self.opened:
            self.opened = {process: zipfile.ZipFile(self.archive)}
        with self.opened[process].open(self.paths[index]) as file:
            if self.as_stream:
                return Image.open(file).convert("RGB")
            return Image.open(io.BytesIO(file.read())).convert("RGB")

    def __del__(self):
        for archive in self.opened.values():
            archive.close()


class InLmdb(Opened):
    """Files in a database, opened for each of them."""

    def __init__(self, database, count, transform):
        super().__init__(range(count), transform)
        self.database = database

    def open(self, index):
        import lmdb

        with lmdb.open(self.database, readonly=True, lock=False) as database, database.begin(buffers=True) as reading:
            buffer = io.BytesIO()
            buffer.write(reading.get(f"{index:08}".encode()))
        buffer.seek(0)
        return Image.open(buffer).convert("RGB")


class Stream(IterableDataset):
    """Each worker opens its part of the files."""

    def __init__(self, paths):
        self.paths = paths

    def __iter__(self):
        worker = torch.utils.data.get_worker_info()
        for path in self.paths if worker is None else self.paths[worker.id :: worker.num_workers]:
            with Image.open(path) as image:
                yield TRAIN(image.convert("RGB")), path.name


def program_of(dataset, workers, **options):
    """A program that makes a loader over what this function returns."""
    options = {"batch_size": 4, "num_workers": workers, **options}
    return lambda: torch.utils.data.DataLoader(dataset(), **options)


@workers
@pytest.mark.parametrize("kind", [Opened, Siamese, Drawing, Dictionaries, Closing], ids=lambda kind: kind.__name__)
def test_images_in_files(kind, workers, paths):
    assert_program(program_of(lambda: kind(paths, TRAIN), workers, shuffle=True), epochs=2)


@workers
@pytest.mark.parametrize("kind", [MultiCrop, CropsOfCrops], ids=lambda kind: kind.__name__)
def test_several_crops_of_a_image(kind, workers, paths):
    stats = assert_program(program_of(lambda: kind(paths), workers, shuffle=True))
    assert stats.images == stats.samples == len(paths)


@workers
def test_files_that_were_written_just_now(workers, paths):
    for path in paths:
        path.write_bytes(path.read_bytes())
    assert_program(program_of(lambda: Opened(paths, TRAIN), workers, shuffle=True))


@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")  # Pillow's of a file that it cannot load
@workers
def test_the_next_sample_for_a_broken_one(workers, paths):
    for position, kind in ((3, "truncated"), (7, "cut header"), (10, "text")):
        paths[position].write_bytes(damaged(paths[position].read_bytes(), kind))
        age(paths[position])
    program = program_of(lambda: Skipping(paths, TRAIN), workers)
    # Each of the twelve samples is an intact image in the end; two files have a beginning that Pillow takes for a
    # JPEG's, and are counted, as Pillow is the one to fail at them.
    assert_program(program, share=12 / 14)


@workers
def test_gray_and_odd_files(workers, paths):
    paths[0].write_bytes(encode(photo(50, 60), mode="L"))
    paths[1].write_bytes(encode(photo(50, 60), mode="CMYK"))
    paths[2].write_bytes(encode(photo(50, 60), "PNG", mode="RGBA"))
    paths[3].write_bytes(encode(photo(50, 60), progressive=True))
    paths[4].write_bytes(encode(photo(50, 60), "PNG"))
    paths[5].write_bytes(encode(photo(50, 60), "PNG", mode="L"))
    for path in paths[:6]:
        age(path)
    # Two are decoded by Pillow, and go on from there.
    assert_program(program_of(lambda: Opened(paths, TRAIN), workers))


class Imported(Opened):
    """Calls a function that its module imported by name."""

    def __getitem__(self, index):
        return to_tensor(self.open(index).resize((32, 32))), index


@workers
def test_functions_imported_by_name(workers, paths):
    names = globals()
    names["late"] = to_tensor
    assert_program(program_of(lambda: Imported(paths), workers))
    assert to_tensor is names.pop("late") is F.to_tensor
    assert not HOOKED


@workers
def test_images_that_are_turned(workers, paths):
    for path, orientation in zip(paths, (1, 2, 3, 4, 6, 8), strict=False):
        exif = Image.Exif()
        exif[0x0112] = orientation
        path.write_bytes(encode(photo(50, 60), exif=exif))
        age(path)
    assert_program(program_of(lambda: Rotated(paths, TRAIN), workers))


@workers
def test_images_that_are_decoded_smaller(workers, paths):
    assert_program(program_of(lambda: Thumbnails(paths, TRAIN), workers), share=0.0)


@workers
@pytest.mark.parametrize("as_stream", [False, True])
def test_an_archive(as_stream, workers, paths, tmp_path):
    archive = tmp_path / "images.zip"
    names = [path.name for path in paths]
    with zipfile.ZipFile(archive, "w") as file:
        for path in paths:
            file.write(path, path.name)
    assert_program(program_of(lambda: InZip(archive, names, TRAIN, as_stream=as_stream), workers, shuffle=True))


@workers
def test_a_database(workers, paths, tmp_path):
    import lmdb

    database = str(tmp_path / "database")
    with lmdb.open(database, map_size=1 << 24) as opened, opened.begin(write=True) as writing:
        for k, path in enumerate(paths):
            writing.put(f"{k:08}".encode(), path.read_bytes())
    assert_program(program_of(lambda: InLmdb(database, len(paths), TRAIN), workers, shuffle=True))


@pytest.mark.parametrize(
    ("batch_size", "workers", "share"),
    # Without workers a batch ends while the last image's `with` block goes on, so that image is made real.
    [(4, 2, 1.0), (None, 2, 1.0), (4, 0, 0.75), (None, 0, 0.0)],
)
def test_a_stream(batch_size, workers, share, paths):
    assert_program(program_of(lambda: Stream(paths), workers, batch_size=batch_size), share)
