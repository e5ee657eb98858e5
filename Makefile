# Two commands need nothing but Python 3.11+, make and a package index: `make demo` and `make test`.
# Every other target shares the environment they build.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
READY  := $(VENV)/.ready
JOBS   ?= 2
# Some machines forbid bytecode files; then each of the hundreds of processes that the tests start compiles everything.
export PYTHONDONTWRITEBYTECODE :=
# Apart from the lock, because the wheel differs by machine: the package index decides whether it is the CPU's or CUDA's.
# `make TORCH= test` goes without: the tests of training/ and of the local classifier skip.
TORCH  ?= torch==2.13.0
# What only CUDA's wheel of torch asks for; it brings these itself.
CUDA   := torch triton cuda-bindings cuda-pathfinder cuda-toolkit $(addprefix nvidia-,cublas cuda-cccl cuda-cupti \
  cuda-nvrtc cuda-runtime cudnn-cu13 cufft cufile cusolver cusparse cusparselt-cu13 nccl-cu13 nvjitlink nvshmem-cu13 nvtx)

.PHONY: demo test test-adapters test-mcp-conformance test-long test-vllm serve lint types contract bench docs tables lock clean

demo: $(READY)
	@$(BIN)/leastward demo

test: $(READY)
	$(BIN)/pytest -q -n $(JOBS) --dist loadfile --no-loadscope-reorder -m "not long"

test-long: $(READY)
	$(BIN)/pytest -q -m long

# A real vLLM server on the CPU with the SmolLM2-135M-Instruct weights: 3.5 GB of disk, about ten minutes the first time.
test-vllm: $(READY)
	PYTHON=$(PYTHON) tests/vllm/setup.sh .venv-vllm
	$(BIN)/python tests/vllm/drive.py .venv-vllm
	$(BIN)/python tests/vllm/rollouts.py .venv-vllm

# The adapters against the agent frameworks themselves, in an environment of their own, and LiteLLM's proxy in
# another: 2.4 GB, some minutes the first time.
test-adapters: $(READY)
	@test -x .venv-adapters/bin/python || $(PYTHON) -m venv .venv-adapters
	@.venv-adapters/bin/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@.venv-adapters/bin/python -m pip install --quiet --disable-pip-version-check \
	  "langchain>=1.4" "openai-agents>=0.20" "pydantic-ai-slim>=2.68" "claude-agent-sdk>=0.2.187" "inspect-ai>=0.3.285"
	@test -x .venv-litellm/bin/python || $(PYTHON) -m venv .venv-litellm
	@.venv-litellm/bin/python -m pip install --quiet --disable-pip-version-check -e ".[llm]" "litellm[proxy]>=1.106"
	LEASTWARD_LITELLM=.venv-litellm/bin/litellm .venv-adapters/bin/python -m pytest -q \
	  tests/adapters tests/matrix/test_matrix_adapters.py

# The official MCP suite against a fixture, bare and behind the gate; needs npm once (237 MB).
test-mcp-conformance: $(READY)
	tests/mcp_conformance/setup.sh .venv-conformance
	$(BIN)/python tests/mcp_conformance/drive.py .venv-conformance

serve: $(READY)
	$(BIN)/leastward serve

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check --quiet .

types: $(READY)
	$(BIN)/mypy

contract: $(READY)
	$(BIN)/lint-imports

# Ratios against peers in the same run. Needs nginx and wrk for the gate's part; says so and goes on where they are missing.
bench: $(READY)
	$(BIN)/python -m evals.bench

# What is printed from the code; the rest is compared with it by tests.
docs: $(READY)
	$(BIN)/python -c 'from server.cli.page import reference_page; print(reference_page(), end="")' > docs/cli.md
	$(BIN)/python -c 'from server.cli.page import with_settings; from pathlib import Path; p = Path("docs/configuration.md"); p.write_text(with_settings(p.read_text()))'

# After a change of policy_dsl/grammar.lark, and after an update of lark.
tables: $(READY)
	$(BIN)/python -c 'from importlib.resources import files; from pathlib import Path; from policy_dsl import tables; from policy_dsl.parse import made; p = files("policy_dsl") / "grammar.lark"; t = p.read_text(); Path(p.parent / tables.FILE).write_bytes(tables.written(made(t), t))'

lock: $(READY)
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --quiet --universal --python-version 3.11 --generate-hashes --upgrade \
	  --extra analysis --extra jwt --extra llm --extra mcp --extra memory --extra memory-encoders --extra postgres \
	  --extra train --extra train-trl --extra evals --extra dev $(addprefix --no-emit-package ,$(CUDA)) \
	  --no-header --no-annotate --no-emit-index-url --no-emit-find-links -o requirements.lock

clean:
	rm -rf $(VENV) .venv-adapters .venv-litellm .venv-conformance .venv-vllm build dist

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "leastward needs Python 3.11 or later; name one: make PYTHON=python3.12 ..."; exit 1; }
	@echo "setting up $(VENV) from requirements.lock and $(TORCH) (two minutes, once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@test -z "$(TORCH)" || $(BIN)/python -m pip install --quiet --disable-pip-version-check $(TORCH)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(READY)
