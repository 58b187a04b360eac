"""OpenTickets, function-based: one ticket at the help desk for each problem that was found in the data.

The token goes by the *name* of an environment variable: what a parameter holds is recorded in ML Metadata and stands in
compiled pipelines. Each request carries a key made of the problem itself, by which a help desk knows it again: a run
that is repeated opens nothing twice, and neither does a cached one, which does not run at all.
"""

import hashlib
import json
import os
import urllib.request
from pathlib import Path

from tensorflow_metadata.proto.v0 import anomalies_pb2
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, OutputDict, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types.standard_artifacts import ExampleAnomalies, String


def problems(anomalies: ExampleAnomalies) -> list[dict[str, str]]:
    """Return what is wrong, one document for each feature and split, in a fixed order."""
    found = []
    for split in json.loads(anomalies.split_names):
        report = anomalies_pb2.Anomalies.FromString(Path(anomalies.uri, f"Split-{split}", "SchemaDiff.pb").read_bytes())
        for feature, info in sorted(report.anomaly_info.items()):
            title = f"{feature} in split {split}: {info.short_description}"
            found.append({"title": title, "description": info.description})
    return found


def open_ticket(url: str, token: str, problem: dict[str, str]) -> str:
    """Post a problem; return the ticket's id."""
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"url is {url!r}; expected http:// or https://")
    body = json.dumps(problem, sort_keys=True).encode()
    headers = {
        "Authorization": f"Bearer {token}",
        "Content-Type": "application/json",
        "Idempotency-Key": hashlib.sha256(body).hexdigest(),
    }
    request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310 - checked above
    with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310
        return str(json.load(response)["id"])


@component
def OpenTickets(  # noqa: N802 - TFX names function components like classes
    anomalies: InputArtifact[ExampleAnomalies],
    receipt: OutputArtifact[String],
    url: Parameter[str],
    token_env: Parameter[str] = "HELP_DESK_TOKEN",  # noqa: S107 - the name of a variable
) -> OutputDict(tickets=int):
    """Open one ticket for each problem; the receipt holds their ids and titles."""
    token = os.environ.get(token_env)
    if not token:
        raise ValueError(f"the environment variable {token_env!r}, which is to hold the help desk's token, is not set")
    opened = [{"id": open_ticket(url, token, problem), "title": problem["title"]} for problem in problems(anomalies)]
    receipt.write(json.dumps(opened))
    return {"tickets": len(opened)}
