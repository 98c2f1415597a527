"""Whether a command's files can be written, asked before it works for them.

It is tried rather than looked up: permissions do not tell of read-only file systems, and to root of nothing.
"""

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from penstock.errors import ArgumentError, CommandError

__all__ = ["check_file", "make_folder", "writing"]


def check_file(option: str, path: Path | None) -> None:
    """Raise ArgumentError if a file cannot be written; nothing is changed.

    Args:
        option: That named it.
        path: The file; None for none.
    """
    if path is None:
        return
    if not path.parent.is_dir():
        raise ArgumentError(f"{option}: there is no folder {path.parent}")
    existed = path.exists()
    try:
        path.open("ab").close()
        if not existed:
            path.unlink()
    except OSError as error:
        raise ArgumentError(f"{option}: {path} cannot be written: {error.strerror}") from error


def make_folder(option: str, path: Path) -> None:
    """Make a folder for files, if it is not there; ArgumentError if it cannot be made or written to.

    Args:
        option: That named it.
        path: The folder.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
    except OSError as error:
        raise ArgumentError(f"{option}: {path} cannot be written: {error.strerror}") from error


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what goes wrong all the same, with a disk that is full, into a CommandError."""
    try:
        yield
    except BrokenPipeError:  # nobody reads what is printed meanwhile
        raise
    except OSError as error:
        raise CommandError(f"{path} cannot be written: {error.strerror or error}") from error
