"""The Rust kernels beside the filling of the same memory, from criterion's own files.

`benches/rust/write.rs` renders batches into a ring larger than the caches and fills that ring, with ordinary stores
and with stores past the caches, all in one run. Here it is run with short times, and its medians are read.
"""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

__all__ = ["run"]

# What the bench calls its outputs; 16-bit elements of any kind are moved alike.
NAMES = {"float32": "f32", "uint8": "u8", "float16": "f16", "bfloat16": "f16"}
ELEMENT_BYTES = {"f32": 4, "u8": 1, "f16": 2}


def run(root: Path) -> dict[str, dict[str, float]] | None:
    """Return for each output the bytes per second of `fill` and `render`, the better of both kinds of stores.

    None if there is no cargo; SystemExit if the bench fails.

    Args:
        root: Of the repository.
    """
    if shutil.which("cargo") is None:
        return None
    target = Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
    for stale in target.glob("criterion/cifar_*"):
        shutil.rmtree(stale)
    options = ["--noplot", "--warm-up-time", "0.5", "--measurement-time", "2", "^cifar/"]
    bench = ["cargo", "bench", "--locked", "--quiet", "-p", "penstock-core", "--bench", "write", "--"]
    done = subprocess.run([*bench, *options], cwd=root, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(bench)} failed:\n{done.stderr}")
    found: dict[str, dict[str, float]] = {}
    for path in target.glob("criterion/cifar_*/*/new/estimates.json"):
        about = json.loads(path.with_name("benchmark.json").read_text(encoding="utf-8"))
        short = about["group_id"].partition("/")[2]
        way = re.match(r"fill|render", about["function_id"])
        if short not in ELEMENT_BYTES or way is None:
            continue
        rate = _bytes_per_second(json.loads(path.read_text(encoding="utf-8")), about, ELEMENT_BYTES[short])
        rates = found.setdefault(short, {})
        rates[way[0]] = max(rate, rates.get(way[0], 0.0))
    return {
        output: found[short] for output, short in NAMES.items() if {"fill", "render"} <= found.get(short, {}).keys()
    }


def _bytes_per_second(estimates: dict[str, Any], about: dict[str, Any], element_bytes: int) -> float:
    nanoseconds = float(estimates["median"]["point_estimate"])
    return float(about["throughput"]["Elements"]) * element_bytes / nanoseconds * 1e9
