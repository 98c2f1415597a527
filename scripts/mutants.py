"""Compares what penstock and Pillow make of files that were tampered with.

    python scripts/mutants.py --count 1000000 --seed 1

Truncations, flipped bits, edited headers, spliced segments, swapped tables, restart markers renamed and moved, chunks
with checksums that fit: where penstock gives pixels, Pillow must give the same ones without a warning, and a loader
must give, raise and warn what Pillow does. Prints what became of how many, and writes each file that differs to --out.
With --seeds it writes sound files and mutants to a folder instead, to begin fuzzing with.
"""

import argparse
import hashlib
import random
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support import mutation, mutation_png, versus_pillow


def main() -> None:
    """Compare, or write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000, help="mutants")
    parser.add_argument("--seed", type=int, default=0, help="of the mutations; another one gives other files")
    parser.add_argument("--out", type=Path, default=Path("runs/mutants"), help="folder for files that differ")
    parser.add_argument("--seeds", type=Path, help="folder to write files to, instead of comparing any")
    arguments = parser.parse_args()
    if arguments.seeds is not None:
        rng = random.Random(arguments.seed)
        arguments.seeds.mkdir(parents=True, exist_ok=True)
        mutants = (make(rng) for make in (mutation.mutant, mutation_png.mutant) for _ in range(600))
        for file in (*mutation.originals(), *mutation_png.originals(), *mutants):
            (arguments.seeds / hashlib.sha256(file).hexdigest()[:16]).write_bytes(file)
        return
    start = time.monotonic()

    def tell(done: int, found: Counter[str]) -> None:
        rate = done / (time.monotonic() - start)
        print(f"{done:,} at {rate:,.0f}/s: {dict(found)}", flush=True)

    found = versus_pillow.run(arguments.count, arguments.seed, arguments.out, tell)
    tell(arguments.count, found)
    if found["different"]:
        sys.exit(f"{found['different']} differ; see {arguments.out}")


if __name__ == "__main__":
    main()
