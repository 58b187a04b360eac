#!/bin/sh
# Makes .tools/emulators: the servers that tests of object stores talk to, apart from the project's locked packages.
#   scripts/emulators.sh         -> moto (S3) and gcp-storage-emulator in python/, azurite in npm/
#   scripts/emulators.sh clean   -> removes them
# Needs Python 3.10 or newer with venv, and npm for azurite; without npm the tests of Azure say that they are skipped.
set -eu
cd "$(dirname "$0")/.."
folder=.tools/emulators
python=${PYTHON:-.venv/bin/python}
[ -x "$python" ] || python=python3

if [ "${1:-}" = clean ]; then
  rm -rf "$folder"
  exit
fi
[ $# -eq 0 ] || { echo "usage: scripts/emulators.sh [clean]" >&2; exit 2; }

mkdir -p "$folder"
[ -x "$folder/python/bin/python" ] || "$python" -m venv "$folder/python"
"$folder/python/bin/python" -m pip install --quiet --disable-pip-version-check \
  'moto[s3,server]==5.2.5' 'gcp-storage-emulator==2026.7.19'

if command -v npm >/dev/null; then
  npm install --prefix "$folder/npm" --no-audit --no-fund --no-save --loglevel=error azurite@3.35.0
else
  echo "emulators: no npm on PATH, so no azurite; on Debian: apt-get install npm" >&2
fi
