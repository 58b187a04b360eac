"""SampleByClass, function-based: gives every class of the training split as many examples as the others."""

import json
import random
from collections import Counter, defaultdict

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, OutputDict, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import Examples

from course_notes.records import read_split, value_of, write_split


def resample(labels: list[float], direction: str, seed: int) -> list[int]:
    """Return which examples to take, by position, so that all classes are of one size.

    Args:
        labels: Class of each example.
        direction: ``down`` leaves examples of larger classes out; ``up`` takes those of smaller ones again.
        seed: Of the choice: the same one gives the same sample, and so TFX's cache stays true.
    """
    if direction not in {"down", "up"}:
        raise ValueError(f"direction is {direction!r}; expected 'down' or 'up'")
    members: dict[float, list[int]] = defaultdict(list)
    for position, label in enumerate(labels):
        members[label].append(position)
    rng = random.Random(seed)  # noqa: S311 - a sample, no secret
    sizes = [len(positions) for positions in members.values()]
    taken: list[int] = []
    for _, positions in sorted(members.items()):
        if direction == "down":
            taken += rng.sample(positions, min(sizes))
        else:
            taken += positions + rng.choices(positions, k=max(sizes) - len(positions))
    return sorted(taken)


@component
def SampleByClass(  # noqa: N802 - TFX names function components like classes
    examples: InputArtifact[Examples],
    sampled: OutputArtifact[Examples],
    label: Parameter[str],
    direction: Parameter[str] = "down",
    split: Parameter[str] = "train",
    seed: Parameter[int] = 0,
) -> OutputDict(counts=str):
    """Balance the classes of one split; the others, by which models are judged, stay as they are."""
    names = json.loads(examples.split_names)
    counts: Counter[float] = Counter()
    for name in names:
        records = read_split(examples, name)
        if name == split:
            labels = [value_of(record, label) for record in records]
            taken = resample(labels, direction, seed)
            records, counts = [records[i] for i in taken], Counter(labels[i] for i in taken)
        write_split(sampled, name, records)
    sampled.split_names = json.dumps(names)
    return {"counts": json.dumps({f"{key:g}": count for key, count in sorted(counts.items())})}
