"""Find values outside a confidence interval and open one ticket for each problem, at a help desk of its own.

It needs the extra `tfx`, listens on the loopback interface only, and writes into a temporary folder.
"""

import json
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # TFX imports components by their module's name

from course_notes.anomalies import FindOutliers
from course_notes.records import TumourExamples
from course_notes.tickets import OpenTickets
from tfx.orchestration.metadata import sqlite_metadata_connection_config
from tfx.orchestration.pipeline import Pipeline

from ama_tfx.orchestration import RunReport, run_local


class HelpDesk(ThreadingHTTPServer):
    """Opens tickets for whoever has the token; the same problem is the same ticket."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.tickets: dict[str, dict[str, str]] = {}
        super().__init__(("127.0.0.1", 0), _Desk)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/tickets"


class _Desk(BaseHTTPRequestHandler):
    server: HelpDesk

    def do_POST(self):  # noqa: N802 - the library's name
        problem = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        allowed = self.headers["Authorization"] == f"Bearer {self.server.token}"
        if allowed:
            self.server.tickets.setdefault(self.headers["Idempotency-Key"], problem)
        number = list(self.server.tickets).index(self.headers["Idempotency-Key"]) + 1 if allowed else 0
        self.send_response(201 if allowed else 401)
        self.end_headers()
        self.wfile.write(json.dumps({"id": f"T-{number}"}).encode())

    def log_message(self, *_):
        pass


@contextmanager
def help_desk(token: str) -> Iterator[HelpDesk]:
    """Run a help desk in a thread."""
    with HelpDesk(token) as desk:
        thread = threading.Thread(target=desk.serve_forever, daemon=True)
        thread.start()
        try:
            yield desk
        finally:
            desk.shutdown()
            thread.join()


def anomaly_ticket(home: Path, url: str, broken_rows: int, *, cache: bool = True) -> RunReport:
    """Run the pipeline below a folder."""
    examples = TumourExamples(broken_rows=broken_rows)
    outliers = FindOutliers(examples=examples.outputs["examples"], feature="mean_radius")
    tickets = OpenTickets(anomalies=outliers.outputs["anomalies"], url=url, token_env="HELP_DESK_TOKEN")  # noqa: S106
    return run_local(
        Pipeline(
            "anomaly_ticket",
            str(home / "root"),
            components=[examples, outliers, tickets],
            enable_cache=cache,
            metadata_connection_config=sqlite_metadata_connection_config(str(home / "metadata.db")),
        )
    )


if __name__ == "__main__":
    os.environ.setdefault("HELP_DESK_TOKEN", "token-of-the-example")
    with tempfile.TemporaryDirectory() as temporary, help_desk(os.environ["HELP_DESK_TOKEN"]) as desk:
        anomaly_ticket(Path(temporary), desk.url, broken_rows=3)
        for ticket in desk.tickets.values():
            print(f"{ticket['title']}: {ticket['description']}")
        assert len(desk.tickets) == 1
