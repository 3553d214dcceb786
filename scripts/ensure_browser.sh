#!/usr/bin/env bash
# A Chromium for the browser tests: an installed one, else Debian's or Homebrew's package.
set -euo pipefail
for candidate in "${TINGJIAN_CHROMIUM:-}" chromium chromium-browser google-chrome \
  "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome" \
  "/Applications/Chromium.app/Contents/MacOS/Chromium"; do
  if [ -n "$candidate" ] && command -v "$candidate" >/dev/null; then exit 0; fi
done
echo "==> 安装浏览器测试用的 Chromium / installing Chromium for the browser tests"
if command -v apt-get >/dev/null; then
  sudo=""
  [ "$(id -u)" -eq 0 ] || sudo="sudo"
  $sudo apt-get update -qq
  DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends \
    chromium fonts-noto-cjk >/dev/null
elif command -v brew >/dev/null; then
  brew install --quiet --cask chromium
else
  echo "请安装 Chromium 或 Chrome，或用 TINGJIAN_CHROMIUM 指定路径。/ Install Chromium or Chrome, or set TINGJIAN_CHROMIUM." >&2
  exit 1
fi
