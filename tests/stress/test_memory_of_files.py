"""What an epoch over files takes: the bounds that DESIGN.md states, measured in processes of their own."""

import os
import sys

import pytest
from support.files import encode, photo

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="what counts as resident differs")

PEAK = """
import gc
import warnings
import torchvision.transforms as v1
from torchvision import datasets as tv

def resident(what):
    status = open("/proc/self/status").read()
    return int(status.split(what + ":")[1].split()[0]) << 10

def peak_of_an_epoch(root, transform, **options):
    '''Bytes above what an epoch over the folder's smallest files leaves behind.'''
    dataset = tv.ImageFolder(root, transform)
    dataset.samples.sort(key=lambda sample: os.path.getsize(sample[0]))
    warnings.filterwarnings("ignore", "This DataLoader will create", UserWarning)
    few = torch.utils.data.Subset(dataset, range(8))
    assert penstock.explain(loader(dataset, **options)).native
    for _ in loader(few, **options):
        pass
    gc.collect()
    open("/proc/self/clear_refs", "w").write("5")  # the peak begins anew
    before = resident("VmHWM")
    assert before <= resident("VmRSS") + (1 << 20)
    images = sum(len(batch) for batch, _ in loader(dataset, **options))
    assert images == len(dataset)
    return resident("VmHWM") - before
"""


def flat(height, width, **options):
    """A large image in a small file."""
    import numpy as np

    image = np.full((height, width, 3), (200, 90, 30), np.uint8)
    image[::64, ::64] = 255
    return encode(image, quality=30, **options)


def folder_of(root, files, count):
    """Write each file once, and so many names for them."""
    (root / "a").mkdir()
    for k, file in enumerate(files):
        (root / f"{k}.jpg").write_bytes(file)
    for k in range(count):
        os.link(root / f"{k % len(files)}.jpg", root / "a" / f"{k:05}.jpg")
    return root


@pytest.mark.parametrize("count", [300, pytest.param(10_000, marks=pytest.mark.slow)])
def test_images_of_all_sizes(count, passes, tmp_path):
    """Each thread takes 3 bytes for each pixel that it decodes, 6 more for those of a file of several scans."""
    small = [encode(photo(1 + 7 * k, 1 + 11 * k, seed=k)) for k in range(45)]
    large = [flat(5000, 8000, subsampling=2), flat(1500, 2000, progressive=True, subsampling=0)]
    # Of each large one as many as there are threads, or some more, among so many that they meet.
    files = small * (count // 300) + large if count > 300 else small * 3 + large
    root = folder_of(tmp_path, files, count)
    out = passes(
        PEAK
        + f"""
transform = v1.Compose([v1.Resize((32, 32)), v1.ToTensor()])
print(peak_of_an_epoch({str(root)!r}, transform, batch_size=16, num_workers=2))
"""
    )
    threads, kept = 2, 40 << 20
    bound = threads * (5000 * 8000 * 3 + 1500 * 2000 * 6 + kept)
    assert 5000 * 8000 * 3 < int(out) < bound, f"{int(out) >> 20} MiB of {bound >> 20}"


def test_files_are_not_read_far_ahead_without_bounds(passes, tmp_path):
    """512 MiB, one for each reader, and the batch that is waited for, however many batches are sent ahead."""
    size = 20 << 20
    comment = b"\xff\xfe\xff\xff" + bytes(0xFFFD)
    file = encode(photo(32, 32))
    file = file[:2] + comment * (size // len(comment)) + file[2:]
    root = folder_of(tmp_path, [encode(photo(9, 9)) for _ in range(8)] + [file] * 2, 400)
    out = passes(
        PEAK
        + f"""
transform = v1.Compose([v1.CenterCrop(8), v1.ToTensor()])
print(peak_of_an_epoch({str(root)!r}, transform, batch_size=8, num_workers=8, prefetch_factor=4))
""",
        PENSTOCK_READERS="8",
    )
    ahead, readers, batch, unused, pixels = 512 << 20, 8 * size, 8 * size, 64 << 20, 8 << 20
    bound = ahead + readers + batch + unused + pixels
    assert 80 * size > bound + (512 << 20)
    assert 8 * size < int(out) < bound, f"{int(out) >> 20} MiB of {bound >> 20}"
