"""What goes wrong in the middle: the error is torch's, and so is everything after it."""

import pytest
import torch
from stress_support import Own, TorchLoader, cifar, loader
from torchvision import transforms

import penstock


class NeedsTwo(Exception):
    """Cannot be made from a message alone, so torch turns it into a RuntimeError."""

    def __init__(self, first, second):
        super().__init__(first, second)


FAILURES = {
    "KeyError": KeyError("missing"),
    "FileNotFoundError": FileNotFoundError(2, "No such file", "x.png"),
    "IndexError": IndexError("beyond"),
    "own": NeedsTwo(1, 2),
    "lines": ValueError("two\nlines"),
    "empty": ValueError(),
}


def _history(made, seed=1):
    """All that an epoch gives, batches and errors, and where it leaves the global generator."""
    torch.manual_seed(seed)
    iterator, history = iter(made), []
    while True:
        try:
            history.append([tensor.clone() for tensor in next(iterator)])
        except StopIteration:
            break
        except Exception as error:
            history.append((type(error), str(error).rstrip().rpartition("\n")[2]))
        assert len(history) < 1000, "no end"
    return history, torch.get_rng_state()


def _assert_same(ours, theirs):
    (history, state), (expected, expected_state) = ours, theirs
    assert len(history) == len(expected)
    for ours_now, theirs_now in zip(history, expected, strict=True):
        if isinstance(theirs_now, tuple):
            assert ours_now == theirs_now
        else:
            assert all(torch.equal(a, b) for a, b in zip(ours_now, theirs_now, strict=True))
    assert torch.equal(state, expected_state)


@pytest.mark.parametrize("name", FAILURES)
@pytest.mark.parametrize("options", [{"num_workers": 0}, {"num_workers": 2}], ids=["0", "2"])
def test_errors_of_the_data_set(name, options):
    """In one batch early in it, in another late, in a third twice."""
    data = Own(96, dict.fromkeys((17, 42, 70, 75), FAILURES[name]))
    options |= {"batch_size": 8}
    _assert_same(*(_history(loader(data, cls=cls, **options)) for cls in (penstock.DataLoader, TorchLoader)))


def test_errors_with_persistent_workers():
    histories = []
    for cls in (penstock.DataLoader, TorchLoader):
        made = loader(Own(64, {5: KeyError("x"), 50: OSError("y")}), cls=cls, batch_size=8, persistent_workers=True)
        histories.append([_history(made, seed) for seed in (1, 2, 3)])
        del made
    for ours, theirs in zip(*histories, strict=True):
        _assert_same(ours, theirs)


@pytest.mark.parametrize("workers", [0, 2])
def test_images_that_are_too_small_for_the_crop(workers):
    """An error of a transform: torch stops drawing there."""
    data = Own(64)
    data.transform = transforms.Compose(
        [transforms.RandomCrop(32, padding=1), transforms.RandomHorizontalFlip(), transforms.ToTensor()]
    )
    images = list(data.inner.data)
    images[20] = images[20][:8]
    data.inner.data = images
    options = {"batch_size": 8, "num_workers": workers}
    _assert_same(*(_history(loader(data, cls=cls, **options)) for cls in (penstock.DataLoader, TorchLoader)))


@pytest.mark.parametrize("workers", [0, 2])
def test_errors_of_the_sampler(workers):
    class Broken(torch.utils.data.Sampler):
        def __iter__(self):
            yield from range(40)
            raise RuntimeError("no more")

        def __len__(self):
            return 64

    options = {"sampler": Broken(), "shuffle": None, "num_workers": workers, "batch_size": 4, "dataset": cifar(64)}
    _assert_same(*(_history(loader(cls=cls, **options)) for cls in (penstock.DataLoader, TorchLoader)))


@pytest.mark.parametrize("index", [1000, -1000, "three", None, 1.5, (1, 2)])
@pytest.mark.parametrize("workers", [0, 2])
def test_indices_that_are_none(index, workers):
    order = [0, 1, 2, 3, 4, index, 5, 6, 7, 8, 9, 10]
    options = {"sampler": order, "shuffle": None, "num_workers": workers, "batch_size": 2, "dataset": cifar(64)}
    _assert_same(*(_history(loader(cls=cls, **options)) for cls in (penstock.DataLoader, TorchLoader)))


def test_the_note_names_the_sample():
    with pytest.raises(KeyError) as caught:
        list(loader(Own(32, {9: KeyError("x")}), shuffle=False, batch_size=4, num_workers=2))
    assert caught.value.__notes__ == ["penstock: sample 9, position 1 of its batch"]
    assert str(caught.value).startswith("Caught KeyError in DataLoader worker process 0.\nOriginal Traceback (most")
