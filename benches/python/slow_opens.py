"""Folders of JPEGs where each open takes long, as over a network, and where nothing is in the page cache.

    python benches/python/slow_opens.py [--delay 10] [--images 2000]

A few lines of C, compiled with the system's compiler and preloaded, let each `open`, `openat` and `stat` of a JPEG
sleep for so many milliseconds; then the same folder is read without delay, with its pages dropped before each epoch,
and with all of them there. Prints images per second of torch's loader and of penstock's with several numbers of
readers, each in a process of its own: a first epoch, whose files are all new, and the one after it.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import transforms as v1
from torchvision.datasets import ImageFolder

import penstock

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static void journey(const char *path) {
    size_t length = path ? strlen(path) : 0;
    if (length < 4 || strcmp(path + length - 4, ".jpg")) return;
    const char *delay = getenv("OPEN_DELAY_US");
    long us = delay ? atol(delay) : 0;
    struct timespec time = {us / 1000000, us % 1000000 * 1000};
    if (us) nanosleep(&time, 0);
}
#define NEXT(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define MODE ({ va_list l; va_start(l, flags); int m = flags & O_CREAT ? va_arg(l, int) : 0; va_end(l); m; })
#define OPEN(name) int name(const char *path, int flags, ...) { \
    int m = MODE; journey(path); return NEXT(name)(path, flags, m); }
#define OPENAT(name) int name(int at, const char *path, int flags, ...) { \
    int m = MODE; journey(path); return NEXT(name)(at, path, flags, m); }
OPEN(open)
OPEN(open64)
OPENAT(openat)
OPENAT(openat64)
int stat(const char *path, struct stat *out) { journey(path); return NEXT(stat)(path, out); }
int stat64(const char *path, struct stat64 *out) { journey(path); return NEXT(stat64)(path, out); }
int statx(int at, const char *path, int flags, unsigned mask, struct statx *out) {
    journey(path); return NEXT(statx)(at, path, flags, mask, out);
}
"""


def write_folder(root: Path, count: int) -> None:
    """Write an ImageFolder of small photographs."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:96, :128]
    for k in range(count):
        waves = [128 + 90 * np.sin(x / rng.uniform(3, 20) + y / rng.uniform(3, 20)) for _ in range(3)]
        image = (np.stack(waves, axis=2) + rng.normal(0, 8, (96, 128, 3))).clip(0, 255).astype(np.uint8)
        folder = root / f"{k % 10}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(folder / f"{k:05}.jpg", quality=85)


def forget(root: Path) -> None:
    """Drop a folder's files from the page cache."""
    for path in root.glob("*/*.jpg"):
        descriptor = os.open(path, os.O_RDONLY)
        os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(descriptor)


def rates(root: str, side: str, workers: int, batch: int, cold: bool) -> list[float]:
    """Measure two epochs in images per second; in a process of its own."""
    torch.set_num_threads(1)
    transform = v1.Compose([v1.RandomResizedCrop(64), v1.RandomHorizontalFlip(), v1.ToTensor()])
    cls: Any = penstock.DataLoader if side == "penstock" else DataLoader
    loader = cls(ImageFolder(root, transform), batch, shuffle=True, num_workers=workers, persistent_workers=True)
    found = []
    for _ in range(2):
        if cold:
            forget(Path(root))
        start = time.perf_counter()
        images = sum(len(images) for images, _ in loader)
        found.append(images / (time.perf_counter() - start))
    return found


def in_a_process(arguments: list[str], environment: dict[str, str]) -> list[float]:
    """Run `rates` in an interpreter of its own."""
    command = [sys.executable, __file__, "--rates", *arguments]
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    found: list[float] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--delay", type=float, default=10.0, help="milliseconds for each open")
    parser.add_argument("--images", type=int, default=2000, help="files in the folder")
    parser.add_argument("--batch", type=int, default=64, help="images in a batch")
    parser.add_argument("--workers", type=int, nargs="+", default=[2, 8], help="values of num_workers")
    parser.add_argument("--rates", nargs=5, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.rates:
        root, side, workers, batch, cold = arguments.rates
        print(json.dumps(rates(root, side, int(workers), int(batch), cold == "cold")))
        return
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        raise SystemExit("a C compiler is needed for the delays")
    with tempfile.TemporaryDirectory() as name:
        shim, root = Path(name) / "shim.so", Path(name) / "photos"
        subprocess.run(
            [compiler, "-shared", "-fPIC", "-O1", "-o", shim, "-x", "c", "-", "-ldl"], input=SHIM, text=True, check=True
        )
        write_folder(root, arguments.images)
        delayed = {"LD_PRELOAD": str(shim), "OPEN_DELAY_US": str(int(1000 * arguments.delay))}
        sides: list[tuple[str, str, dict[str, str]]] = [("torch", "torch", {}), ("penstock", "penstock", {})]
        sides += [(f"penstock, {n} readers", "penstock", {"PENSTOCK_READERS": str(n)}) for n in (16, 64, 128)]
        for what, environment, cold in (
            (f"{arguments.delay:g} ms for each open", delayed, "warm"),
            ("nothing in the page cache", {}, "cold"),
            ("all in the page cache", {}, "warm"),
        ):
            for workers in arguments.workers:
                print(f"{what}, {workers} workers, batch {arguments.batch}")
                for label, side, extra in sides:
                    settings = [str(root), side, str(workers), str(arguments.batch), cold]
                    first, later = in_a_process(settings, environment | extra)
                    print(f"  {label:24} {first:8,.0f} images/s, later {later:8,.0f}", flush=True)


if __name__ == "__main__":
    main()
