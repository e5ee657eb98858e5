#!/usr/bin/env bash
# Fetches what `make test-mcp-conformance` needs: the conformance suite of MCP and the Node that it wants (237 MB).
# Usage: tests/mcp_conformance/setup.sh DIR     (DIR/node_modules; does nothing where DIR/ready exists)
set -euo pipefail
dir=$1
suite=@modelcontextprotocol/conformance@0.2.0-alpha.12
node=node@22
[ -e "$dir/ready" ] && exit 0
command -v npm >/dev/null || { echo "npm is needed once, to fetch the suite and its own Node"; exit 1; }
mkdir -p "$dir"
echo "fetching $suite and $node"
npm install --silent --no-audit --no-fund --prefix "$dir" "$node" "$suite"
touch "$dir/ready"
