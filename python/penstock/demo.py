"""`penstock demo`: both loaders over a folder of photographs that is made on the spot, without a download."""

import importlib.util
import tempfile
from pathlib import Path

from penstock.bench import BenchError, Result, Subject, run

__all__ = ["demo", "write_tiles"]

_HERE = Path(__file__).resolve().parent


def write_tiles(root: Path, count: int, size: int = 288) -> None:
    """Write an ImageFolder of tiles of the two photographs that scikit-learn ships, one class for each.

    Args:
        root: An empty folder.
        count: Number of JPEG files.
        size: Height and width of a tile, at most 427 pixels.
    """
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_sample_images

    samples = load_sample_images()
    random = np.random.default_rng(0)
    names = [Path(name).stem for name in samples.filenames]
    for name in names:
        (root / name).mkdir()
    for k in range(count):
        photograph = samples.images[k % len(names)]
        top, left = (int(random.integers(0, length - size + 1)) for length in photograph.shape[:2])
        tile = Image.fromarray(photograph[top : top + size, left : left + size])
        tile.save(root / names[k % len(names)] / f"{k:05}.jpg", quality=90)


def demo(*, count: int = 2000, workers: int = 2, batch_size: int = 50, plot: Path | None = None) -> Result:
    """Write tiles to a temporary folder, run both loaders over them with the same seed, and print what came out.

    Args:
        count: Number of tiles.
        workers: The loaders' `num_workers`.
        batch_size: The loaders'.
        plot: Gets a drawing of the figures.

    Raises:
        BenchError: If scikit-learn is missing, or what `bench.run` raises.
    """
    if importlib.util.find_spec("sklearn") is None:
        raise BenchError('the photographs come with scikit-learn: pip install "penstock[train]"')
    with tempfile.TemporaryDirectory(prefix="penstock-demo-") as folder:
        write_tiles(Path(folder), count)
        options = {"root": folder, "batch_size": batch_size, "workers": workers}
        subject = Subject(f"{count:,} tiles of two photographs", _HERE / "bench_loaders.py", "photographs", options)
        return run(subject, epochs=2, seed=0, plot=plot)
