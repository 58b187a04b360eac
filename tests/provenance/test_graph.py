"""Ancestors and descendants, against an oracle that knows only sets; in memory and out of ML Metadata."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ama_tfx.provenance import Artifact, Event, EventKind, Execution, ExecutionState, Graph
from ama_tfx.provenance import walking as walking_module
from ama_tfx.testing.run_store import Made
from tests.provenance.conftest import history_in, memory_store

NOW = datetime.datetime(2026, 5, 4, tzinfo=datetime.timezone.utc)
IN, OUT = EventKind.INPUT, EventKind.OUTPUT


@st.composite
def dags(draw):
    """Executions in order: what each takes of the artifacts before, how many it makes, and whether it was cached.

    A cached one has the number of the execution whose outputs it took.
    """
    found, made = [], 0
    for number in range(draw(st.integers(1, 12))):
        repeated = draw(st.none() | st.integers(0, number - 1)) if number else None
        if repeated is not None and found[repeated][2] is None and found[repeated][1]:
            found.append((found[repeated][0], 0, repeated))
            continue
        taken = draw(st.lists(st.integers(0, made - 1), max_size=4, unique=True)) if made else []
        count = draw(st.integers(0, 3))
        found.append((tuple(taken), count, None))
        made += count
    return found


def links(dag):
    """Return what each execution takes and gives, by position, as sets of artifacts numbered from 0."""
    taken, given_, made = [], [], 0
    for inputs, count, repeated in dag:
        taken.append(set(inputs))
        given_.append(set(range(made, made + count)) if repeated is None else given_[repeated])
        made += count
    return taken, given_, made


def oracle(dag, start, first, then, most=None):
    """Return artifact -> steps, and the executions crossed: one step at a time, over everything."""
    reached, crossed, step = {start: 0}, set(), 0
    while most is None or step < most:
        edge = {artifact for artifact, at in reached.items() if at == step}
        now = {number for number in range(len(dag)) if first[number] & edge} - crossed
        new = {artifact for number in now for artifact in then[number]} - set(reached)
        crossed |= now
        step += 1
        reached.update(dict.fromkeys(new, step))
        if not new:
            break
    return reached, crossed


def graph_of(dag):
    taken, given_, made = links(dag)
    events = [
        Event(number, artifact, kind, kind.value, artifact)
        for kind, side in ((IN, taken), (OUT, given_))
        for number, artifacts in enumerate(side)
        for artifact in artifacts
    ]
    states = [ExecutionState.COMPLETE if repeated is None else ExecutionState.CACHED for *_, repeated in dag]
    return Graph(
        {one: Artifact(one, "Model", f"/{one}", NOW) for one in range(made)},
        {one: Execution(one, "parts.Node", state, NOW, NOW) for one, state in enumerate(states)},
        tuple(events),
    )


limits = st.none() | st.integers(0, 3)


@settings(deadline=None)
@given(dags(), limits, limits, st.data())
def test_what_an_artifact_came_from_and_went_into_is_what_the_oracle_says(dag, up, down, data):
    taken, given_, made = links(dag)
    if not made:
        return
    start = data.draw(st.integers(0, made - 1))
    older, makers = oracle(dag, start, given_, taken, up)
    newer, users = oracle(dag, start, taken, given_, down)
    graph = graph_of(dag)
    assert graph.ancestors(start, up) == older
    assert graph.descendants(start, down) == newer
    around = graph.around(start, up=up, down=down)
    assert set(around.artifacts) == {*older, *newer}
    assert set(around.executions) == makers | users
    assert {(e.execution_id, e.artifact_id, e.kind) for e in around.events} == {
        (number, artifact, kind)
        for crossed, reached in ((makers, older), (users, newer))
        for number in crossed
        for kind, side in ((IN, taken), (OUT, given_))
        for artifact in side[number] & set(reached)
    }


@settings(deadline=None)
@given(dags())
def test_without_cached_executions_every_artifact_keeps_its_maker_and_its_ancestors(dag):
    graph = graph_of(dag)
    less = graph.without_cached()
    assert {one.state for one in less.executions.values()} <= {ExecutionState.COMPLETE}
    for artifact in graph.artifacts:
        assert less.maker(artifact) == graph.maker(artifact)
        assert set(less.ancestors(artifact)) == set(graph.ancestors(artifact))


def write(dag):
    """Write a DAG into ML Metadata; return the writer, and the ids of its executions and artifacts."""
    writer, written, artifacts = memory_store(), [], []
    for number, (inputs, count, repeated) in enumerate(dag):
        run, node = f"run-{number % 3}", f"node-{number}"
        if repeated is not None:
            written.append(writer.repeat(run, node, written[repeated]))
            continue
        made = [Made("Model", f"/{len(artifacts) + place}") for place in range(count)]
        taken = {"taken": [artifacts[one] for one in inputs]} if inputs else {}
        done = writer.execute(run, node, inputs=taken, outputs={"made": made} if made else {})
        written.append(done)
        artifacts += done.outputs.get("made", ())
    return writer, [one.execution for one in written], artifacts


@pytest.mark.parametrize("rounds", [0, 2, 1000])
@settings(max_examples=10, deadline=None)
@given(dag=dags(), up=limits, down=limits, data=st.data())
def test_the_store_gives_the_same_graph_asked_step_by_step_or_all_at_once(rounds, dag, up, down, data):
    taken, given_, made = links(dag)
    if not made:
        return
    start = data.draw(st.integers(0, made - 1))
    older, makers = oracle(dag, start, given_, taken, up)
    newer, users = oracle(dag, start, taken, given_, down)
    writer, executions, artifacts = write(dag)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(walking_module, "MOST_ROUNDS", rounds)
        found = history_in(writer).lineage(artifacts[start], up=up, down=down, with_cached=True)
    assert set(found.artifacts) == {artifacts[one] for one in {*older, *newer}}
    assert set(found.executions) == {executions[one] for one in makers | users}
    assert found.ancestors(artifacts[start], up) == {artifacts[one]: step for one, step in older.items()}
    assert found.descendants(artifacts[start], down) == {artifacts[one]: step for one, step in newer.items()}
    nodes = {executions[one]: f"node-{one}" for one in range(len(dag))}
    assert all(execution.node == nodes[one] for one, execution in found.executions.items())


def test_a_chain_longer_than_ml_metadata_follows_is_whole():
    dag = [((), 1, None), *(((number,), 1, None) for number in range(129))]
    writer, executions, artifacts = write(dag)
    found = history_in(writer).lineage(artifacts[0])
    assert (len(found.artifacts), len(found.executions)) == (130, 130)
    assert found.descendants(artifacts[0])[artifacts[129]] == 129
    assert {one.node for one in found.executions.values()} == {f"node-{number}" for number in range(130)}


def test_an_artifact_that_a_resolver_chose_was_not_made_by_it():
    graph = Graph(
        {1: Artifact(1, "Model", "/1", NOW)},
        {7: Execution(7, "parts.Resolver", ExecutionState.COMPLETE, NOW, NOW)},
        (Event(7, 1, EventKind.INTERNAL, "model"),),
    )
    assert graph.maker(1) is None
    assert graph.around(1).executions == {}
    assert graph.is_linked(7)
