#!/usr/bin/env bash
# Everything that needs a CUDA device, at once: the tests marked so, the trainer with either loader, the throughput
# report, and how near either loader brings a training to the GPU's own speed. Run it from a checkout on a machine with
# a GPU, where `pip install "penstock[train,dev]"` (or the wheel with these extras) has been done. PYTHON names the
# interpreter, OUT the folder for what is measured, PHOTOS an ImageFolder of JPEGs, without which the last is left out.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
python=${PYTHON:-python}
out=${OUT:-runs/gpu-checks}
workers=$("$python" -c 'import os; print(min(8, os.cpu_count() or 1))')
mkdir -p "$out"
failed=()

check() { # name, command...: go on after a failure, and tell at the end
    printf '\n== %s\n' "$1"
    "${@:2}" || failed+=("$1")
}

"$python" - <<'PY' || exit 1
import torch

import penstock

if not torch.cuda.is_available():
    raise SystemExit("gpu_checks.sh: torch sees no CUDA device here")
print(f"penstock {penstock.__version__}, torch {torch.__version__}, {torch.cuda.get_device_name()}")
PY

check "tests" "$python" -m pytest -m cuda -ra
for loader in torch penstock; do
    check "train with $loader's loader" \
        "$python" -m penstock train --device cuda --loader "$loader" --workers 2 --seed 0 --out "$out/train-$loader"
done
check "both trainings" "$python" - "$out" <<'PY'
import json
import pathlib
import sys

last = {}
for loader in ("torch", "penstock"):
    lines = (pathlib.Path(sys.argv[1]) / f"train-{loader}" / "metrics.jsonl").read_text().splitlines()
    last[loader] = json.loads(lines[-1])
    print(f"{loader:>9}", {name: round(value, 4) for name, value in last[loader].items()})
accuracy = {loader: epoch["test_accuracy"] for loader, epoch in last.items()}
assert min(accuracy.values()) >= 0.97, accuracy
PY
for batch_size in 128 512; do
    check "throughput, batches of $batch_size, $workers workers" \
        "$python" -m penstock bench --workers "$workers" --batch-size "$batch_size" --epochs 3 \
        --json "$out/bench-$batch_size.json" --plot "$out/bench-$batch_size.png"
done
if [ -n "${PHOTOS:-}" ]; then
    check "share of the GPU's speed" "$python" benches/python/gpu.py "$PHOTOS" --out "$out" --no-readme
fi

if [ ${#failed[@]} -gt 0 ]; then
    printf '\nfailed: %s\n' "${failed[*]}" >&2
    exit 1
fi
printf '\nall GPU checks passed\n'
