import subprocess
import sys

import pytest

import ama_tfx.orchestration
from ama_tfx.errors import InvalidInputError, MissingExtraError
from ama_tfx.orchestration import TARGETS, compile_pipeline, load_target


def test_the_public_surface_is_pinned():
    assert ama_tfx.orchestration.__all__ == [
        "TARGETS",
        "CompiledPipeline",
        "KubeflowOptions",
        "LocalRunOptions",
        "NodeOutcome",
        "NodeProgress",
        "NodeState",
        "RunReport",
        "Target",
        "compile_pipeline",
        "load_target",
        "read_compiled",
        "run_local",
        "submit",
    ]


def test_importing_the_package_imports_nothing_heavy():
    heavy = "{'tensorflow', 'tfx', 'kfp', 'apache_beam', 'ml_metadata', 'yaml'}"
    code = f"import sys, ama_tfx.orchestration; print(sorted({heavy} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_an_unknown_target_is_refused_with_the_known_ones():
    with pytest.raises(InvalidInputError) as caught:
        load_target("vertx")
    assert str(caught.value) == "unknown target 'vertx'; known: kubeflow, local, vertex; did you mean 'vertex'?"


def test_an_unknown_target_is_refused_by_compile(make_pipeline):
    with pytest.raises(InvalidInputError, match="unknown target 'flyte'; known: kubeflow, local, vertex"):
        compile_pipeline(make_pipeline([]), "flyte")


def test_every_target_of_the_table_loads_under_its_name():
    assert sorted(TARGETS) == ["kubeflow", "local", "vertex"]
    assert [load_target(name).name for name in sorted(TARGETS)] == ["kubeflow", "local", "vertex"]


@pytest.mark.parametrize("missing", ["kfp", "kfp.pipeline_spec"])
@pytest.mark.parametrize("target", ["kubeflow", "vertex"])
def test_without_kfp_pipeline_spec_the_error_says_what_to_install(monkeypatch, target, missing):
    monkeypatch.delitem(sys.modules, "ama_tfx.orchestration.kubeflow", raising=False)
    monkeypatch.delattr(ama_tfx.orchestration, "kubeflow", raising=False)
    for name in [name for name in sys.modules if name == "kfp" or name.startswith("kfp.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'ama-tfx\[kubeflow\]'"):
        load_target(target)


def test_without_tfx_the_error_says_what_to_install(monkeypatch):
    monkeypatch.delitem(sys.modules, "ama_tfx.orchestration.local", raising=False)
    monkeypatch.delattr(ama_tfx.orchestration, "local", raising=False)
    monkeypatch.setitem(sys.modules, "tfx.dsl.compiler", None)
    with pytest.raises(MissingExtraError, match=r"target 'local' needs .* pip install 'ama-tfx\[tfx\]'"):
        load_target("local")
