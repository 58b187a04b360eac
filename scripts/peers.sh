#!/bin/sh
# Makes .tools/peers: what the benchmarks compare ama with, apart from the project's locked packages.
#   scripts/peers.sh         -> hf_xet, dvc and mlflow, each in an environment of its own; restic, borg, git-lfs by apt
#   scripts/peers.sh clean   -> removes the environments; what apt installed stays
# Run it as often as you like: what is there is not installed again. A peer that is missing is left out of the tables.
set -eu
cd "$(dirname "$0")/.."
folder=.tools/peers
uv=.tools/uv/bin/uv
python=${PYTHON:-.venv/bin/python}
[ -x "$python" ] || python=$(command -v python3)

# environment NAME REQUIREMENT...: .tools/peers/NAME with just these and what they need.
environment() {
  name=$1
  shift
  wanted="$*"
  [ "$(cat "$folder/$name/.installed" 2>/dev/null || true)" = "$wanted" ] && return
  "$uv" venv --quiet --clear --python "$python" "$folder/$name"
  VIRTUAL_ENV="$folder/$name" "$uv" pip install --quiet --compile-bytecode "$@"
  printf '%s\n' "$wanted" >"$folder/$name/.installed"
}

# debian COMMAND PACKAGE VERSION: PyPI has no wheel of borg for Linux, and none of the other two at all.
debian() {
  command -v "$1" >/dev/null && return
  if ! command -v apt-get >/dev/null || [ "$(id -u)" -ne 0 ]; then
    echo "peers: no $1 on PATH; on Debian, as root: apt-get install -y --no-install-recommends '$2=$3'" >&2
    return
  fi
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "$2=$3" >/dev/null
}

if [ "${1:-}" = clean ]; then
  rm -rf "$folder"
  exit
fi
[ $# -eq 0 ] || { echo "usage: scripts/peers.sh [clean]" >&2; exit 2; }

mkdir -p "$folder"
scripts/bootstrap.sh uv
environment hf_xet hf_xet==1.8.0
environment dvc dvc==3.67.1
environment mlflow mlflow-skinny==3.17.2
environment mlflow-registry mlflow-skinny==3.17.2 sqlalchemy==2.0.58 alembic==1.20.1
debian restic restic '0.14.0*'
debian borg borgbackup '1.2.4*'
debian git-lfs git-lfs '3.3.0*'
