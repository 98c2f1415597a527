"""Workers use the memory of their batches again, and none that anybody has a batch in."""

import multiprocessing
import os
from multiprocessing.reduction import ForkingPickler

import hypothesis.strategies as st
import numpy as np
import pytest
import torch
from hypothesis import given
from support.cases import cases
from support.compare import assert_same
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.data import DataLoader, Dataset, default_collate

import penstock
from penstock.recording import lent
from penstock.recording.storages import send_small_tensors

DTYPES = (torch.uint8, torch.float32, torch.float64, torch.int64, torch.bool, torch.float16, torch.complex64)


class Numbers(Dataset):
    """Tensors and arrays of one shape, that differ from sample to sample and from epoch to epoch."""

    def __init__(self, count, shape, dtype=torch.float32, kind="pair"):
        self.count, self.shape, self.dtype, self.kind = count, shape, dtype, kind

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        shape = (self.shape[0] + index // 7 * 10, *self.shape[1:]) if self.kind == "growing" else self.shape
        tensor = (torch.rand(shape) * 100 + index).to(self.dtype)
        if self.kind == "dict":
            return {"one": tensor, "two": tensor.flatten()[:5].numpy(), "name": str(index), "index": index}
        return tensor, index


def keeping(batch):
    """Keep each batch in the worker, and send every second one twice, as one that was made before."""
    made = default_collate(batch)
    kept = keeping.__dict__.setdefault("kept", [])
    kept.append(made)
    return kept[len(kept) // 2]


def views(batch):
    """Return several tensors on the memory of one."""
    made, index = default_collate(batch)
    return made, made[1:], made.numpy()[::2], made.flatten().view(torch.uint8), index


def copied(data):
    """Return a batch on memory of its own."""
    if isinstance(data, torch.Tensor):
        return data.clone()
    if isinstance(data, np.ndarray):
        return data.copy()
    if isinstance(data, dict):
        return {name: copied(each) for name, each in data.items()}
    return [copied(each) for each in data] if isinstance(data, (list, tuple)) else data


def first_of(data):
    """Return a batch's first tensor."""
    while not isinstance(data, torch.Tensor):
        data = next(iter(data.values())) if isinstance(data, dict) else data[0]
    return data


def walked(cls, make, epochs, holds):
    """Return copies of all batches, and where in memory they were.

    Args:
        cls: torch's class, or ours.
        make: Returns a data set and options.
        epochs: How many.
        holds: For each batch, in turns, how many batches longer it is held, in which way; it is compared when it goes.
    """
    torch.manual_seed(5)
    dataset, options = make()
    loader, found, places, held = cls(dataset, **options), [], [], []
    for _ in range(epochs):
        for number, data in enumerate(loader):
            found.append(copied(data))
            places.append(first_of(data).data_ptr())
            longer, way = holds[number % len(holds)]
            held.append((len(found) + longer, way(data), copied(way(data))))
            for each in [each for each in held if each[0] <= len(found)]:
                assert_same(copied(each[1]), each[2])
                held.remove(each)
            each = None
            del data
    for _, seen, copy in held:
        assert_same(copied(seen), copy)
    return found, places


# What may be left of a batch that is held: all of it, a view, an array's view, a part of the storage's memory.
WAYS = (
    lambda data: data,
    lambda data: first_of(data)[-1],
    lambda data: first_of(data).numpy()[:1],
    lambda data: torch.tensor((), dtype=torch.uint8).set_(first_of(data).untyped_storage()),
    lambda data: np.asarray(memoryview(first_of(data).flatten().numpy())),
)


@given(
    holds=st.lists(st.tuples(st.integers(0, 12), st.sampled_from(WAYS)), min_size=1, max_size=7),
    kind=st.sampled_from(("pair", "dict", "growing")),
    dtype=st.sampled_from(DTYPES),
    size=st.integers(1, 3),
    workers=st.sampled_from((1, 2)),
    persistent=st.booleans(),
    collate=st.sampled_from((None, None, keeping, views)),
)
@cases(6)
def test_batches_that_are_held_do_not_change(holds, kind, dtype, size, workers, persistent, collate):
    if kind == "dict" or (kind == "growing" and size > 1):
        collate, size = None, 1

    def make():
        options = {"batch_size": size, "num_workers": workers, "persistent_workers": persistent, "collate_fn": collate}
        return Numbers(24, (40, 30), dtype, kind), options

    ours, _ = walked(penstock.DataLoader, make, 2, holds)
    theirs, _ = walked(DataLoader, make, 2, holds)
    assert_same(ours, theirs)


def test_memory_is_used_again_once_a_batch_has_gone():
    def make():
        return Numbers(40, (64, 64)), {"batch_size": 2, "num_workers": 1}

    _, places = walked(penstock.DataLoader, make, 1, [(0, lambda data: None)])
    assert len(set(places[1:])) <= 6
    _, places = walked(penstock.DataLoader, make, 1, [(40, lambda data: data)])
    assert len(set(places)) == len(places)


def test_where_there_is_little_shared_memory_it_is_torchs(monkeypatch):
    monkeypatch.setattr(lent, "_has_room", lambda nbytes: False)

    def make():
        return Numbers(10, (64, 64)), {"batch_size": 2, "num_workers": 1}

    ours, _ = walked(penstock.DataLoader, make, 1, [(0, WAYS[0])])
    theirs, _ = walked(DataLoader, make, 1, [(0, WAYS[0])])
    assert_same(ours, theirs)


@pytest.mark.slow
@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_workers_that_are_not_forked_lend_too(method):
    def make():
        context = multiprocessing.get_context(method)
        return Numbers(20, (64, 64)), {"batch_size": 2, "num_workers": 2, "multiprocessing_context": context}

    ours, places = walked(penstock.DataLoader, make, 1, [(0, lambda data: None)])
    theirs, _ = walked(DataLoader, make, 1, [(0, lambda data: None)])
    assert_same(ours, theirs)
    assert len(set(places)) < len(places)


def test_what_a_child_of_a_fork_sees_is_not_written_to():
    torch.manual_seed(1)
    loader = penstock.DataLoader(Numbers(60, (64, 64)), 2, num_workers=1)
    batches = iter(loader)
    data, _ = next(batches)
    copy = data.clone()
    asks, answers = os.pipe(), os.pipe()
    if not (child := os.fork()):
        os.read(asks[0], 1)
        os.write(answers[1], b"1" if torch.equal(data, copy) else b"0")
        os._exit(0)
    del data
    places = [other.data_ptr() for other, _ in batches]
    os.write(asks[1], b"?")
    answer = os.read(answers[0], 1)
    os.waitpid(child, 0)
    for end in (*asks, *answers):
        os.close(end)
    assert answer == b"1"
    assert len(set(places)) < len(places)


class Worker:
    """A worker and the process that iterates, both in this one.

    What is said to be sent is pickled, and unpickled at once or later.
    """

    def __init__(self):
        self.lent = lent.Lent(1)
        lent.begin(self.lent.ends, 0)

    def take(self, nbytes, value=0):
        storage = lent.take(nbytes)
        return None if storage is None else torch.tensor((), dtype=torch.uint8).set_(storage).fill_(value)

    def send(self, data):
        return bytes(ForkingPickler.dumps(lent.Sending(data, {})))

    def receive(self, message):
        return ForkingPickler.loads(message).data

    def place(self, nbytes):
        """Return where the next tensor would be."""
        self.lent.give_back()
        return self.take(nbytes).data_ptr()


@pytest.fixture
def worker():
    reducer = ForkingPickler._extra_reducers.get(torch.UntypedStorage)
    send_small_tensors()
    yield Worker()
    lent.begin(None, 0)
    ForkingPickler.register(torch.UntypedStorage, reducer)


def test_a_piece_is_free_when_both_sides_have_let_go(worker):
    made = worker.take(1000, 7)
    place = made.data_ptr()
    assert worker.place(1000) != place
    message = worker.send(made)
    assert worker.place(1000) != place
    made = None
    assert worker.place(1000) != place
    arrived = worker.receive(message)
    assert arrived.tolist() == [7] * 1000
    assert worker.place(1000) != place
    part = arrived[5:6]
    arrived = None
    assert worker.place(1000) != place
    part = None
    assert worker.place(1000) == place
    assert part is None


def test_a_piece_that_is_sent_twice_is_free_when_both_have_gone(worker):
    made = worker.take(1000)
    place = made.data_ptr()
    first = worker.receive(worker.send(made))
    message = worker.send(made)
    made = first = None
    assert worker.place(1000) != place
    second = worker.receive(message)
    again = second.view(torch.uint8)
    assert worker.place(1000) != place
    second = None
    assert worker.place(1000) != place
    again = None
    assert worker.place(1000) == place
    assert made is first is second is again is None


@pytest.mark.parametrize("mode", [FakeTensorMode, TorchDispatchMode, TorchFunctionMode])
def test_modes_of_the_users_are_not_asked(worker, mode):
    message = worker.send(worker.take(1000, 9).untyped_storage())
    with mode():
        arrived = worker.receive(message)
    assert torch.tensor((), dtype=torch.uint8).set_(arrived).tolist() == [9] * 1000


def test_what_is_sent_to_others_is_a_copy(worker):
    made = worker.take(1 << 16, 3)
    place = made.data_ptr()
    other = ForkingPickler.loads(ForkingPickler.dumps(made))
    assert other.is_shared()
    made.fill_(4)
    # As torch has it, the two share memory: it is another one now.
    assert made.data_ptr() != place
    assert other.tolist() == made.tolist()


def test_pieces_fit_or_are_left(worker):
    small = worker.take(1 << 16)
    place = small.data_ptr()
    worker.receive(worker.send(small))
    small = None
    assert worker.place(1 << 20) != place
    assert worker.place(3 << 14) == place
    assert worker.place((1 << 16) + 1) != place
    assert worker.take(0) is None
    assert small is None


def test_pieces_are_not_kept_for_ever(worker):
    small = worker.take(1 << 12)
    worker.receive(worker.send(small))
    small = None
    worker.lent.give_back()
    for _ in range(2 * lent._UNUSED):
        large = worker.take(1 << 16)
        worker.receive(worker.send(large))
        large = None
        worker.lent.give_back()
    assert len(worker.lent._known) == len(lent._own._pieces) == 1
    held = [worker.take(1 << 10) for _ in range(2 * lent._MOST)]
    assert sum(each is not None for each in held) == lent._MOST
    assert small is large is None


def test_a_fork_takes_what_is_in_use_away(worker):
    sent, kept = worker.take(1000, 1), worker.take(1000, 2)
    before = [*lent._own._pieces]
    arrived = worker.receive(worker.send(sent))
    sent = None
    if not (child := os.fork()):
        os._exit(0)
    os.waitpid(child, 0)
    arrived = kept = None
    worker.lent.give_back()
    made = [worker.take(1000) for _ in range(2)]
    assert len(before) == len(made)
    assert not lent._own._pieces.keys() & set(before)
    assert sent is arrived is kept is None
