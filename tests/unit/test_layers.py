"""What may import what: each room of the crates and of the package stands on those below it, and on nothing else."""

import ast
import re
from pathlib import Path

import pytest
from support.arrows import circles, code_of, python_arrows, rust_arrows

from penstock import _native
from penstock.ops.table import TABLE

RUST = Path(__file__).parents[2] / "rust"

# For each crate, lowest first, its folders and the files beside them, and what each may import besides itself. `lib`,
# which names them all, may import anything.
LAYERS: dict[str, dict[str, set[str]]] = {
    "penstock-jpeg": {
        "error": set(),
        "simd": set(),
        "exif": set(),
        "markers": {"error", "exif"},
        "kernels": {"markers", "simd"},
        "bits": {"error", "kernels", "simd"},
        "huffman": {"bits", "error", "markers"},
        "region": {"error", "markers"},
        "index": {"markers", "region"},
        "sequential": {"bits", "error", "huffman", "kernels", "markers", "simd"},
        "progressive": {"bits", "error", "huffman", "kernels", "markers", "region", "sequential"},
        "render": {"error", "kernels", "markers", "region", "simd"},
        "pass": {"bits", "error", "index", "kernels", "markers", "region", "render", "sequential", "simd"},
        "scans": {
            *("bits", "error", "kernels", "markers", "pass", "progressive", "region", "render", "sequential", "simd"),
        },
        "decoder": {
            *("bits", "error", "huffman", "index", "kernels", "markers", "pass", "progressive", "region", "render"),
            *("scans", "sequential", "simd"),
        },
    },
    "penstock-core": {
        "level": set(),
        "system": set(),
        "image": {"system"},
        "random": set(),
        "batch": set(),
        "codec": {"image", "level", "system"},
        "source": {"codec", "system"},
        "stats": {"source"},
        "write": {"image", "level"},
        "ops": {"image", "level", "random", "system"},
        "error": {"random", "write"},
        "plan": {"image", "level", "ops", "random", "write"},
        "engine": {
            *("batch", "codec", "error", "image", "ops", "plan", "random", "source", "stats", "system", "write")
        },
    },
}


def imports(text: str) -> set[str]:
    """Return the modules at the crate's root that a file's code names."""
    code = re.sub(r"//[^\n]*", "", text)
    found = set(re.findall(r"\bcrate::(\w+)", code))
    for group in re.findall(r"\bcrate::\{(.*?)\};", code, re.DOTALL):
        depth, names = 0, ""
        for character in group:
            depth += (character == "{") - (character == "}")
            names += character if depth == 0 else ""
        found |= {name.strip().partition("::")[0] for name in names.split(",") if name.strip()}
    return {name for name in found if name[0].islower()}


def files_of(crate: str, room: str) -> list[Path]:
    """Return the source files of a folder, or of the file of that name."""
    source = RUST / crate / "src"
    return [*source.joinpath(room).rglob("*.rs"), *source.glob(f"{room}.rs")]


def test_imports_are_found_wherever_they_are_named() -> None:
    text = """
    //! See [`crate::engine`].
    use crate::image::{Image, axis::Axis};
    use crate::{ops::{Step, kinds}, write, Error}; // crate::plan
    fn f() { crate::random::draw(); }
    """
    assert imports(text) == {"image", "ops", "write", "random"}


@pytest.mark.parametrize(("crate", "room"), [(crate, room) for crate, rooms in LAYERS.items() for room in rooms])
def test_a_room_stands_on_those_below_it(crate: str, room: str) -> None:
    rooms = LAYERS[crate]
    below = list(rooms)[: list(rooms).index(room)]
    assert rooms[room] <= set(below), "the layers are listed from the lowest up"
    files = files_of(crate, room)
    assert files
    found = {path.relative_to(RUST): imports(path.read_text(encoding="utf-8")) - rooms[room] - {room} for path in files}
    assert {str(path): extra for path, extra in found.items() if extra} == {}


@pytest.mark.parametrize("crate", LAYERS)
def test_every_room_has_its_layer(crate: str) -> None:
    source = RUST / crate / "src"
    rooms = {path.stem for path in source.iterdir() if path.is_dir() or path.suffix == ".rs"} - {"lib"}
    assert rooms == LAYERS[crate].keys()


# Lowest first, the rooms of the Python package and what each may import besides itself. What is not listed, the modules
# that make loaders and commands of these, may import anything.
GROUND = {
    "_native",
    "cores",
    "compat",
    "agreement",
    "generators",
    "memory",
    "message",
    "records",
    "tables",
    "errors",
    "process_state",
    "system",
}
PYTHON: dict[str, set[str]] = {
    "records": set(),
    "agreement": set(),
    "compat": set(),
    "generators": {"_native"},
    "cores": {"_native"},
    "memory": {"_native"},
    "system": {"_native"},
    "ops": {"_native", "agreement", "compat", "generators", "memory", "process_state", "records"},
    "conversion": set(),
    "calls": set(),
    "delivery": {"compat"},
    "tolerance": {"compat"},
    "lowering": GROUND
    | {"calls", "conversion", "delivery", "ops", "datasets", "filled", "fallback", "prepared", "tolerance"},
    "fallback": GROUND | {"lowering"},
    "resume": GROUND | {"lowering", "making", "wrappers"},
    "recording": GROUND
    | {"calls", "conversion", "delivery", "fallback", "lowering", "ops", "iterator", "counters", "making", "prepared"}
    | {"resume", "tolerance"},
}


def python_imports(text: str) -> set[str]:
    """Return the rooms of the package that a file imports when it is loaded."""
    found = set()
    for node in ast.parse(text).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "penstock":
            path = str(node.module).split(".")
            found |= {path[1]} if len(path) > 1 else {name.name for name in node.names}
        elif isinstance(node, ast.Import):
            found |= {name.name.split(".")[1] for name in node.names if name.name.startswith("penstock.")}
    return found


@pytest.mark.parametrize("room", PYTHON)
def test_a_room_of_the_package_stands_on_those_below_it(room: str) -> None:
    source = RUST.parent / "python" / "penstock"
    files = [*source.joinpath(room).rglob("*.py"), *source.glob(f"{room}.py")]
    assert files
    found = {path.name: python_imports(path.read_text(encoding="utf-8")) - PYTHON[room] - {room} for path in files}
    assert {name: extra for name, extra in found.items() if extra} == {}


# Circles of files that may be, by crate.
CIRCLES = {
    # A child of a folder's `mod.rs` that renders to memory of any layout: its parent hands it what is not plain, and
    # it hands rows that are plain back.
    "penstock-core": [["write", "write/strided"]],
}


@pytest.mark.parametrize("crate", ["penstock-jpeg", "penstock-core", "penstock-py"])
def test_no_circle_of_files_is_in_a_crate_that_is_not_listed(crate: str) -> None:
    assert circles(rust_arrows(RUST / crate / "src")) == CIRCLES.get(crate, [])


def test_no_circle_of_files_is_in_the_package() -> None:
    assert circles(python_arrows(RUST.parent / "python" / "penstock")) == []


def test_circles_are_found(tmp_path: Path) -> None:
    files = {
        "lib.rs": "mod a;\nmod b;\npub use a::First;",
        "a/mod.rs": "mod c;\nmod d;\npub use c::Third;\npub struct First(pub crate::b::Second);",
        "a/c.rs": "use super::d::{self, Fourth};\npub struct Third;",
        "a/d.rs": "pub struct Fourth;\n#[cfg(test)]\nmod tests {\n    use crate::a::Third;\n}",
        "b.rs": "use crate::{a::{Third as Other}};\npub struct Second;",
    }
    for name, text in files.items():
        path = tmp_path / "crate" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(text, encoding="utf-8")
    arrows = {"a": {"b"}, "a/c": {"a/d"}, "a/d": set(), "b": {"a/c"}}
    assert rust_arrows(tmp_path / "crate") == arrows
    (tmp_path / "crate" / "a" / "d.rs").write_text("// crate::b\nfn fourth() { crate::b::f() }", encoding="utf-8")
    assert circles(rust_arrows(tmp_path / "crate")) == [["a/c", "a/d", "b"]]

    (tmp_path / "package").mkdir()
    for name, text in {
        "__init__": "",
        "one": "def f():\n    from package import two",
        "two": "import package.one",
    }.items():
        (tmp_path / "package" / f"{name}.py").write_text(text, encoding="utf-8")
    assert circles(python_arrows(tmp_path / "package")) == [["package.one", "package.two"]]


def test_the_table_and_the_core_name_the_same_steps() -> None:
    steps = {name for operation in TABLE for name in operation.replays}
    drawn = {"affine_grid", "erase", "overprint", "pad", "paste"}  # nobody records these, or not as an image's
    assert steps | drawn == set(_native.operation_names()[1])


def test_the_decoder_depends_on_nothing() -> None:
    manifest = (RUST / "penstock-jpeg" / "Cargo.toml").read_text(encoding="utf-8")
    dependencies = re.search(r"\[dependencies\]\n(.*?)(\n\[|$)", manifest, re.DOTALL)
    assert dependencies is not None
    assert dependencies[1].strip() == ""


def test_what_plans_and_renders_names_no_operation() -> None:
    # Their kinds are all that it knows of them.
    text = (RUST / "penstock-core" / "src" / "ops" / "list.rs").read_text(encoding="utf-8")
    operations = set(re.findall(r"^ {4,8}(?:\d+ )?\w+: (\w+),$", text, re.MULTILINE))
    assert {"Crop", "Channel", "SummedContrast", "RandomCrop"} <= operations
    for room in ("plan", "engine"):
        for path in files_of("penstock-core", room):
            if not path.stem.endswith("tests"):
                assert not operations & set(re.findall(r"\w+", code_of(path))), path


@pytest.mark.parametrize("folder", ["ops", "write", "codec"])
def test_calls_of_vector_kernels_stand_in_files_named_dispatch(folder: str) -> None:
    for path in files_of("penstock-core", folder):
        text = re.sub(r"//[^\n]*", "", path.read_text(encoding="utf-8"))
        is_named = path.name in ("dispatch.rs", "truncated.rs", "inside.rs")  # as DESIGN.md names them
        assert is_named or not re.search(r"\bunsafe\b(?!_)", text), path
