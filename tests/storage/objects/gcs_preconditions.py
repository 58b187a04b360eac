"""What gcp-storage-emulator leaves out of Google's service: an upload on the condition that there is no such object.

A proxy in front of it answers 412 as https://cloud.google.com/storage/docs/request-preconditions says, and passes on
everything else. It shows that our client sends the condition with every kind of upload, and understands the answer.
"""

import contextlib
import http.client
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, urlsplit

_NAME = re.compile(rb'"name":\s*"([^"]+)"')


class Preconditions:
    """A proxy's memory: which resumable uploads may only create."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.lock = threading.Lock()
        self.uploads: dict[str, str] = {}

    def forward(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders()), answer.read()

    def answer(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        query = {key: values[0] for key, values in parse_qs(urlsplit(path).query).items()}
        name = self.uploads.get(query.get("upload_id", ""))
        if query.get("ifGenerationMatch") == "0" and method == "POST":
            found = _NAME.search(body)
            name = found[1].decode() if found else query["name"]
        if name is None:
            return self.forward(method, path, body, headers)
        with self.lock:
            there, *_ = self.forward("GET", f"/storage/v1/b/bucket/o/{quote(name, safe='')}", b"", {})
            if there == http.HTTPStatus.OK:
                return (
                    412,
                    {"Content-Type": "application/json"},
                    b'{"error": {"code": 412, "message": "conditionNotMet"}}',
                )
            status, sent, content = self.forward(method, path, body, headers)
        if query.get("uploadType") == "resumable" and method == "POST":
            location = parse_qs(urlsplit({key.lower(): value for key, value in sent.items()}["location"]).query)
            self.uploads[location["upload_id"][0]] = name
        return status, sent, content


@contextlib.contextmanager
def enforcing_preconditions(emulator_port: int) -> Iterator[str]:
    """Run the proxy in front of an emulator; the block gets its URL."""
    preconditions = Preconditions(emulator_port)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {key: value for key, value in self.headers.items() if key.lower() != "connection"}
            status, sent, content = preconditions.answer(self.command, self.path, body, headers)
            self.send_response_only(status)
            for key, value in sent.items():
                if key.lower() not in {"content-length", "transfer-encoding", "connection"}:
                    self.send_header(key, value)
            if status != http.HTTPStatus.NO_CONTENT:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PUT = do_DELETE = do_any  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
