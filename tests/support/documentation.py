"""The Python code on a page of Markdown, and running it as one program."""

import ast
import dataclasses
import importlib.util
import re
import sys
from pathlib import Path
from typing import Any

# Imported ahead, for all pages.
import torch
import torch.utils.data
import torchvision

import penstock  # noqa: F401

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Block:
    """A fenced block of Python code.

    Attributes:
        line: Of its first line of code.
        code: What is in it.
    """

    line: int
    code: str

    def missing(self) -> list[str]:
        """Return the packages that it imports and that are not installed."""
        names = set()
        for node in ast.walk(ast.parse(self.code)):
            if isinstance(node, ast.Import):
                names.update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                names.add(node.module or "")
        packages = {name.partition(".")[0] for name in names}
        return sorted(name for name in packages if importlib.util.find_spec(name) is None)


def blocks(page: Path) -> list[Block]:
    """The Python blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [Block(text.count("\n", 0, match.start()) + 2, match.group(1)) for match in _FENCE.finditer(text)]


def pages() -> list[Path]:
    """README and the documentation's pages that have such blocks."""
    return [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))) if blocks(page)]


def run_page(page: str) -> None:
    """Run a page's blocks one after the other in `__main__`, but for those whose packages are not installed."""
    # Generated files have no MD5 sums that torchvision could know.
    torchvision.datasets.cifar.check_integrity = lambda *args, **kwargs: True
    torch.set_num_threads(1)
    namespace: dict[str, Any] = vars(sys.modules["__main__"])
    for block in blocks(Path(page)):
        if not block.missing():
            code = "\n" * (block.line - 1) + block.code
            exec(compile(code, page, "exec"), namespace)  # noqa: S102 - that the page's code runs is the test
