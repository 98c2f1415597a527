"""Copies beside a computation, on a fake device that does everything as late, or as early, as it may."""

import gc

import pytest
import torch
from support.compare import assert_same
from support.delivered import delivered, made, torchs
from support.fake_cuda import FakeCuda, Gpu, Stream, poison, tensors_of

import penstock
from penstock.delivery import deliver, streams
from penstock.delivery.form import Form

WORKERS = pytest.mark.parametrize("workers", [0, 2])


@WORKERS
def test_a_device_reads_torchs_batches(gpu, dataset, workers):
    read, loader = delivered(gpu, dataset, 2, num_workers=workers)
    assert_same(read, torchs(dataset, 2, num_workers=workers))
    assert penstock.stats(loader).way == dataset.way


def test_with_persistent_workers(gpu, dataset):
    options = {"num_workers": 2, "persistent_workers": True}
    read, loader = delivered(gpu, dataset, 3, **options)
    assert_same(read, torchs(dataset, 3, **options))
    assert iter(loader) is iter(loader)


def _without_waiting(monkeypatch):
    monkeypatch.setattr(Stream, "wait_event", lambda self, event: None)


def _without_recording(monkeypatch):
    monkeypatch.setattr(FakeCuda, "record", lambda self, copy, stream: None)


def _without_holding(monkeypatch):
    depart = streams.Ferry.depart
    monkeypatch.setattr(streams.Ferry, "depart", lambda self, flight: (depart(self, flight), self._held.clear()))


@pytest.mark.parametrize("leave_out", [_without_waiting, _without_recording, _without_holding])
@WORKERS
def test_each_precaution_is_needed(gpu, monkeypatch, leave_out, workers):
    """The fake finds what is missing; a test that it passes all the same would prove nothing."""
    dataset = made("lowered")
    leave_out(monkeypatch)
    read, _ = delivered(gpu, dataset, num_workers=workers)
    with pytest.raises(AssertionError, match="elements differ"):
        assert_same(read, torchs(dataset, num_workers=workers))


def test_a_batch_that_is_kept_is_never_overwritten(gpu, dataset):
    torch.manual_seed(3)
    loader = penstock.DataLoader(dataset, 4, shuffle=True, num_workers=2, device="cuda")
    kept = [tensors_of(batch) for batch in loader]
    gpu.current.synchronize()
    assert_same([kept], torchs(dataset, num_workers=2))
    for tensor in kept[0]:
        poison(tensor)
    assert_same([kept[1:]], [torchs(dataset, num_workers=2)[0][1:]])


@WORKERS
def test_who_reads_on_a_stream_of_his_own_by_the_next_call(gpu, workers):
    """As timm's PrefetchLoader does, which lets go of what it was given before the loader's stream waits for it."""
    dataset, own, read = made("lowered"), Stream(), []
    torch.manual_seed(3)
    for batch in penstock.DataLoader(dataset, 4, shuffle=True, num_workers=workers, device="cuda"):
        own.wait_stream(gpu.current)
        given, gpu.current = gpu.current, own
        read.append(gpu.read(batch))
        gpu.current = given
        del batch
        gc.collect()
        gpu.current.wait_stream(own)
    gpu.current.synchronize()
    assert_same([read], torchs(dataset, num_workers=workers))


@WORKERS
def test_an_iterator_that_is_dropped_waits_for_its_copies(gpu, workers):
    iterator = iter(penstock.DataLoader(made("lowered"), 4, num_workers=workers, device="cuda"))
    next(iterator)
    del iterator
    gc.collect()
    assert gpu.side.done == len(gpu.side.queued)


def test_what_is_under_way_is_copied_ahead(gpu):
    def copied(workers):
        before = gpu.copied_bytes
        iterator = iter(penstock.DataLoader(made("lowered"), 4, num_workers=workers, device="cuda"))
        images, targets = next(iterator)
        wait_for_threads(iterator)
        images, targets = next(iterator)
        return gpu.copied_bytes - before, images.nbytes, targets.nbytes

    def wait_for_threads(iterator):
        for prepared in iterator._pending if iterator._num_workers else ():
            prepared.wait(None)

    whole, images, targets = copied(0)
    assert whole == 2 * (images + targets)
    whole, images, targets = copied(2)
    assert whole in (3 * images + 2 * targets, 4 * images + 2 * targets)


def test_a_ferry_lets_go_of_what_was_copied(gpu):
    ferry = streams.Ferry(gpu.cuda(torch.device("cuda")))
    for _ in range(3):
        flight = ferry.flight()
        flight.add((torch.rand(3), lambda copy: copy))
        ferry.depart(flight)
        ferry.receive(flight, flight.copies)
    assert len(ferry._held) == 3
    gpu.current.synchronize()
    ferry.flight()
    assert len(ferry._held) == 0


def test_what_was_queued_before_an_exception_is_held(gpu, monkeypatch):
    delivery = deliver.Delivery("cuda", Form(None, None, False, "cuda"))
    copy, copies = FakeCuda.copy, []

    def failing(cuda, cargo):
        if copies:
            raise MemoryError("none left")
        copies.append(copy(cuda, cargo))
        return copies[0]

    monkeypatch.setattr(FakeCuda, "copy", failing)
    with pytest.raises(MemoryError):
        delivery.deliver([torch.ones(3), torch.ones(3)])
    gpu.side.synchronize()
    assert copies[0].tolist() == [1, 1, 1]


def test_the_fake_is_unkind():
    gpu = Gpu()
    cuda = gpu.cuda(None)
    source = torch.ones(2)
    copy = cuda.copy((source, lambda tensor: tensor))
    assert copy.isnan().all(), "nothing is done before somebody waits"
    del source
    gpu.side.synchronize()
    assert copy.isnan().all(), "the source belongs to somebody else"
    source = torch.ones(2)
    memory = (copy := cuda.copy((source, lambda tensor: tensor))).detach()
    del copy
    assert memory.isnan().all(), "the copy does, too"
