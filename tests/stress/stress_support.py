"""Data sets and helpers of the stress tests; the scripts that they run in fresh interpreters import them too."""

import contextlib
import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader as TorchLoader
from torch.utils.data import Dataset
from torchvision import datasets, transforms

import penstock

__all__ = [
    "TRANSFORM",
    "Opaque",
    "Own",
    "Photographs",
    "TorchLoader",
    "cifar",
    "digest",
    "digest_of_an_epoch",
    "epoch",
    "equal",
    "fork",
    "huge",
    "interrupt_after",
    "interrupted",
    "loader",
    "os",
    "penstock",
    "reap",
    "starved",
    "sys",
    "threads_of_ours",
    "time",
    "torch",
    "transforms",
]

TRANSFORM = transforms.Compose(
    [
        transforms.RandomCrop(32, padding=4),
        transforms.RandomHorizontalFlip(),
        transforms.ToTensor(),
        transforms.Normalize((0.4914, 0.4822, 0.4465), (0.247, 0.2435, 0.2616)),
    ]
)


def cifar(count=256, size=32, transform=TRANSFORM):
    """torchvision's CIFAR10 with made-up images and no files."""
    dataset = object.__new__(datasets.CIFAR10)
    rng = np.random.default_rng(0)
    dataset.data = rng.integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    dataset.targets = [int(target) for target in rng.integers(0, 10, count)]
    dataset.transform, dataset.target_transform, dataset.transforms = transform, None, None
    dataset.root, dataset.train = "", True
    return dataset


def huge(count, size=256):
    """One image seen `count` times: as large a batch as one likes, of little memory."""
    dataset = cifar(1, size, transforms.ToTensor())
    dataset.data = np.broadcast_to(dataset.data, (count, size, size, 3))
    dataset.targets = dataset.targets * count
    return dataset


class Own(penstock.ImageDataset):
    """Own data, some of which may be slow to locate or fail.

    Args:
        count: Of images.
        failures: Index to exception.
        transform: Of the images.
        delay: Seconds that locate() takes.
    """

    def __init__(self, count=64, failures=None, transform=TRANSFORM, delay=0.0):
        self.inner = cifar(count)
        self.failures = failures or {}
        self.transform = transform
        self.delay = delay

    def __len__(self):
        return len(self.inner.data)

    def locate(self, index):
        time.sleep(self.delay)
        if index in self.failures:
            raise self.failures[index]
        return self.inner.data[index], self.inner.targets[index]


class Opaque(Dataset):
    """What nobody can look into: left to torch and its worker processes."""

    def __init__(self, count=64):
        self.count = count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return torch.full((3, 4, 4), float(index)), index


class Photographs(Dataset):
    """A data set as users write it: JPEG files, Pillow, torchvision. Its images record.

    Args:
        folder: Where the files are written.
        count: Of files.
        size: Of an image's sides, in pixels.
    """

    transform = transforms.Compose(
        [transforms.RandomResizedCrop(64), transforms.RandomHorizontalFlip(), transforms.ToTensor()]
    )

    def __init__(self, folder, count=32, size=96):
        self.paths = []
        rng = np.random.default_rng(0)
        for number in range(count):
            path = Path(folder) / f"{number}.jpg"
            coarse = rng.integers(0, 256, (size // 8, size // 8, 3), dtype=np.uint8)
            Image.fromarray(coarse).resize((size, size)).save(path)
            os.utime(path, (0, 0))  # a file that was written just now would be read at once
            self.paths.append(path)

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        try:
            return self.transform(Image.open(self.paths[index]).convert("RGB")), index
        except LookupError:  # which nothing raises, but code that handles exceptions is not followed
            return None


def loader(dataset=None, cls=penstock.DataLoader, **options):
    """A loader that must be native if it is penstock's, unless its data set is one of those that record."""
    dataset = cifar() if dataset is None else dataset
    made = cls(dataset, **{"batch_size": 16, "shuffle": True, "num_workers": 2, **options})
    if cls is penstock.DataLoader and not isinstance(dataset, (Opaque, Photographs)):
        report = penstock.explain(made)
        assert report.native, str(report)
    return made


def epoch(batches, seed=None):
    """All batches of an epoch, the global generator seeded first."""
    if seed is not None:
        torch.manual_seed(seed)
    return list(batches)


def equal(ours, theirs):
    """Whether two lists of batches are the same, bit for bit."""
    return len(ours) == len(theirs) and all(
        len(a) == len(b) and all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
        for a, b in zip(ours, theirs, strict=True)
    )


def digest(batches):
    """A hash of every bit of an epoch."""
    sha = hashlib.sha256()
    for images, targets in batches:
        sha.update(images.numpy().tobytes() + targets.numpy().tobytes())
    return sha.hexdigest()


def digest_of_an_epoch(made):
    """What a process that was given a loader makes of it."""
    return digest(epoch(made, seed=1))


def fork(work):
    """Run `work` in a forked child, which leaves without Python's ado, and return the child's pid."""
    sys.stdout.flush()
    sys.stderr.flush()
    if pid := os.fork():
        return pid
    status = 1
    try:
        torch.set_num_threads(1)  # as torch's own workers do: OpenMP's threads do not survive a fork either
        work()
        status = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def reap(pid):
    """Wait for a child and return its exit status, negative for a signal."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def threads_of_ours():
    """Ids of this process's loader threads."""
    found = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            if (task / "comm").read_text().startswith("penstock-"):
                found.append(int(task.name))
    return found


@contextlib.contextmanager
def starved():
    """All loader threads made so far get next to no time, so that a batch takes seconds.

    They share one core with a busy process and are scheduled only when nobody else wants it.
    """
    core = min(os.sched_getaffinity(0))
    spin = f"import os\nos.sched_setaffinity(0, {{{core}}})\nwhile os.getppid() == {os.getpid()}: pass"
    spinner = subprocess.Popen([sys.executable, "-S", "-c", spin])
    threads = threads_of_ours()
    assert threads, "no loader thread has been started yet"
    before = os.sched_getaffinity(0)
    # A script may end in here, and a generator be finished when its module's names are gone.
    schedule, bind, priority = os.sched_setscheduler, os.sched_setaffinity, os.sched_param(0)
    idle, other = os.SCHED_IDLE, os.SCHED_OTHER
    for thread in threads:
        bind(thread, {core})
        schedule(thread, idle, priority)
    try:
        yield
    finally:
        spinner.kill()
        spinner.wait()
        for thread in threads:
            schedule(thread, other, priority)
            bind(thread, before)


def interrupt_after(seconds):
    """Have another process send this one Ctrl-C's signal."""
    code = f"import os, signal, time\ntime.sleep({seconds})\nos.kill({os.getpid()}, signal.SIGINT)"
    return subprocess.Popen([sys.executable, "-S", "-c", code])


def interrupted(work, otherwise):
    """Have Ctrl-C interrupt a call that takes long; fail with these words if it does not take that long."""
    sender = interrupt_after(0.2)
    try:
        work()
    except KeyboardInterrupt:
        pass
    else:
        raise AssertionError(otherwise)
    assert sender.wait() == 0
