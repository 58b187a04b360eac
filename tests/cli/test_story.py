"""The case study's own commands, as its users type them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

SEED = Path(__file__).parent / "seed_ama.sh"
ORIGINAL = Path(__file__).parents[3] / "shared" / "seed_ama.sh"


def test_the_story_runs(home):
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", str(SEED)], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1] == "seed story: ok"
    assert (home / "registry" / "registry.json").exists()


@pytest.mark.skipif(not ORIGINAL.exists(), reason="the original is not beside this copy of the repository")
def test_the_story_is_the_original_word_for_word():
    assert SEED.read_bytes() == ORIGINAL.read_bytes()
