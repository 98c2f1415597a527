"""Data sets as people write them, over the same few photographs: what is followed, and what is not."""

import functools
import importlib
import io
import os
import random
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch.utils.data import Dataset, Subset
from torchvision import transforms as T
from torchvision.datasets import ImageFolder
from torchvision.datasets.folder import default_loader, pil_loader
from torchvision.transforms import functional as F
from torchvision.transforms import v2

__all__ = ["FOLLOWED", "LEFT", "TRANSFORM", "Own"]

TRANSFORM = T.Compose(
    [T.RandomResizedCrop(16), T.RandomHorizontalFlip(), T.ToTensor(), T.Normalize((0.4, 0.5, 0.6), (0.2, 0.3, 0.4))]
)
LABELS = {"cats": 0, "dogs": 1}
SEEN: list[Any] = []


class Own(Dataset):
    """What the others derive from: the same files, found in all the ways in which data sets find them.

    Args:
        paths: Of the files, in folders that are named by class.
        transform: Applied to each image.
    """

    def __init__(self, paths: list[Path], transform: Any = TRANSFORM) -> None:
        self.transform, self.target_transform = transform, None
        self.root = str(paths[0].parents[1])
        self.names = [str(path.relative_to(self.root)) for path in paths]
        self.paths = list(paths)
        self.classes = [path.parent.name for path in paths]
        self.samples = [(str(path), LABELS[path.parent.name]) for path in paths]
        self.labels = [label for _, label in self.samples]
        self.array, self.tensor = np.array(self.labels), torch.tensor(self.labels)
        self.weights = torch.linspace(0, 1, len(paths))
        self.text = np.array([str(path) for path in paths])
        self.records = [{"path": str(path), "label": k, "box": [k, k + 1]} for k, path in enumerate(paths)]
        self.table = {name: k for k, name in enumerate(self.names)}
        self.contents = [path.read_bytes() for path in paths]
        self.order = list(range(len(paths)))[::-1]
        self.train, self.caught, self.calls = True, {}, 0

    def __len__(self) -> int:
        return len(self.samples)


class Pairs(Own):
    def __getitem__(self, index):
        path, label = self.samples[index]
        image = Image.open(path).convert("RGB")
        if self.transform is not None:
            image = self.transform(image)
        if self.target_transform is not None:
            label = self.target_transform(label)
        return image, label


class Tutorial(Own):
    def __getitem__(self, idx):
        if torch.is_tensor(idx):
            idx = idx.tolist()
        name = os.path.join(self.root, self.names[idx])  # noqa: PTH118 - as in the tutorial
        image = Image.open(name).convert("RGB")
        sample = {"image": image, "label": np.int64(LABELS[self.classes[idx]])}
        if self.transform:
            sample["image"] = self.transform(sample["image"])
        return sample


class Dictionary(Own):
    def __getitem__(self, i):
        image = self.transform(Image.open(self.text[i]).convert("RGB"))
        return {"index": i, "pixels": image, "name": self.names[i], "more": {"label": torch.tensor(self.labels[i])}}


class Views(Own):
    def __getitem__(self, i):
        record = self.records[i]
        with Image.open(record["path"]) as image:
            image = image.convert("RGB")
        return (self.transform(image), self.transform(image)), record["label"], record["box"], self.weights[i]


class Alone(Own):
    def __getitem__(self, i):
        with open(self.paths[i], "rb") as file:  # noqa: PTH123 - as most people do it
            image = Image.open(file).convert("RGB")
        return self.transform(image)


class Contents(Own):
    def __getitem__(self, i):
        image = Image.open(io.BytesIO(self.contents[i])).convert("RGB")
        return [self.transform(image), (self.labels[i] + 1, float(self.array[i]), True, 1.5)]


class Helpers(Own):
    def path(self, i):
        return Path(self.root) / self.names[i % len(self.names)]

    @staticmethod
    def load(path):
        return Image.open(path).convert("RGB")

    def __getitem__(self, i):
        path = self.path(i)
        image = self.load(path)
        label = LABELS.get(self.classes[i], -1)
        return (F.to_tensor(F.center_crop(image, [20, 20])) - 0.5) * 2, label, path.stem


class Loaded(Own):
    loader = staticmethod(default_loader)

    def __getitem__(self, i):
        return self.transform(self.loader(self.samples[i][0])), torch.as_tensor(self.samples[i][1], dtype=torch.float32)


class Opener(Own):
    def __init__(self, paths, transform=TRANSFORM):
        super().__init__(paths, transform)
        self.loader = functools.partial(pil_loader)

    def __getitem__(self, i):
        image = self.loader(self.samples[self.order[i]][0])
        return self.transform(image), int(self.tensor[i])


class Split(Own):
    """A part of another data set, with transforms of its own."""

    def __init__(self, paths, transform=TRANSFORM):
        super().__init__(paths, transform)
        self.subset = Subset(ImageFolder(self.root), self.order)

    def __getitem__(self, index):
        x, y = self.subset[index]
        if self.transform:
            x = self.transform(x)
        return x, y


class WithPaths(ImageFolder):
    def __init__(self, paths, transform=TRANSFORM):
        super().__init__(str(paths[0].parents[1]), transform)

    def __getitem__(self, index):
        return super().__getitem__(index) + (self.imgs[index][0],)  # noqa: RUF005 - as most people do it


class Late(Own):
    """Looks up its label once the transforms are done."""

    def __getitem__(self, i):
        image = Image.open(self.paths[i])
        name = self.names[i]
        image = image.convert("RGB")
        weight = self.weights[i]
        image = self.transform(image)
        return image, self.table[name], weight


class Second(Own):
    def __init__(self, paths, transform=None):
        super().__init__(paths)
        self.transform = v2.Compose([v2.Resize((18, 20)), v2.ToImage(), v2.ToDtype(torch.float32, scale=True)])

    def __getitem__(self, i):
        return self.transform(Image.open(self.samples[i][0]).convert("RGB")), self.classes[i].upper()


class _Tabled(Own):
    def __init__(self, paths, transform=TRANSFORM):
        super().__init__(paths, transform)
        names, sizes = self.names, [k / 2 for k in range(len(paths))]
        pandas: Any = importlib.import_module("pandas")
        self.frame = pandas.DataFrame({"name": names, "label": self.labels, "size": sizes, "path": map(str, paths)})
        self.numbers = self.frame[["label", "size"]]

    def opened(self, path):
        return self.transform(Image.open(path).convert("RGB"))


class Cells(_Tabled):
    def __getitem__(self, idx):
        path = os.path.join(self.root, self.frame.iloc[idx, 0])  # noqa: PTH118 - as in the tutorial
        return self.opened(path), self.frame.iloc[idx, 1], self.frame.loc[idx, "size"]


class Rows(_Tabled):
    def __getitem__(self, idx):
        row = self.frame.iloc[idx]
        label = int(row["label"])
        numbers = self.numbers.iloc[idx]
        return self.opened(row["path"]), label, numbers["label"], row["path"]


class Columns(_Tabled):
    def __getitem__(self, idx):
        image = self.opened(self.frame["path"].iloc[idx])
        return image, self.frame["label"][idx], self.frame.label.values[idx], self.frame["size"].loc[idx]


FOLLOWED = {
    each.__name__: each
    for each in (
        Pairs,
        Tutorial,
        Dictionary,
        Views,
        Alone,
        Contents,
        Helpers,
        Loaded,
        Opener,
        Split,
        WithPaths,
        Late,
        Cells,
        Rows,
        Columns,
    )
} | {"Second": Second}


class _Left(Own):
    def image(self, i):
        return Image.open(self.samples[i][0]).convert("RGB")

    def made(self, i):
        return self.transform(self.image(i))


class BranchOnIndex(_Left):
    def __getitem__(self, i):
        return self.made(i), 1 if i % 2 else 0


class BranchOnLabel(_Left):
    def __getitem__(self, i):
        image = self.image(i)
        return (self.transform(image) if self.labels[i] == 1 else F.to_tensor(F.resize(image, [16, 16]))), i


class IsNone(_Left):
    def __getitem__(self, i):
        label = self.caught.get(i)
        return self.made(i), -1 if label is None else label


class IsParameter(_Left):
    def label(self, value):
        return 7 if value is None else 8

    def __getitem__(self, i):
        return self.made(i), self.label(self.caught.get(i))


class IsThat(_Left):
    def __getitem__(self, i):
        return self.made(i), int(self.labels[i] is self.labels[0])


class Matches(_Left):
    def __getitem__(self, i):
        match self.samples[i]:
            case (_, label):
                return self.made(i), label
            case _:
                return self.made(i), -1


class MatchesValue(_Left):
    def __getitem__(self, i):
        label = 2
        match self.labels[i]:
            case 1:
                label = 5
        return self.made(i), label


class HasMethod(_Left):
    def __getitem__(self, i):
        label = self.labels[i]
        return self.made(i), label.item() if hasattr(label, "item") else label


class Counts(_Left):
    def __getitem__(self, i):
        self.calls += 1
        return self.made(i), self.calls


class Caches(_Left):
    def __getitem__(self, i):
        if i not in self.caught:
            self.caught[i] = self.image(i)
        return self.transform(self.caught[i]), i


class KeepsOutside(_Left):
    def __getitem__(self, i):
        SEEN.append(i)
        return self.made(i), i


class DefaultChanges(_Left):
    def label(self, i, seen=[]):  # noqa: B006 - which is what it is about
        seen.append(0)
        return len(seen)

    def __getitem__(self, i):
        return self.made(i), self.label(i)


class Draws(_Left):
    def __getitem__(self, i):
        return self.made(random.randrange(len(self))), i


class TorchDraws(_Left):
    def __getitem__(self, i):
        return self.made(i), torch.rand(2)


class Catches(_Left):
    def __getitem__(self, i):
        try:
            return self.made(i), i
        except OSError:
            return self.made(0), i


class Clock(_Left):
    def __getitem__(self, i):
        return self.made(i), float(time.time() > 0)


class TwoImages(_Left):
    def __getitem__(self, i):
        return self.made(i), self.made(self.order[i])


class LooksAtImage(_Left):
    def __getitem__(self, i):
        image = self.image(i)
        return self.transform(image), image.size[0]


class NotConverted(_Left):
    def __getitem__(self, i):
        return self.transform(Image.open(self.samples[i][0])), i


class Closed(_Left):
    def __getitem__(self, i):
        with Image.open(self.samples[i][0]) as image:
            pass
        return self.transform(image.convert("RGB")), i


class Gray(_Left):
    def __getitem__(self, i):
        return F.to_tensor(F.resize(Image.open(self.samples[i][0]).convert("L"), [9, 9])), i


class Property(_Left):
    @property
    def where(self):
        return self.samples

    def __getitem__(self, i):
        return self.transform(Image.open(self.where[i][0]).convert("RGB")), i


class Between(_Left):
    def __getitem__(self, i):
        image = self.image(i)
        first = self.transform(image)
        label = self.labels[i]
        return first, self.transform(image), label


class Dropped(_Left):
    def __getitem__(self, i):
        image = self.image(i)
        self.transform(image)
        return self.transform(image), i


class Formats(_Left):
    def __getitem__(self, i):
        return self.transform(Image.open(f"{self.root}/{self.names[i]}").convert("RGB")), i


class Iterates(_Left):
    def __getitem__(self, i):
        return self.made(i), [each for each in self.records[i]["box"]]  # noqa: C416 - code that goes through it


class Pair(NamedTuple):
    image: Any
    label: int


class Named(_Left):
    def __getitem__(self, i):
        return Pair(self.made(i), i)


class Lists(_Left):
    """Takes a batch's samples one by one, and says so."""

    def __getitem__(self, i):
        return self.made(i), i

    def __getitems__(self, indices):
        return [self[i] for i in indices]


class Unknown(_Left):
    class Label:
        def __int__(self):
            return 3

    def __init__(self, paths, transform=TRANSFORM):
        super().__init__(paths, transform)
        self.labels = [self.Label() for _ in paths]

    def __getitem__(self, i):
        return self.made(i), int(self.labels[i])


LEFT = {
    each.__name__: each
    for each in (
        *(BranchOnIndex, BranchOnLabel, IsNone, IsParameter, IsThat, Matches, MatchesValue, HasMethod, Counts, Caches),
        *(KeepsOutside, DefaultChanges, Draws, TorchDraws, Catches, Clock, TwoImages, LooksAtImage, NotConverted),
        *(Closed, Gray, Property, Between, Dropped, Formats, Iterates, Named, Lists, Unknown),
    )
}
