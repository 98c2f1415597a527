"""A process that forks while loader threads are alive, as torch's worker processes and many launchers do."""

import os

import pytest
from support.systems import keeps_from_children

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")


def test_a_child_iterates_natively_while_its_parent_goes_on(passes):
    passes(
        """
        expected = {workers: epoch(loader(cls=TorchLoader, num_workers=workers), seed=1) for workers in (0, 2)}

        def child():
            for workers in (2, 0):
                assert equal(epoch(loader(num_workers=workers), seed=1), expected[workers])
            assert threads_of_ours()
            assert reap(fork(grandchild)) == 0

        def grandchild():
            assert equal(epoch(loader(), seed=1), expected[2])

        torch.manual_seed(1)
        batches = []
        for batch in loader():
            batches.append(batch)
            if len(batches) % 4 == 1:
                assert reap(fork(child)) == 0
        assert equal(batches, expected[2])
        """
    )


def test_children_made_while_other_threads_submit_never_hang(passes):
    """A lock that another thread of the parent holds at the moment of the fork stays locked in the child."""
    passes(
        """
        import threading

        stop = threading.Event()

        def load():
            # Of its own generator: torch holds a lock, without the GIL, while it draws from the global one.
            made = loader(cifar(3), batch_size=1, generator=torch.Generator())
            while not stop.is_set():
                epoch(made)

        def child():
            assert len(epoch(loader(cifar(8), batch_size=2))) == 4

        epoch(loader())  # whatever is imported late is imported now: Python's import locks stay locked, too
        busy = [threading.Thread(target=load) for _ in range(3)]
        for thread in busy:
            thread.start()
        try:
            for _ in range(100):
                assert reap(fork(child)) == 0
        finally:
            stop.set()
        """
    )


def test_an_inherited_iterator_says_what_it_is_and_goes_quietly(passes):
    passes(
        """
        expected = epoch(loader(cls=TorchLoader), seed=1)
        torch.manual_seed(1)
        iterator = iter(loader())
        first = next(iterator)

        def child():
            for _ in range(2):
                try:
                    next(iterator)
                except RuntimeError as error:
                    assert "parent process" in str(error) and "after fork" in str(error), error
                else:
                    raise AssertionError("an iterator without threads gave a batch")

        assert reap(fork(child)) == 0
        assert equal([first, *iterator], expected)
        """
    )


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("last_words", ["del iterator", "del made, iterator, batch; import gc; gc.collect()", "pass"])
def test_a_child_that_ends_with_an_inherited_iterator_ends_well(passes, workers, last_words):
    """The child runs through all of Python's finalisation, with and without the parent's pending batches."""
    out = passes(
        f"""
        # From version 3.12 on Python warns of any fork beside threads.
        import warnings

        warnings.filterwarnings("ignore", ".*multi-threaded", DeprecationWarning)
        made = loader(num_workers={workers}, persistent_workers={workers > 0})
        iterator = iter(made)
        batch = next(iterator)
        if pid := os.fork():
            status = reap(pid)
            print(status, len(list(iterator)))
        else:
            {last_words}
        """
    )
    assert out == "0 15\n"


def test_a_child_goes_on_with_what_needs_no_thread_of_its_parent(passes):
    """Without workers nothing is prepared ahead, and a persistent iterator begins anew: torch's can do the first."""
    passes(
        """
        expected = epoch(loader(num_workers=0, cls=TorchLoader), seed=1)
        persistent = loader(persistent_workers=True)
        old = iter(persistent)
        next(old)
        torch.manual_seed(1)
        iterator = iter(loader(num_workers=0))
        first = next(iterator)

        def child():
            assert equal([first, *iterator], expected)
            assert iter(persistent) is old
            assert len(epoch(persistent)) == 16

        assert reap(fork(child)) == 0
        child()
        """
    )


def test_torch_workers_are_forked_while_our_threads_work(passes):
    """A loader that falls back, in the same process; its workers use a native loader themselves."""
    passes(
        """
        import logging

        class Nested(Opaque):
            def __getitem__(self, index):
                return len(epoch(loader(cifar(32), batch_size=8))), index

        logging.getLogger("penstock").setLevel(logging.ERROR)
        expected = epoch(loader(cls=TorchLoader), seed=1)
        torch.manual_seed(1)
        batches = []
        for batch in loader():
            batches.append(batch)
            if len(batches) % 3 == 0:
                made = loader(Opaque(32), multiprocessing_context="fork", shuffle=False)
                indices = torch.cat([index for _, index in made])
                assert indices.tolist() == list(range(32))
        nested = loader(Nested(4), batch_size=2, multiprocessing_context="fork", shuffle=False)
        assert [batch[0].tolist() for batch in nested] == [[4, 4], [4, 4]]
        assert equal(batches, expected)
        """
    )


def test_a_forked_pool_shares_a_loader(passes):
    passes(
        """
        import multiprocessing

        expected = epoch(loader(), seed=1)
        iterator = iter(loader())
        next(iterator)
        with multiprocessing.get_context("fork").Pool(2) as pool:
            results = pool.map(digest_of_an_epoch, [loader() for _ in range(4)])
        assert set(results) == {digest(expected)}
        assert len(list(iterator)) == 15
        """
    )


def test_large_batches_are_whole_on_both_sides(passes):
    """What is held is the child's too; what lies idle is not, and may be used by both."""
    passes(
        """
        def made(cls=penstock.DataLoader):  # of 6 MiB each
            return loader(cifar(2048), cls, batch_size=512)

        expected = epoch(made(TorchLoader), seed=1)
        held = epoch(made(), seed=1)
        del held[::2]  # idle from now on
        told, tell = os.pipe()

        def child():
            assert equal(held, expected[1::2])
            assert os.read(told, 1) == b"x"
            assert equal(epoch(made(), seed=1), expected)
            held.clear()
            assert equal(epoch(made(), seed=1), expected)

        pid = fork(child)
        assert equal(epoch(made(), seed=1), expected)
        os.write(tell, b"x")
        assert equal(epoch(made(), seed=1), expected)
        assert equal(held, expected[1::2])
        assert reap(pid) == 0
        """
    )


@keeps_from_children
def test_idle_memory_is_not_copied_for_a_child(passes):
    passes(
        """
        import resource

        from penstock import _native

        def faults_of_a_batch():
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            memoryview(_native.Buffer(size))[:] = pattern
            return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

        size = 16 << 20
        pattern = bytes(size)
        pages = size // resource.getpagesize()
        told, tell = os.pipe()
        held = _native.Buffer(size)
        memoryview(held)[:] = pattern
        faults_of_a_batch()
        pid = fork(lambda: os.read(told, 1))
        assert faults_of_a_batch() < pages / 10  # each page of shared memory would take one
        del held  # which is the child's as well, so it is not used again
        assert _native.memory_usage() == (0, size)
        os.write(tell, b"x")
        assert reap(pid) == 0
        """
    )
