"""The documentation cannot rot: its commands and Python blocks are run as they stand, page by page."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", *ROOT.glob("docs/**/*.md")])
SCRIPTS = sorted(ROOT.glob("examples/*.py"))


def blocks(page: Path, *languages: str) -> list[str]:
    """Return the fenced blocks of a page; ``console`` and ``text`` blocks show output and are not run."""
    return [t.content for t in MarkdownIt().parse(page.read_text()) if t.type == "fence" and t.info in languages]


def pages_with(*languages: str) -> list[object]:
    found = [page for page in PAGES if blocks(page, *languages)]
    assert found, f"no page has a block of {languages}"
    return [pytest.param(page, id=str(page.relative_to(ROOT))) for page in found]


def environment(home: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    quiet = {"TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": ""}
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AMA_")}
    return {**kept, **quiet, "PATH": path, "HOME": str(home), "AMA_HOME": str(home / "ama")}


def run(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, text=True)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"


@pytest.mark.parametrize("page", pages_with("sh"))
def test_the_commands_of_a_page_run_in_order(page, tmp_path):
    script = "set -eu\n" + "\n".join(blocks(page, "sh"))
    run(["bash", "-c", script], tmp_path)


@pytest.mark.parametrize("page", pages_with("python"))
def test_the_python_of_a_page_runs_in_order(page, tmp_path):
    script = tmp_path / "page.py"
    script.write_text("\n".join(blocks(page, "python")))
    run([sys.executable, str(script)], tmp_path)


@pytest.mark.parametrize("script", [pytest.param(path, id=path.name) for path in SCRIPTS])
def test_every_example_runs_alone(script, tmp_path):
    assert SCRIPTS
    run([sys.executable, str(script)], tmp_path)


def test_every_fenced_block_says_what_it_is():
    known = {"sh", "python", "text", "console", "json", "toml", "mermaid"}
    for page in PAGES:
        unknown = [t.info for t in MarkdownIt().parse(page.read_text()) if t.type == "fence" and t.info not in known]
        assert not unknown, f"{page.name}: {unknown}"


def test_links_between_pages_lead_somewhere():
    links = []
    for page in [*PAGES, ROOT / "ARCHITECTURE.md", ROOT / "CHANGELOG.md"]:
        for token in MarkdownIt().parse(page.read_text()):
            for child in token.children or []:
                target = child.attrGet("href") if child.type == "link_open" else None
                if target and "://" not in target and not target.startswith("#"):
                    links.append(page.parent / target.partition("#")[0])
    assert links
    assert [str(link.relative_to(ROOT)) for link in links if not link.exists()] == []


def test_every_make_target_that_the_readme_names_exists():
    readme, makefile = (ROOT / "README.md").read_text(), (ROOT / "Makefile").read_text()
    named = set(re.findall(r"(?:`|\$ )make ([a-z]+)", readme))
    assert {"demo", "test"} <= named
    for target in named:
        assert f"\n{target}:" in makefile, target
