#!/bin/sh
# Installs the Debian packages that `make setup` (PYTHON3 given) or `make images` (--images) need and that are missing. Does nothing, and needs no root, if none is.
set -eu

missing=""
if [ "$1" = --images ]; then
  if [ "${BUILDER:-}" != docker ]; then
    command -v buildah > /dev/null || missing="$missing buildah"
    command -v mmdebstrap > /dev/null || missing="$missing mmdebstrap"
  fi
else
  command -v "$1" > /dev/null || missing="$missing python3"
  "$1" -c "import ensurepip, venv" 2> /dev/null || missing="$missing python3-venv"
  command -v ld > /dev/null || missing="$missing binutils"
fi
[ -n "$missing" ] || exit 0

if ! command -v apt-get > /dev/null; then
  echo "Install these first:$missing" >&2
  exit 1
fi
echo "Installing Debian packages:$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086 # a list of names
apt-get install -qq -y --no-install-recommends $missing > /dev/null
