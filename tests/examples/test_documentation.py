"""All Python code in README and on the documentation's pages runs, page by page, over small data made for it."""

import csv
from pathlib import Path

import pytest
from support.both_loaders import write_images
from support.documentation import blocks, pages
from support.images import cifar_files


def write_data(folder: Path) -> None:
    """What the pages' code finds in its folder: CIFAR-10 in `data`, an ImageFolder `photos`, and `table.csv` of it."""
    cifar_files(folder / "data", 60)
    paths = write_images(folder / "photos")
    with (folder / "table.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["path", "label"])
        table.writerows((path.relative_to(folder), index % 2) for index, path in enumerate(paths))


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_the_code_on_a_page_runs(page, passes, tmp_path):
    write_data(tmp_path)
    passes(f"from support.documentation import run_page\nrun_page({str(page)!r})\n")
    left = {block.line: block.missing() for block in blocks(page) if block.missing()}
    if left:
        reasons = "; ".join(f"line {line} needs {', '.join(names)}" for line, names in left.items())
        pytest.skip(f"all other code of {page.name} ran; {reasons}")
