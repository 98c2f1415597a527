"""torch.utils.data.DataLoader for images, with the same batches made by Rust threads.

>>> from penstock import DataLoader  # instead of torch.utils.data's

`explain(loader)` says what runs natively and why the rest does not, `stats(loader)` what was done and where the time
went; `compile(transform)` applies the same kernels
to plain NumPy arrays; `ImageDataset` is the base of own data that penstock can read; `decode_jpeg` decodes a file or
a rectangle of it; `install()` makes torch's name of the class stand for penstock's, for frameworks that use it.
"""

import os
import warnings
from typing import TYPE_CHECKING

from penstock._native import __version__, build_profile
from penstock.counters import Stats, stats
from penstock.datasets import ImageDataset
from penstock.errors import NotSupportedError
from penstock.install import install, installed, uninstall
from penstock.jpeg import decode_jpeg
from penstock.lowering.report import Report, Row

try:
    from penstock.arrays import compile  # noqa: A004 - called as penstock.compile
    from penstock.loader import DataLoader, explain
except (ImportError, AttributeError) as error:
    # Names of torch's and torchvision's, some of them private, come and go with their versions.
    if not TYPE_CHECKING:
        from penstock.plain import DataLoader, compile, explain, warn  # noqa: A004

        warn(error)

__all__ = [
    "DataLoader",
    "ImageDataset",
    "NotSupportedError",
    "Report",
    "Row",
    "Stats",
    "__version__",
    "compile",
    "decode_jpeg",
    "explain",
    "install",
    "installed",
    "stats",
    "uninstall",
]

if os.environ.get("PENSTOCK") == "0" and not TYPE_CHECKING:
    from torch.utils.data import DataLoader

if build_profile == "debug":
    warnings.warn(
        "this build of penstock is not optimised and tens of times slower; build with --release",
        RuntimeWarning,
        stacklevel=2,
    )
