#!/usr/bin/env bash
# A model from scratch learns two versions of a depth-2 policy on two cores: fine-tuning, then GRPO beside PolicyRollout,
# three seeds, tables and curves. Some minutes an arm; stopped, it goes on where it was. The first argument is the folder.
set -euo pipefail
cd "$(dirname "$0")/../.."
exec "${PYTHON:-.venv/bin/python}" -m training.runs cpu --out "${1:-runs/cpu}" --threads "${THREADS:-2}" "${@:2}"
