#!/usr/bin/env bash
# Everything that needs a CUDA device, at once and in less than six minutes: the tests marked so, the trainer with either
# loader, and how near a training comes to the GPU's own speed, with the batches copied by the loop, delivered by the
# loader, and delivered as bytes. Run it from a checkout on a machine with a GPU, where
# `pip install "penstock[train,dev]"` (or the wheel with these extras) has been done. PYTHON names the interpreter, OUT the
# folder for what is measured and the log, PHOTOS an ImageFolder of JPEGs, without which only small images are measured.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
python=${PYTHON:-python}
out=${OUT:-runs/gpu-checks}
mkdir -p "$out"
exec > >(tee "$out/log.txt") 2>&1
failed=()

check() { # seconds, name, command...: go on after a failure or at the time's end, and tell in the end
    printf '\n== %s\n' "$2"
    timeout "$1" "${@:3}" || failed+=("$2")
    printf '(%d s since the beginning)\n' "$SECONDS"
}

"$python" - <<'PY' || exit 1
import torch

import penstock

if not torch.cuda.is_available():
    raise SystemExit("gpu_checks.sh: torch sees no CUDA device here")
print(f"penstock {penstock.__version__}, torch {torch.__version__}, {torch.cuda.get_device_name()}")
PY

mapfile -t marked < <(grep -rl --include='test_*.py' 'mark\.cuda' tests)
check 120 "tests" "$python" -m pytest -q -m cuda -ra "${marked[@]}"
check 150 "share of the GPU's speed" \
    "$python" benches/python/gpu.py ${PHOTOS:+"$PHOTOS"} --rounds 2 --out "$out" --no-readme
for loader in torch penstock; do
    check 40 "train with $loader's loader" \
        "$python" -m penstock train --device cuda --loader "$loader" --workers 2 --seed 0 --out "$out/train-$loader"
done
check 10 "both trainings" "$python" - "$out" <<'PY'
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

if [ ${#failed[@]} -gt 0 ]; then
    printf '\nfailed: %s\n' "${failed[*]}" >&2
    exit 1
fi
printf '\nall GPU checks passed\n'
