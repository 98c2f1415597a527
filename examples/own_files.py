"""Own files in a few lines each: paths in a CSV table, bytes in a database, rows of a Hugging Face data set."""

import csv
import io
import sqlite3
import tempfile
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision import transforms

import penstock


class Table(penstock.ImageDataset):
    """Paths and labels in a CSV file."""

    def __init__(self, table, transform):
        self.folder = Path(table).parent
        with Path(table).open(newline="") as file:
            self.rows = list(csv.DictReader(file))
        self.transform = transform

    def __len__(self):
        return len(self.rows)

    def locate(self, index):
        row = self.rows[index]
        return self.folder / row["path"], int(row["label"])


class Database(penstock.ImageDataset):
    """Whole files in SQLite; `locate` runs in the thread that iterates, to which the connection is bound."""

    def __init__(self, file, transform):
        self.connection = sqlite3.connect(file)
        self.transform = transform

    def __len__(self):
        return self.connection.execute("select count(*) from photos").fetchone()[0]

    def locate(self, index):
        return self.connection.execute("select file, label from photos where id = ?", (index,)).fetchone()


class Rows(penstock.ImageDataset):
    """A Hugging Face data set whose image column was cast to `datasets.Image(decode=False)`."""

    def __init__(self, rows, transform):
        self.rows, self.transform = rows, transform

    def __len__(self):
        return len(self.rows)

    def locate(self, index):
        row = self.rows[index]
        return row["image"]["bytes"] or row["image"]["path"], row["label"]


def make_files(folder, count=60):
    """Write JPEG files, a table of their names, a database of their content, and the rows of a data set."""
    rng = np.random.default_rng(0)
    rows = []
    connection = sqlite3.connect(folder / "photos.db")
    connection.execute("create table photos (id integer primary key, file blob, label integer)")
    with (folder / "table.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, ["path", "label"])
        table.writeheader()
        for k in range(count):
            buffer = io.BytesIO()
            Image.fromarray(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)).save(buffer, "JPEG")
            (folder / f"{k}.jpg").write_bytes(buffer.getvalue())
            table.writerow({"path": f"{k}.jpg", "label": k % 3})
            connection.execute("insert into photos values (?, ?, ?)", (k, buffer.getvalue(), k % 3))
            rows.append({"image": {"bytes": buffer.getvalue(), "path": None}, "label": k % 3})
    connection.commit()
    return rows


def main():
    steps = [transforms.RandomResizedCrop(32), transforms.RandomHorizontalFlip(), transforms.ToTensor()]
    transform = transforms.Compose(steps)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        rows = make_files(folder)
        made = []
        for dataset in (
            Table(folder / "table.csv", transform),
            Database(folder / "photos.db", transform),
            Rows(rows, transform),
        ):
            generator = torch.Generator().manual_seed(0)
            loader = penstock.DataLoader(dataset, batch_size=20, shuffle=True, num_workers=2, generator=generator)
            assert penstock.explain(loader).native
            made.append(list(loader))
            print(type(dataset).__name__, penstock.stats(loader).verdict)
    same = all(
        torch.equal(images, others[k][0]) and torch.equal(labels, others[k][1])
        for others in made[1:]
        for k, (images, labels) in enumerate(made[0])
    )
    print("the same batches from all three:", same)


if __name__ == "__main__":
    main()
