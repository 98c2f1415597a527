"""What `on_error` and `on_error_types` may be, what they are refused with, and what is told of bad samples."""

import copy
import inspect
import io
import logging
import pickle
from pathlib import Path

import pytest
import torch
from rich.console import Console
from support.bad_samples import Files, Refused, Refusing, forced, write_files
from support.both_loaders import age, write_images
from support.compare import assert_same
from torch.utils.data import DataLoader, IterableDataset
from torch.utils.data.distributed import DistributedSampler
from torchvision import transforms as v1
from torchvision.datasets import ImageFolder

import penstock

DRAWING = v1.Compose([v1.RandomCrop(24), v1.ToTensor()])


@pytest.fixture
def folder_of_some(tmp_path):
    """Six images, the second of which is none."""
    paths = write_images(tmp_path / "some", 6)
    paths[1].write_bytes(b"no image")
    age(paths[1])
    return ImageFolder(str(tmp_path / "some"), DRAWING)


def test_they_are_keywords_and_attributes():
    parameters = inspect.signature(penstock.DataLoader).parameters
    for name, default in (("on_error", "raise"), ("on_error_types", ())):
        assert parameters[name].kind is inspect.Parameter.KEYWORD_ONLY
        assert parameters[name].default == default
        assert getattr(penstock.DataLoader([1]), name) == default
    loader = penstock.DataLoader([1], on_error="skip", on_error_types=KeyError)
    for other in (copy.copy(loader), pickle.loads(pickle.dumps(loader))):
        assert (other.on_error, other.on_error_types) == ("skip", KeyError)


@pytest.mark.parametrize("on_error", ["ignore", None, 1, "SKIP"])
def test_other_values_are_refused(on_error):
    with pytest.raises(ValueError, match="on_error should be one of 'raise', 'skip', 'replace', got"):
        penstock.DataLoader([1], on_error=on_error)
    loader = penstock.DataLoader([1])
    loader.on_error = on_error
    with pytest.raises(ValueError, match="on_error should be one of"):
        iter(loader)


@pytest.mark.parametrize("types", [1, "OSError", (OSError, 2), KeyboardInterrupt, [OSError]])
def test_types_are_classes_of_exceptions(types):
    with pytest.raises(TypeError, match="on_error_types should be classes of exceptions"):
        penstock.DataLoader([1], on_error_types=types)


def test_skip_is_refused_where_ranks_are_dealt_samples():
    sampler = DistributedSampler([1, 2], num_replicas=2, rank=0)
    batches = torch.utils.data.BatchSampler(sampler, 1, drop_last=False)
    for options in ({"sampler": sampler}, {"batch_sampler": batches}):
        with pytest.raises(ValueError, match="'skip' with a distributed sampler would give"):
            penstock.DataLoader([1, 2], on_error="skip", **options)
        assert list(penstock.DataLoader([1, 2], on_error="replace", **options)) == [torch.tensor([1])]


class Stream(IterableDataset):
    def __iter__(self):
        return iter([1, 2])


@pytest.mark.parametrize("on_error", ["skip", "replace"])
def test_streams_have_no_indices(on_error):
    with pytest.raises(ValueError, match="samples have indices, which Stream is not"):
        penstock.DataLoader(Stream(), on_error=on_error)
    assert len(list(penstock.DataLoader(Stream(), on_error="raise"))) == 2


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("on_error", ["skip", "replace"])
def test_other_errors_raise(workers, on_error):
    loader = penstock.DataLoader(Refusing(6, {3}), 2, num_workers=workers, on_error=on_error)
    iterator = iter(loader)
    next(iterator)
    with pytest.raises(Refused):
        next(iterator)
    assert next(iterator)[0].tolist() == [4, 5]
    assert penstock.stats(loader).bad == ()


@pytest.mark.parametrize("way", ["lowered", "recorded", "torch"])
def test_raise_is_as_it_was(tmp_path, way):
    write_files(tmp_path / "images", 4, {2: "text"})
    with forced(way):
        loader = penstock.DataLoader(ImageFolder(tmp_path / "images", DRAWING), 2)
        iterator = iter(loader)
        assert "olerant" not in type(iterator).__name__
        next(iterator)
        with pytest.raises(OSError, match="cannot identify"):
            next(iterator)
    assert penstock.stats(loader).bad == ()


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize(("on_error", "done"), [("skip", "left out"), ("replace", "replaced by the next")])
def test_one_line_at_the_end_of_an_epoch(tmp_path, caplog, monkeypatch, workers, on_error, done):
    paths = write_files(tmp_path / "images", 30, dict.fromkeys(range(1, 28, 4), "text"))
    monkeypatch.setenv("RANK", "3")
    loader = penstock.DataLoader(Files(paths, DRAWING), 4, num_workers=workers, on_error=on_error)
    for epoch in range(2):
        caplog.clear()
        with caplog.at_level(logging.WARNING, "penstock"):
            for _ in loader:
                assert not caplog.records
        assert len(caplog.records) == 1, epoch
        line = caplog.records[0].getMessage()
        assert line.startswith(f"rank 3: 7 bad samples in this epoch, {done}: index 1, {paths[1]}: UnidentifiedImage")
        assert line.endswith("and 2 more, in stats(loader).bad")
    bad = penstock.stats(loader).bad
    assert [sample.index for sample in sorted(bad, key=lambda sample: sample.index)] == [*range(1, 28, 4)]
    assert str(bad[0]) in str(penstock.stats(loader))


def test_no_line_where_nothing_is_bad(tmp_path, caplog):
    write_files(tmp_path / "images", 3, {})
    loader = penstock.DataLoader(ImageFolder(tmp_path / "images", DRAWING), on_error="skip")
    with caplog.at_level(logging.WARNING, "penstock"):
        assert len(list(loader)) == 3
    assert not caplog.records


def test_images_are_still_made_natively(tmp_path):
    write_files(tmp_path / "images", 12, {5: "text"})
    folder = ImageFolder(tmp_path / "images", DRAWING)
    for way in ("lowered", "recorded"):
        with forced(way):
            loader = penstock.DataLoader(folder, 4, num_workers=2, on_error="skip")
            list(loader)
        stats = penstock.stats(loader)
        assert (stats.way, stats.samples) == (way, 11)
        assert stats.decoded == 11
        assert stats.native_share >= 11 / 12


def test_reasons_are_shown_as_they_are(tmp_path):
    paths = write_files(tmp_path / "images", 3, {1: "missing"})
    Path(paths[1]).unlink()
    loader = penstock.DataLoader(Files(paths, DRAWING), on_error="skip")
    assert len(list(loader)) == 2
    console = Console(width=300, file=io.StringIO())
    stats = penstock.stats(loader)
    console.print(stats)
    assert "FileNotFoundError: [Errno 2]" in console.file.getvalue()
    assert "[Errno 2]" in stats._repr_html_()


def test_torchs_class_has_no_such_option():
    with pytest.raises(TypeError):
        DataLoader([1], on_error="skip")


class Unreadable:
    """Indices of a sampler's that cannot be read."""

    def __iter__(self):
        raise OSError("no indices")


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("way", ["lowered", "recorded", "torch"])
def test_indices_that_cannot_be_read_are_no_samples(tmp_path, way, workers):
    write_files(tmp_path / "images", 4, {})
    folder = ImageFolder(tmp_path / "images", DRAWING)
    with forced(way):
        loader = penstock.DataLoader(
            folder, batch_sampler=[[0, 1], Unreadable(), [2]], num_workers=workers, on_error="replace"
        )
        iterator = iter(loader)
        next(iterator)
        with pytest.raises(OSError, match="no indices"):
            next(iterator)
        assert len(next(iterator)[0]) == 1
    assert penstock.stats(loader).bad == ()


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("way", ["lowered", "recorded", "torch"])
def test_no_state_tells_where_it_is(way, workers, folder_of_some):
    with forced(way):
        loader = penstock.DataLoader(folder_of_some, 2, num_workers=workers, on_error="replace")
        iterator = iter(loader)
        next(iterator)
        with pytest.raises(ValueError, match="no state says which samples were bad"):
            loader.load_state_dict(loader.state_dict())
        plain = penstock.DataLoader(folder_of_some, 2, num_workers=workers)
        next(iter(plain))
        loader.load_state_dict(plain.state_dict())
        with pytest.raises(RuntimeError, match="nothing can go on from the state"):
            iter(loader)


@pytest.mark.parametrize("way", ["lowered", "recorded", "torch"])
def test_batches_are_delivered(way, folder_of_some):
    options = {"batch_size": 2, "num_workers": 2, "on_error": "replace"}
    with forced(way):
        torch.manual_seed(3)
        expected = [images.double() for images, _ in penstock.DataLoader(folder_of_some, **options)]
        torch.manual_seed(3)
        loader = penstock.DataLoader(folder_of_some, device="cpu", dtype=torch.float64, **options)
        assert_same([images for images, _ in loader], expected)


@pytest.mark.parametrize(("on_error", "becomes"), [("skip", "is left out"), ("replace", "is replaced by the next")])
def test_explain_says_what_becomes_of_a_bad_sample(on_error, becomes):
    report = penstock.explain(penstock.DataLoader([1, 2], on_error=on_error, on_error_types=KeyError))
    assert f"OSError, DecompressionBombError, KeyError {becomes}" in report.bad
    assert f"of bad samples, {report.bad}" in str(report)
    plain = penstock.explain(penstock.DataLoader([1, 2]))
    assert plain.bad == ""
    assert "bad samples" not in str(plain)
