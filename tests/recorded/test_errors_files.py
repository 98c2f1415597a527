"""Files that are broken, missing or no files at all fail where they fail without penstock, and as they do."""

import io
import os

import numpy as np
import pytest
import torch
from PIL import Image, ImageFile
from support.files import damaged, encode, photo
from support.sides import age, both, outcome, side
from torchvision.transforms import functional as F

import penstock


@pytest.fixture(autouse=True)
def _recording(monkeypatch):
    monkeypatch.setenv("PENSTOCK_RECORD", "1")


WHOLE = {
    "baseline": encode(photo(21, 26), quality=60),
    "gray": encode(photo(22, 23), quality=60, mode="L"),
    "progressive": encode(photo(20, 25), quality=60, progressive=True),
    "restarts": encode(photo(35, 26), quality=60, restart_marker_blocks=1),
    "cmyk": encode(photo(19, 17), mode="CMYK"),
}


def broken(name):
    """Versions of a file with something wrong with them."""
    data = WHOLE[name]
    for length in range(0, len(data), 37):
        yield f"cut at {length}", data[:length]
    for length in range(1, 9):
        yield f"without the last {length}", data[:-length]
    rng = np.random.default_rng(len(data))
    for _ in range(60):
        place, bit = int(rng.integers(2, len(data))), int(rng.integers(8))
        yield f"bit {bit} of {place}", data[:place] + bytes([data[place] ^ (1 << bit)]) + data[place + 1 :]
    for kind in ("noisy", "behind", "no end", "cut header", "empty", "text"):
        yield kind, damaged(data, kind)
    yield "twice", data + data
    yield "garbage", rng.bytes(500)


def steps(opening):
    """What somebody does with a file, each thing in a `try` of its own."""
    results = []
    try:
        image = opening()
    except Exception as error:
        return [(type(error), str(error).split(" object at ")[0])]
    for step in (
        lambda: [image.size, image.mode],
        lambda: image.info,
        lambda: image.load()[0, 0],
        lambda: image.convert("RGB"),
        lambda: F.to_tensor(image.convert("RGB")),
        lambda: image.getexif(),
    ):
        results.append(outcome(step))
    return results


@pytest.mark.parametrize("name", WHOLE)
def test_broken_content(name):
    raised = 0
    for what, data in broken(name):
        ours, theirs = both(lambda data=data: steps(lambda: Image.open(io.BytesIO(data))))
        assert ours == theirs, what
        raised += "'raised'" in repr(theirs) or "Error" in repr(theirs)
    assert raised > 10


@pytest.mark.parametrize("name", ["baseline", "progressive"])
def test_broken_content_at_each_call(name):
    """The first call that looks at pixels is the one that raises, whichever it is."""
    for what, data in broken(name):
        for call in (
            lambda p: p.convert("RGB"),
            lambda p: p.crop((0, 0, 5, 5)),
            lambda p: p.resize((5, 5)),
            lambda p: p.copy(),
            lambda p: p.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
            lambda p: np.asarray(p),
            F.to_tensor,
            F.pil_to_tensor,
            lambda p: p.verify(),
        ):

            def tried(data=data, call=call):
                with Image.open(io.BytesIO(data)) as image:
                    return call(image)

            ours, theirs = both(tried)
            if "cannot identify" in repr(ours):
                break
            assert ours == theirs, what


def test_places_that_are_no_files(tmp_path):
    (tmp_path / "folder.jpg").mkdir()
    (tmp_path / "empty.jpg").touch()
    for place in (tmp_path / "missing.jpg", tmp_path / "folder.jpg", tmp_path / "empty.jpg", "/dev/null", "", 5, None):
        ours, theirs = both(lambda place=place: Image.open(place))
        assert ours == theirs
        assert theirs[0] == "raised"
    if os.geteuid() != 0:  # who may read everything
        (tmp_path / "forbidden.jpg").write_bytes(WHOLE["baseline"])
        (tmp_path / "forbidden.jpg").chmod(0)
        ours, theirs = both(lambda: Image.open(tmp_path / "forbidden.jpg"))
        assert ours == theirs
        assert theirs[1] is PermissionError


def test_truncated_files_may_be_allowed(monkeypatch):
    monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
    data = damaged(WHOLE["baseline"], "truncated")
    ours, theirs = both(lambda: steps(lambda: Image.open(io.BytesIO(data))))
    assert ours == theirs
    assert "'raised'" not in repr(theirs)


class Broken(torch.utils.data.Dataset):
    """Files of which some are broken; who catches the exception goes on with another one."""

    def __init__(self, paths, catches):
        self.paths, self.catches = paths, catches

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        try:
            with Image.open(self.paths[index]) as opened:
                image = opened.convert("RGB").resize((9, 8))
        except Exception as error:
            if not self.catches:
                raise
            return torch.full((3, 8, 9), 0.5), type(error).__name__
        return F.to_tensor(image), "fine"


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("catches", [True, False])
def test_datasets_of_broken_files(tmp_path, catches, workers):
    files = [("whole", WHOLE["baseline"]), *list(broken("baseline"))[::6], ("whole too", WHOLE["gray"])]
    paths = [tmp_path / f"{number}.jpg" for number in range(len(files))]
    for path, (_, data) in zip(paths, files, strict=True):
        path.write_bytes(data)
    age(tmp_path)
    seen = []
    for kind in (penstock.DataLoader, torch.utils.data.DataLoader):
        results = []
        iterator = iter(kind(Broken(paths, catches), batch_size=3, num_workers=workers))
        while True:
            try:
                images, words = next(iterator)
                results.append((images.numpy().tobytes(), words))
            except StopIteration:
                break
            except Exception as error:
                # Without workers the message is the file's; with them it ends with it, behind a traceback.
                results.append((type(error), str(error).splitlines()[-1]))
        seen.append(results)
    assert seen[0] == seen[1]
    assert len(seen[1]) == -(-len(files) // 3)
    assert any(isinstance(result[0], bytes) for result in seen[1])
    assert any(isinstance(result[0], type) for result in seen[1]) != catches


def test_a_file_replaced_while_it_is_loaded_is_the_one_that_was_opened(tmp_path):
    path, other = tmp_path / "a.jpg", tmp_path / "b.jpg"
    contents = WHOLE["baseline"], encode(photo(21, 26, seed=9), quality=60)

    for call in (np.asarray, lambda p: p.crop((-1, 0, 9, 9))):

        def seen(call=call):
            image = Image.open(path)
            other.replace(path)
            return call(image)

        results = []
        for ours in (True, False):
            path.write_bytes(contents[0])
            other.write_bytes(contents[1])
            age(tmp_path)
            with side(ours):
                results.append(outcome(seen))
        assert results[0] == results[1]
