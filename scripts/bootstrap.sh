#!/bin/sh
# Makes .venv from the hash-locked requirements with nothing but Python, pip and make on the machine.
#   scripts/bootstrap.sh uv     -> .tools/uv/bin/uv, installed with pip from requirements/uv.txt
#   scripts/bootstrap.sh venv   -> .venv on Python 3.10 with requirements/full.txt, bytecode compiled
set -eu
cd "$(dirname "$0")/.."
uv=.tools/uv/bin/uv
# Like pip, uv is to trust the certificates that this machine trusts.
export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}"

# Prints each interpreter that this machine may have; a pyenv shim may be there and still not run.
candidates() {
  printf '%s\n' "${PYTHON:-}" python3.10 python3 python
  for root in "${PYENV_ROOT:-}" "$(pyenv root 2>/dev/null || true)" "$HOME/.pyenv"; do
    [ -n "$root" ] && ls -d "$root"/versions/3.10*/bin/python3 2>/dev/null || true
  done
}

# find_python CONDITION: the first candidate whose interpreter satisfies the Python expression.
find_python() {
  candidates | while read -r python; do
    [ -n "$python" ] || continue
    "$python" -c "import sys; sys.exit(not ($1))" >/dev/null 2>&1 && { echo "$python"; break; }
  done
}

install_uv() {
  [ -x "$uv" ] && [ "$uv" -nt requirements/uv.txt ] && return
  python=$(find_python "sys.version_info >= (3, 8) and __import__('pip')")
  [ -n "$python" ] || { echo "bootstrap: no Python with pip found; install pip for Python 3.10" >&2; exit 1; }
  rm -rf .tools/uv
  # pip may run as a build user and warn about it; --target keeps this apart from every other environment.
  "$python" -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --no-deps --require-hashes \
    --target .tools/uv --requirement requirements/uv.txt
  touch "$uv"
}

make_venv() {
  install_uv
  python=$(find_python "sys.version_info[:2] == (3, 10)")
  # Without a 3.10 on the machine, uv fetches one where it may.
  "$uv" venv --quiet --clear --python "${python:-3.10}" .venv
  echo "installing the locked packages into .venv (about a minute) ..." >&2
  VIRTUAL_ENV=.venv "$uv" pip install --quiet --require-hashes --compile-bytecode --requirement requirements/full.txt
  VIRTUAL_ENV=.venv "$uv" pip install --quiet --no-deps --no-build-isolation --editable .
  .venv/bin/python -m compileall -q ama_tfx
}

case "${1:-}" in
  uv) install_uv ;;
  venv) make_venv ;;
  *) echo "usage: scripts/bootstrap.sh uv|venv" >&2; exit 2 ;;
esac
