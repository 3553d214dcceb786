#!/usr/bin/env bash
# A virtual environment in $2 made by $1, or one clear sentence about what is missing.
set -euo pipefail
python=$1 venv=$2

if ! command -v "$python" >/dev/null; then
  echo "找不到 $python：请先安装 Python 3.11 或更新版本。/ $python not found: install Python 3.11 or newer." >&2
  exit 1
fi
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  echo "需要 Python 3.11+，当前为 $("$python" --version)。用 make PYTHON=python3.11 指定。/ Python 3.11+ needed: make PYTHON=python3.11" >&2
  exit 1
fi
if [ ! -x "$venv/bin/pip" ]; then
  echo "==> 创建虚拟环境 / creating $venv"
  rm -rf "$venv"
  if ! "$python" -m venv "$venv" 2>/dev/null; then
    # Debian splits ensurepip out of python3; virtualenv from the registry does without it.
    rm -rf "$venv"
    if "$python" -m pip --version >/dev/null 2>&1; then
      "$python" -m pip install --quiet --user --break-system-packages virtualenv
      "$python" -m virtualenv --quiet "$venv"
    else
      echo "Python 缺少 venv 模块，请执行：sudo apt-get install -y python3-venv / python3-venv is missing: sudo apt-get install -y python3-venv" >&2
      exit 1
    fi
  fi
fi
