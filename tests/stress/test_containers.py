"""Limits that a container sets: cores, and shared memory, of which none is used."""

import os
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="affinity and /dev/shm are Linux's")


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is one core, limits or not")
def test_threads_are_as_many_as_cores_are_allowed(passes):
    passes(
        """
        import warnings

        allowed = os.sched_getaffinity(0)
        assert penstock.explain(loader(cifar(), num_workers=0)).threads == len(allowed)
        os.sched_setaffinity(0, {min(allowed)})
        made = loader(cifar(), num_workers=0)
        assert penstock.explain(made).threads == 1
        epoch(made)
        assert len(threads_of_ours()) <= 1
        # Workers are what the user asks for, and torch warns of them.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert penstock.explain(loader(cifar(), num_workers=2)).threads == 2
        """
    )


def test_no_shared_memory_is_used(passes):
    """Not even while batches are held; torch's workers need megabytes of it for each."""
    passes(
        """
        from pathlib import Path

        def in_shared_memory():
            mapped = [line for line in open("/proc/self/maps") if "/dev/shm" in line or "/memfd" in line]
            opened = [os.readlink(f) for f in Path("/proc/self/fd").iterdir() if os.path.lexists(f)]
            return mapped + [target for target in opened if target.startswith(("/dev/shm", "/memfd"))]

        before = in_shared_memory()
        held = []
        for images, targets in loader(cifar(1024), batch_size=64, num_workers=2):
            held.append((images, targets))
            assert not images.is_shared()
            assert in_shared_memory() == before
        assert len(held) == 16
        # Other processes may come and go; torch's files bear the name of theirs.
        assert not [name for name in os.listdir("/dev/shm") if name.startswith(f"torch_{os.getpid()}_")]
        """
    )
