"""What systems differ in, asked for and done without."""

import multiprocessing
import os
import select
import threading

import pytest

from penstock import _native, system


def test_native_code_and_python_go_the_same_way():
    assert system.KNOWS_FILES is {"unix": True, "plain": False}[_native.system]


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("has_poll", [True, False])
def test_what_has_arrived_is_seen(plain, has_poll, monkeypatch):
    monkeypatch.setattr(system, "_IS_PLAIN", plain)
    if not has_poll:
        monkeypatch.delattr(select, "poll", raising=False)
    receiver, sender = multiprocessing.Pipe(duplex=False)
    with receiver, sender:
        has_arrived = system.looks_for(receiver)
        assert not has_arrived()
        sender.send("something")
        assert has_arrived()
        assert receiver.recv() == "something"
        assert not has_arrived()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_lock_of_another_thread_is_free_in_a_child():
    lock = threading.Lock()
    system.held_over_forks(lock)
    held, goes_on = threading.Event(), threading.Event()

    def hold():
        with lock:
            held.set()
            goes_on.wait(0.2)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    child = os.fork()
    if child == 0:
        os._exit(0 if lock.acquire(timeout=5) else 1)
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_a_system_without_forks_needs_no_locks(monkeypatch):
    monkeypatch.delattr(os, "register_at_fork", raising=False)
    system.held_over_forks(None)
