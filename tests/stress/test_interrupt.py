"""Ctrl-C, and a `timeout`, while batches are being made or waited for."""

import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="threads are starved by Linux's means")

# One thread works, and it gets next to no time.
SLOW = {"PENSTOCK_NUM_THREADS": "1"}


def test_a_waiting_next_is_interrupted_and_no_batch_is_lost(passes):
    passes(
        """
        expected = epoch(loader(huge(512), batch_size=128, shuffle=False, cls=TorchLoader, num_workers=0))
        epoch(loader())
        with starved():
            iterator = iter(loader(huge(512), batch_size=128, shuffle=False))
            for _ in range(2):
                interrupted(lambda: next(iterator), "100 MB in no time")
        assert equal(list(iterator), expected)
        """,
        **SLOW,
    )


def test_a_batch_made_in_the_callers_thread_is_interrupted(passes):
    """Without workers torch asks for signals between two samples; that batch is lost, the next one comes."""
    passes(
        """
        import signal
        from penstock.prepared import Prepared

        begun, memory = [], Prepared._memory

        def memory_and_an_interrupt(prepared):
            begun.append(prepared._there.batch)
            out = memory(prepared)
            signal.setitimer(signal.ITIMER_REAL, 0.01)
            return out

        signal.signal(signal.SIGALRM, signal.default_int_handler)
        epoch(loader())
        iterator = iter(loader(huge(1040), batch_size=1024, shuffle=False, num_workers=0))
        Prepared._memory = memory_and_an_interrupt
        with starved():
            try:
                next(iterator)
            except KeyboardInterrupt:
                assert not begun[0].wait(0.0), "800 MB were finished first"
            else:
                raise AssertionError("800 MB in no time")
            begun.clear()
        Prepared._memory = memory
        images, _ = next(iterator)
        assert images.shape == (16, 3, 256, 256)
        assert list(iterator) == []
        """,
        **SLOW,
        PENSTOCK_SIMD="scalar",
    )


def test_a_slow_locate_is_interrupted_and_no_batch_is_lost(passes):
    passes(
        """
        expected = epoch(loader(Own(64), cls=TorchLoader, batch_size=4), seed=1)
        torch.manual_seed(1)
        data = Own(64)
        iterator = iter(loader(data, batch_size=4))
        batches = [next(iterator)]
        while len(batches) < 8:
            data.delay = 0.5
            sender = interrupt_after(0.2)
            try:
                batches.append(next(iterator))
            except KeyboardInterrupt:
                pass
            assert sender.wait() == 0
            data.delay = 0.0
            batches.append(next(iterator))
        assert equal([*batches, *iterator], expected)
        """
    )


def test_a_next_that_waits_for_recorded_images_is_interrupted_and_no_batch_is_lost(passes):
    passes(
        """
        data = Photographs(os.path.dirname(__file__), 16, size=1600)
        made, theirs = (
            loader(data, cls, batch_size=8, persistent_workers=True) for cls in (penstock.DataLoader, TorchLoader)
        )
        assert equal(epoch(made, seed=1), epoch(theirs, seed=1))
        expected = epoch(theirs, seed=1)
        torch.manual_seed(1)
        with starved():
            iterator = iter(made)
            for _ in range(2):
                interrupted(lambda: next(iterator), "20 megapixels in no time")
        assert equal(list(iterator), expected)
        assert penstock.stats(made).native_share == 1.0
        """,
        **SLOW,
    )


def test_ctrl_c_ends_a_script_in_mid_epoch(script):
    done = script(
        """
        sender = interrupt_after(0.5)
        while True:
            for images, targets in loader():
                pass
        """
    )
    # Python's own end for an uncaught KeyboardInterrupt; a forked child reports it as status 1.
    assert done.status != 0
    assert done.err.rstrip().endswith("KeyboardInterrupt")
    assert "panicked" not in done.err


def test_timeout_is_torchs_error_and_the_batch_comes_later(passes):
    passes(
        """
        expected = epoch(loader(huge(512), batch_size=128, shuffle=False, cls=TorchLoader, num_workers=0))
        epoch(loader())
        with starved():
            iterator = iter(loader(huge(512), batch_size=128, shuffle=False, timeout=0.05))
            for _ in range(2):
                try:
                    next(iterator)
                except RuntimeError as error:
                    assert str(error) == "DataLoader timed out after 0.05 seconds", error
                else:
                    raise AssertionError("100 MB in no time")
        iterator._timeout = 60
        assert equal(list(iterator), expected)
        """,
        **SLOW,
    )


def test_a_generous_timeout_changes_nothing(passes):
    passes(
        """
        expected = epoch(loader(cls=TorchLoader), seed=1)
        assert equal(epoch(loader(timeout=60), seed=1), expected)
        """
    )


def test_what_is_starved_is_dropped_without_waiting_for_it(passes):
    """Dropping an iterator waits for the groups that are being made, not for its batches."""
    passes(
        """
        epoch(loader())
        with starved():
            iterator = iter(loader(huge(512), batch_size=256, shuffle=False))
            batch = iterator._pending[-1]
            del iterator
            assert not batch.wait(0.0)
        """,
        **SLOW,
    )
