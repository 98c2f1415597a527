"""Too many bad samples raise all the same, at the same sample on each way, and the loader goes on after that."""

import pytest
import torch
from support.bad_samples import WAYS, Refused, Refusing, forced, outcomes, write_files
from support.compare import assert_same
from torch.utils.data import Subset
from torchvision import transforms as v1
from torchvision.datasets import ImageFolder

import penstock
from penstock.tolerance.policy import Tally

DRAWING = v1.Compose([v1.RandomCrop(24), v1.ToTensor()])


def folder_of(root, count, bad):
    write_files(root / "images", count, bad)
    return ImageFolder(root / "images", DRAWING)


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("on_error", ["replace", "skip"])
def test_ten_in_a_row(tmp_path, on_error, workers):
    # Some show their damage only when their pixels are made.
    bad = {k: ("truncated", "text")[k % 2] for k in range(9, 30 if workers else 19)}
    folder = folder_of(tmp_path, 40, bad)
    seen = []
    for way in WAYS:
        with forced(way):
            loader = penstock.DataLoader(folder, 3, num_workers=workers, on_error=on_error)
            found = outcomes(loader)
            seen.append([found, penstock.stats(loader).bad])
        raised = [each for each in found if isinstance(each, tuple) and isinstance(each[0], type)]
        assert raised
        assert all(issubclass(kind, OSError) for kind, _ in raised)
        assert "samples were all bad" in raised[0][1]
        assert len([each for each in found if isinstance(each, list)]) > 5, "it goes on behind"
    assert_same(seen[0][0], seen[2][0], "lowered")
    assert_same(seen[1][0], seen[2][0], "recorded")
    assert seen[0][1] == seen[1][1] == seen[2][1]


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("on_error", ["replace", "skip"])
def test_more_than_one_in_a_hundred(tmp_path, on_error, workers):
    folder = folder_of(tmp_path, 8, {1: "truncated", 4: "text"})
    # Read again and again, as nobody wants to wait for hundreds of files to be written.
    dataset = Subset(folder, [*range(8)] * 12)
    seen = []
    for way in WAYS:
        with forced(way):
            loader = penstock.DataLoader(dataset, 7, num_workers=workers, on_error=on_error)
            seen.append(outcomes(loader))
        text = [each[1] for each in seen[-1] if isinstance(each, tuple) and isinstance(each[0], type)]
        assert text[0].endswith("more than one in 100")
    assert_same(seen[0], seen[2], "lowered")
    assert_same(seen[1], seen[2], "recorded")


def test_an_exception_of_the_data_set_is_the_one_that_is_raised():
    loader = penstock.DataLoader(Refusing(30, {*range(15)}), on_error="replace", on_error_types=Refused)
    with pytest.raises(Refused, match="number 9 is bad") as raised:
        next(iter(loader))
    assert raised.value.__notes__ == ["penstock: on_error= stops here: the last 10 samples were all bad"]


def test_replacement_goes_on_at_the_beginning():
    loader = penstock.DataLoader(Refusing(6, {4, 5}), batch_size=6, on_error="replace", on_error_types=(Refused,))
    indices, _ = next(iter(loader))
    assert indices.tolist() == [0, 1, 2, 3, 0, 0]


class Named(Refusing):
    def __getitem__(self, index):
        return super().__getitem__(int(index))


@pytest.mark.parametrize("workers", [0, 1])
def test_an_index_that_is_no_number_has_no_next_one(workers):
    for on_error in ("replace", "skip"):
        options = {"sampler": ["0", "1", "2"], "on_error": on_error, "on_error_types": Refused}
        loader = penstock.DataLoader(Named(3, {1}), num_workers=workers, **options)
        found = outcomes(loader)[:-3]
        if on_error == "skip":
            assert [batch[0].tolist() for batch in found[:-1]] == [[0], [2]]
        else:
            assert found[1] == (Refused, "on_error='replace' does not know which index follows '1'")
        assert [bad.index for bad in penstock.stats(loader).bad] == ["1"]


class InBulk(Refusing):
    def __getitems__(self, indices):
        if any(index in self.bad for index in indices):
            raise Refused("one of them is bad")
        return torch.tensor(indices)


def test_batches_that_are_no_lists_are_said_not_to_be_taken_apart():
    loader = penstock.DataLoader(InBulk(6, {4}), 3, collate_fn=list, on_error="skip", on_error_types=Refused)
    iterator = iter(loader)
    assert next(iterator) == [0, 1, 2]
    with pytest.raises(TypeError, match="it should return a list of samples"):
        next(iterator)


def test_a_share_counts_once_there_are_ten():
    tally = Tally()
    for _ in range(9):
        assert tally.failed() is None
        tally.loaded()
    assert "10 of 19 samples were bad" in tally.failed()
    tally.loaded(990)
    assert tally.failed() is not None, "11 of 1010"
    tally.loaded(200)
    assert tally.failed() is None, "12 of 1211"


def test_in_a_row_is_from_one_batch_to_the_next():
    tally = Tally()
    tally.loaded(10_000)
    assert [tally.failed() for _ in range(9)] == [None] * 9
    assert "the last 10 samples were all bad" in tally.failed()
    tally.loaded(0)
    assert "the last 11" in tally.failed()
    tally.loaded()
    assert tally.failed() is None
