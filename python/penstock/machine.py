"""What a measurement was made on: processor, system, versions, commit."""

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from penstock import _native

__all__ = ["commit", "describe", "versions"]

_PACKAGES = ("penstock", "torch", "torchvision", "numpy", "pillow")


def describe() -> dict[str, Any]:
    """Return the machine's description, ready for JSON."""
    return {
        "cpu": _cpu_model(),
        "cores": os.cpu_count(),
        "cores_usable": _native.available_parallelism(),
        "vector_level": _native.simd_level(),
        "caches": _caches(),
        "memory_bytes": _memory_bytes(),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
    }


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that take part."""
    found = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def commit() -> dict[str, Any] | None:
    """Return the commit that penstock runs from and whether anything differs from it.

    None if penstock was installed rather than run from its repository, or if git is missing.
    """
    here = Path(__file__)
    # A virtual environment often lies in another project's repository, whose commit would say nothing.
    if _git("ls-files", "--error-unmatch", here.name) is None or (commit := _git("rev-parse", "HEAD")) is None:
        return None
    return {"commit": commit, "dirty": bool(_git("status", "--porcelain", "--", ":/"))}


def _git(*arguments: str) -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - fixed arguments
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return " ".join(value.split())
    return platform.processor() or platform.machine() or "unknown"


def _caches() -> dict[str, str]:
    """Return the sizes of the first core's caches, as Linux tells them."""
    found = {}
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        try:
            level, kind, size = ((index / name).read_text().strip() for name in ("level", "type", "size"))
        except OSError:
            continue
        if kind != "Instruction":
            found[f"L{level}"] = size
    return found


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None
