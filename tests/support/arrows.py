"""What the files of both languages import, and the circles that this makes."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

__all__ = ["circles", "code_of", "python_arrows", "rust_arrows"]

# What each file imports, by names that tell their places.
Arrows = dict[str, set[str]]
_Place = tuple[str, ...]

_USE = re.compile(r"\b(pub(?:\([^)]*\))?\s+)?use\s+([^;]+);")
_TESTS = re.compile(r"#\[cfg\(test\)\]\s*(?:#\[[^\n]*\]\s*)*(?:pub\S* )?mod \w+ \{")


def circles(arrows: Arrows) -> list[list[str]]:
    """Return the groups of files each of which reaches all others of its group."""
    reached = {name: _reached(arrows, name) for name in arrows}
    found = {
        tuple(sorted(other for other in reached[name] if name in reached.get(other, ())))
        for name in arrows
        if name in reached[name]
    }
    return sorted(map(list, found))


def _reached(arrows: Arrows, name: str) -> set[str]:
    found: set[str] = set()
    waiting = [*arrows[name]]
    while waiting:
        other = waiting.pop()
        if other not in found:
            found.add(other)
            waiting += arrows.get(other, ())
    return found


def python_arrows(source: Path) -> Arrows:
    """Return what the modules of a package import, in functions and for types, too. Its face is none of them.

    Args:
        source: The folder of the package.
    """
    paths = [path for path in source.rglob("*.py*") if path.suffix in (".py", ".pyi")]
    files = {".".join(_place(path, source.parent, ("__init__",))): path for path in paths}
    arrows: Arrows = {}
    for name, path in files.items():
        found = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and node.module in files:
                whole = (f"{node.module}.{part.name}" for part in node.names)
                found |= {module if module in files else str(node.module) for module in whole}
            elif isinstance(node, ast.Import):
                found |= {part.name for part in node.names if part.name in files}
        arrows[name] = found - {name, source.name}
    del arrows[source.name]
    return arrows


def rust_arrows(source: Path) -> Arrows:
    """Return what the modules of a crate name of each other. What a module hands on is its own module's.

    Args:
        source: The folder `src`.
    """
    files = {_place(path, source, ("mod", "lib")): path for path in source.rglob("*.rs")}
    texts = {place: code_of(path) for place, path in files.items() if not place or not place[-1].endswith("tests")}
    uses = {
        place: [(bool(use[1]), path) for use in _USE.finditer(text) for path in _paths(use[2])]
        for place, text in texts.items()
    }
    arrows: Arrows = {}
    for place, text in texts.items():
        # A `pub use` of a folder's `mod.rs` only hands on.
        paths = [path for hands_on, path in uses[place] if not (hands_on and files[place].stem == "mod")]
        paths += [
            tuple(name.split("::"))
            for name in re.findall(r"(?<![\w:])[a-z]\w*(?:::\w+)+", _USE.sub("", text))
            if name.startswith(("crate::", "super::", "self::")) or (*place, name.split("::")[0]) in texts
        ]
        absolute = (_absolute(texts, place, path) for path in paths)
        homes = {_home(texts, uses, path) for path in absolute if path is not None}
        if place:
            arrows["/".join(place)] = {"/".join(home) for home in homes - {place, ()}}
    return arrows


def _place(path: Path, source: Path, faces: tuple[str, ...]) -> _Place:
    parts = path.relative_to(source).with_suffix("").parts
    return parts[:-1] if parts[-1] in faces else parts


def code_of(path: Path) -> str:
    """Return a file of Rust without comments and without the tests at its end."""
    code = re.sub(r"//[^\n]*", "", path.read_text(encoding="utf-8"))
    tests = _TESTS.search(code)
    return code if tests is None else code[: tests.start()]


def _paths(tree: str, before: _Place = ()) -> Iterator[_Place]:
    """Yield the paths that a `use` names."""
    tree = tree.strip()
    group = re.fullmatch(r"((?:\w+::)*)\{(.*)\}", tree, re.DOTALL)
    if group is None:
        yield (*before, *re.sub(r"\s+as\s+\w+$|::\*$|::self$", "", tree).split("::"))
        return
    before = (*before, *filter(None, group[1].split("::")))
    depth, part = 0, ""
    for character in f"{group[2]},":
        if character == "," and depth == 0:
            if part.strip() == "self":
                yield before
            elif part.strip():
                yield from _paths(part, before)
            part = ""
        else:
            depth += (character == "{") - (character == "}")
            part += character


def _absolute(texts: dict[_Place, str], place: _Place, path: _Place) -> _Place | None:
    """Return a path from the crate's root on; None if it leads to another crate."""
    if path[0] == "crate":
        return path[1:]
    base = place
    while path and path[0] in ("self", "super"):
        base, path = (base[:-1] if path[0] == "super" else base), path[1:]
        if not path or path[0] not in ("self", "super"):
            return (*base, *path)
    return (*place, *path) if (*place, path[0]) in texts else None


def _home(texts: dict[_Place, str], uses: dict[_Place, list[tuple[bool, _Place]]], path: _Place) -> _Place:
    """Return the module that defines what a path names."""
    module = next(path[:count] for count in range(len(path), -1, -1) if path[:count] in texts)
    if module == path:
        return module
    for _, handed_on in uses[module]:
        if handed_on[-1] == path[len(module)] and len(handed_on) > 1:
            other = _absolute(texts, module, handed_on)
            if other is not None and other != path:
                return _home(texts, uses, other)
    return module
