"""A process that forks while loader threads are alive, as torch's worker processes and many launchers do."""

import os

import pytest

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this platform has no fork")


def test_a_child_iterates_natively_while_its_parent_goes_on(passes):
    passes(
        """
        torch.set_num_threads(1)
        expected = epoch(loader(cls=torch.utils.data.DataLoader), seed=1)

        def child():
            for workers in (2, 0):
                made = loader(num_workers=workers)
                theirs = loader(num_workers=workers, cls=torch.utils.data.DataLoader)
                if workers == 0:
                    assert equal(epoch(made, seed=1), epoch(theirs, seed=1))
                else:
                    assert equal(epoch(made, seed=1), expected)
            assert threads_of_ours()

        torch.manual_seed(1)
        children, batches = [], []
        for batch in loader():
            batches.append(batch)
            children.append(fork(child))
            assert reap(children[-1]) == 0
        assert equal(batches, expected) and len(children) == 16
        """
    )


def test_children_made_while_other_threads_submit_never_hang(passes):
    """A lock that is held by a thread of the parent at the moment of the fork stays locked in the child."""
    passes(
        """
        import threading

        stop = threading.Event()

        def load():
            made = loader(cifar(64), batch_size=1)
            while not stop.is_set():
                for _ in made:
                    pass

        def child():
            for images, _ in loader(cifar(8), batch_size=2):
                assert images.shape == (2, 3, 32, 32)

        busy = [threading.Thread(target=load) for _ in range(3)]
        for thread in busy:
            thread.start()
        try:
            for _ in range(150):
                assert reap(fork(child)) == 0
        finally:
            stop.set()
        """
    )
