"""The end of the interpreter while an epoch is under way."""

import pytest

MIDDLE = """
    made = loader({options})
    iterator = iter(made)
    batch = next(iterator)
"""


def _middle(ending, options=""):
    return MIDDLE.format(options=options) + "\n" + "\n".join(f"    {line}" for line in ending.splitlines())


@pytest.mark.parametrize("options", ["", "num_workers=0", "persistent_workers=True", "prefetch_factor=16"])
def test_in_mid_epoch(passes, options):
    passes(_middle("pass", options))


def test_with_no_pending_batch(passes):
    passes(_middle("rest = list(iterator)\nassert not iterator._pending and len(rest) == 15"))


def test_in_the_middle_of_a_batch(passes):
    """Threads are writing to batches when Python's objects go."""
    passes("iterator = iter(loader(huge(2048), batch_size=512, shuffle=False))")


def test_in_a_waiting_threads_absence(passes):
    """Threads that get no time to finish what they are at."""
    passes(
        """
        epoch(loader())
        starving = starved()
        starving.__enter__()
        iterator = iter(loader(huge(1024), batch_size=256, shuffle=False))
        """
    )


@pytest.mark.parametrize(("ending", "status"), [("sys.exit(3)", 3), ("raise SystemExit", 0), ("os._exit(4)", 4)])
def test_by_exit_in_the_loop(script, ending, status):
    done = script(
        f"""
        for images, targets in loader():
            {ending}
        """
    )
    assert (done.status, done.out, done.err) == (status, "", "")


def test_by_an_uncaught_exception_in_the_loop(script):
    done = script(
        """
        for images, targets in loader():
            raise KeyError("the user's")
        """
    )
    assert done.status == 1
    assert done.err.rstrip().endswith('KeyError: "the user\'s"')


def test_by_a_signal(script):
    done = script(
        """
        import signal

        for images, targets in loader():
            os.kill(os.getpid(), signal.SIGTERM)
        """
    )
    assert (done.status, done.err) == (-15, "")


def test_with_an_epoch_in_atexit(passes):
    out = passes(_middle("import atexit\natexit.register(lambda: print(len(list(iterator)), len(epoch(loader()))))"))
    assert out == "15 16\n"


def test_with_iterators_in_cycles_and_in_modules(passes):
    passes(
        _middle(
            "made.itself, iterator.itself = made, iterator\n"
            "batch[0].owner = iterator\n"
            "sys.iterator, torch.iterator = iterator, iter(made)"
        )
    )


def test_a_batch_is_used_by_the_last_finalisers(passes):
    """Memory handed out outlives the module's globals."""
    out = passes(
        _middle(
            "class Last:\n"
            "    def __init__(self, images): self.images = images\n"
            "    def __del__(self): print(self.images.isfinite().all().item())\n"
            "last = Last(batch[0])\n"
            "del batch"
        )
    )
    assert out == "True\n"


def test_while_other_threads_finish_their_epochs(passes):
    """Threads that are no daemons go on after the main script has ended."""
    out = passes(
        """
        import threading

        def load():
            os.write(1, b"%d\\n" % len(epoch(loader())))  # print() may write a number and its end of line apart

        for _ in range(3):
            threading.Thread(target=load).start()
        """
    )
    assert out == "16\n" * 3


def test_while_a_daemon_thread_waits_for_a_batch(passes):
    """It wakes up, or does not, in an interpreter that is gone."""
    passes(
        """
        import threading

        epoch(loader())
        starving = starved()
        starving.__enter__()
        iterator = iter(loader(huge(1024), batch_size=256, shuffle=False))
        thread = threading.Thread(target=next, args=(iterator,), daemon=True)
        thread.start()
        time.sleep(0.2)
        assert thread.is_alive()
        """
    )


@pytest.mark.parametrize("workers", [0, 2])
def test_while_daemon_threads_iterate(script, workers):
    """Never a hang; before Python 3.14 torch's own calls abort when Python ends such a thread inside of them."""
    done = script(
        f"""
        import threading

        def load():
            made = loader(num_workers={workers}, batch_size=4)
            while True:
                for _ in made:
                    running.set()

        running = threading.Event()
        for _ in range(3):
            threading.Thread(target=load, daemon=True).start()
        running.wait()
        time.sleep(0.1)
        """
    )
    # Two such threads that end at once terminate "recursively".
    aborts = ("terminate called without an active exception", "terminate called recursively")
    assert done.status == 0 or (done.status == -6 and done.err.startswith(aborts))
    assert "panicked" not in done.err
