"""Content that stays where it is: a URL with its digest."""

import hashlib
import http.server
import json
import socket
import threading

import pytest

from ama_tfx.errors import BackendError, IntegrityError, InvalidInputError, PermissionDeniedError
from ama_tfx.registry import AssetName, AssetRef, FileEntry, Manifest, Onto, WorkingCopy, clone
from ama_tfx.registry.fetching import MAX_REDIRECTS, external_entry, is_public
from ama_tfx.registry.urls import check_url
from ama_tfx.storage import Digest

CORPUS = b"corpus" * 1000
SHA256 = hashlib.sha256(CORPUS).hexdigest()


@pytest.fixture
def server():
    """An HTTP server on this machine: path -> (status, headers, body)."""
    answers = {"/corpus.tar": (200, {}, CORPUS)}
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):  # noqa: N802 - the server's name for it
            asked.append(self.path)
            status, headers, body = answers.get(self.path, (404, {}, b"no"))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, *_):
            """Say nothing of clients that have read enough."""

    found = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=found.serve_forever)
    thread.start()
    found.answers, found.asked = answers, asked
    found.url = f"http://127.0.0.1:{found.server_address[1]}"
    yield found
    found.shutdown()
    found.server_close()
    thread.join()


@pytest.fixture
def allowed(monkeypatch):
    monkeypatch.setenv("AMA_ALLOW_PRIVATE_URLS", "1")


@pytest.fixture
def copy(tmp_path):
    (tmp_path / "work").mkdir()
    return WorkingCopy.init(tmp_path / "work", AssetName("default", "data"))


def test_external_content_is_registered_without_its_bytes_and_downloaded_with_them(
    copy, server, allowed, local_registry, tmp_path
):
    (copy.root / "README").write_text("about it")
    copy.add([copy.root / "README"])
    copy.add_external(external_entry(f"{server.url}/corpus.tar", path="raw/corpus.tar"))
    registered, _ = copy.upload(local_registry)
    assert registered.version.file_count == 2
    assert registered.version.size_bytes == len(CORPUS) + 8
    entry = local_registry.manifest("data").files[1]
    assert entry == FileEntry("raw/corpus.tar", Digest(SHA256), len(CORPUS), f"{server.url}/corpus.tar")
    assert local_registry.show("data").to_json()["files"][1]["url"] == entry.url
    local_registry.download("data", tmp_path / "out")
    assert (tmp_path / "out" / "raw" / "corpus.tar").read_bytes() == CORPUS
    with local_registry.open("data:1/raw/corpus.tar") as stream:
        assert stream.read() == CORPUS
    assert [hit.path for hit in local_registry.find(Digest(SHA256))] == ["raw/corpus.tar"]


def test_neither_fsck_nor_gc_misses_what_was_never_stored(copy, local_registry):
    copy.add_external(external_entry("https://host/x", sha256=SHA256, size_bytes=5))
    copy.upload(local_registry)
    assert local_registry.upkeep.fsck(read_percent=100).is_clean
    assert local_registry.upkeep.fsck(read_percent=100).lost == ()
    local_registry.upkeep.gc()
    assert local_registry.upkeep.fsck(read_percent=100).is_clean


def test_a_manifest_without_urls_has_the_bytes_that_it_always_had():
    manifest = Manifest("Files", (FileEntry("a", Digest(SHA256), 5),))
    assert b"url" not in manifest.to_bytes()
    external = Manifest("Files", (FileEntry("a", Digest(SHA256), 5, "https://host/a"),))
    assert json.loads(external.to_bytes())["files"] == [
        {"path": "a", "sha256": SHA256, "size_bytes": 5, "url": "https://host/a"}
    ]
    assert Manifest.from_bytes(external.to_bytes()) == external


@pytest.mark.parametrize("url", ["ftp://host/a", "file:///a/../b", 5, "", None])
def test_a_manifest_with_a_url_that_is_none_is_refused(url):
    document = json.loads(Manifest("Files", (FileEntry("a", Digest(SHA256), 5, "https://host/a"),)).to_bytes())
    document["files"][0]["url"] = url
    with pytest.raises(InvalidInputError):
        Manifest.from_bytes(json.dumps(document, separators=(",", ":"), sort_keys=True).encode())


def test_external_content_of_a_base_stays_so(copy, server, allowed, local_registry, tmp_path):
    copy.add_external(external_entry(f"{server.url}/corpus.tar"))
    copy.upload(local_registry)
    cloned, _ = clone(local_registry, AssetRef.parse("data"), tmp_path / "clone")
    assert (cloned.root / "corpus.tar").read_bytes() == CORPUS
    (cloned.root / "new").write_text("new")
    cloned.add([cloned.root / "new"])
    cloned.upload(local_registry)
    assert [entry.url is None for entry in local_registry.manifest("data:2").files] == [False, True]
    (cloned.root / "corpus.tar").write_text("now mine")
    cloned.add([cloned.root / "corpus.tar"])
    cloned.upload(local_registry)
    assert [entry.url for entry in local_registry.manifest("data:3").files] == [None, None]


def test_a_file_of_this_machine_may_be_external(copy, local_registry, tmp_path):
    (tmp_path / "corpus").write_bytes(CORPUS)
    entry = external_entry((tmp_path / "corpus").as_uri())
    assert (entry.path, entry.digest.hex, entry.size_bytes) == ("corpus", SHA256, len(CORPUS))
    (tmp_path / "link").symlink_to("corpus")
    for other in (tmp_path / "link", tmp_path):
        with pytest.raises(InvalidInputError, match="not a regular file"):
            external_entry(other.as_uri())


# --- What is at the URL is checked before anybody sees it.


@pytest.mark.parametrize("body", [CORPUS[:-1] + b"X", CORPUS[:-1], CORPUS + b"X" * 10_000_000, b""])
def test_other_content_is_never_visible(copy, server, allowed, local_registry, tmp_path, body):
    copy.add_external(external_entry(f"{server.url}/corpus.tar"))
    copy.upload(local_registry)
    server.answers["/corpus.tar"] = (200, {}, body)
    for act in (
        lambda: local_registry.download("data", tmp_path / "out"),
        lambda: local_registry.download("data:1/corpus.tar", tmp_path / "out"),
        lambda: local_registry.open("data:1/corpus.tar"),
    ):
        with pytest.raises(IntegrityError, match=f"expected {len(CORPUS)} bytes with {SHA256}"):
            act()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["registry", "work"]


def _gone(server):
    server.answers.clear()


def _failing(server):
    server.answers["/corpus.tar"] = (500, {}, b"")


def _loop(server):
    server.answers["/corpus.tar"] = (302, {"Location": "/corpus.tar"}, b"")


def _to_a_file(server):
    server.answers["/corpus.tar"] = (302, {"Location": "file:///etc/passwd"}, b"")


def _to_gopher(server):
    server.answers["/corpus.tar"] = (302, {"Location": "gopher://127.0.0.1/"}, b"")


def _nowhere(server):
    server.answers["/corpus.tar"] = (302, {}, b"")


def _cut(server):
    server.answers["/corpus.tar"] = (200, {"Content-Length": str(len(CORPUS) * 2)}, CORPUS)


@pytest.mark.parametrize("change", [_gone, _failing, _loop, _to_a_file, _to_gopher, _nowhere])
def test_what_cannot_be_read_is_a_clear_error_and_nothing_appears(
    copy, server, allowed, local_registry, tmp_path, change
):
    copy.add_external(external_entry(f"{server.url}/corpus.tar"))
    copy.upload(local_registry)
    change(server)
    server.asked.clear()
    with pytest.raises(BackendError):
        local_registry.download("data", tmp_path / "out")
    assert not (tmp_path / "out").exists()
    assert len(server.asked) <= MAX_REDIRECTS + 1


def test_an_answer_that_is_cut_is_not_the_content(copy, server, allowed, local_registry, tmp_path):
    _cut(server)
    with pytest.raises((BackendError, IntegrityError)):
        copy.add_external(
            external_entry(f"{server.url}/corpus.tar", sha256=SHA256, size_bytes=len(CORPUS) * 2)
        ) and copy.upload(local_registry) and local_registry.download("data", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def _serve_raw(answer):
    """Answer one request with these bytes; return the URL."""
    listening = socket.create_server(("127.0.0.1", 0))

    def serve():
        with listening, listening.accept()[0] as connection:
            connection.recv(5000)
            connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()
    return f"http://127.0.0.1:{listening.getsockname()[1]}/x"


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ODD_ANSWERS = [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", r"broke off after 3 of 100 bytes; try again later"),
    (
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc",
        r"answered with Content-Length '-5'; expected a whole number",
    ),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 3x\r\n\r\nabc", r"Content-Length '3x'"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 2\r\n\r\nabc", r"Content-Length '3, 2'"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc", r"Transfer-Encoding 'gzip'"),
    (CHUNKED + b"-5\r\nabc", r"a chunk has the size -5"),
    (CHUNKED + b"-1\r\nabc", r"a chunk has the size -1"),
    (CHUNKED + b"zz\r\nabc", r"IncompleteRead"),
    (CHUNKED + b"3\r\nabc\r\n", r"IncompleteRead"),
    (b"HTTP/1.1 302 F\r\nLocation: http://h:99999/x\r\n\r\n", r"redirects to what is no URL: Port out of range"),
    (b"HTTP/1.1 302 F\r\nLocation: http://h:abc/x\r\n\r\n", r"redirects to what is no URL: Port could not"),
    (b"HTTP/1.1 302 F\r\nLocation: http://[::1/x\r\n\r\n", r"redirects to what is no URL: Invalid IPv6 URL"),
    (b"HTTP/1.1 302 F\r\nLocation: http://a\0b/\r\n\r\n", r"redirects to what is no URL: it has characters"),
]


@pytest.mark.parametrize(("answer", "message"), ODD_ANSWERS, ids=range(len(ODD_ANSWERS)))
def test_an_answer_that_breaks_off_or_makes_no_sense_is_never_taken_for_the_content(allowed, answer, message):
    with pytest.raises(BackendError, match=message):
        external_entry(_serve_raw(answer))


def test_an_answer_in_chunks_is_read_to_its_end(allowed):
    entry = external_entry(_serve_raw(CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"))
    assert (entry.size_bytes, entry.digest) == (5, Digest.of(b"abcde"))


def test_the_last_number_of_an_ipv6_address_is_not_its_port(monkeypatch):
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, port, **_: asked.append((host, port)) or [])
    for url in ("http://[2001:db8::7]/x", "https://[2001:db8::a]/x"):
        with pytest.raises(BackendError, match="has no address"):
            external_entry(url)
    assert asked == [("2001:db8::7", 80), ("2001:db8::a", 443)]


def test_a_redirect_is_followed(server, allowed):
    server.answers["/here"] = (307, {"Location": "corpus.tar"}, b"")
    assert external_entry(f"{server.url}/here", path="x").digest.hex == SHA256


def test_a_server_that_is_not_there_is_a_clear_error(allowed):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(BackendError, match=r"^host '127\.0\.0\.1' cannot be reached: "):
        external_entry(f"http://127.0.0.1:{port}/x")


# --- Attack class F: addresses of this machine and of private networks.

PRIVATE = [
    "127.0.0.1", "127.1.2.3", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "224.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1",
    "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2002:a9fe:a9fe::",
    "fec0::1", "64:ff9b:1::7f00:1", "::ffff:0:127.0.0.1", "::127.0.0.1", "::8.8.8.8", "5f00::1", "3fff::1", "192.0.0.8",
    "192.88.99.1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_of_this_machine_or_a_private_network_is_none_of_the_internet(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_an_address_of_the_internet_is_one(address):
    assert is_public(address)


HOSTS = [
    "127.0.0.1",
    "localhost",
    "0.0.0.0",
    "2130706433",
    "0x7f000001",
    "017700000001",
    "127.1",
    "[::1]",
    "[::ffff:127.0.0.1]",
]


@pytest.mark.parametrize("host", HOSTS)
def test_this_machine_is_not_asked_however_it_is_written(server, host):
    url = server.url.replace("127.0.0.1", host)
    with pytest.raises((PermissionDeniedError, BackendError)):
        external_entry(f"{url}/corpus.tar")
    assert server.asked == []


def test_a_refusal_says_how_to_allow_it(server):
    with pytest.raises(PermissionDeniedError) as error:
        external_entry(f"{server.url}/corpus.tar")
    assert str(error.value) == (
        "host '127.0.0.1' is 127.0.0.1, of this machine or a private network; "
        "set AMA_ALLOW_PRIVATE_URLS=1 if that is meant"
    )


def test_the_address_that_was_checked_is_the_one_that_is_connected_to(server, monkeypatch):
    """DNS that answers another address the second time gains nothing."""
    answers, real = [], socket.getaddrinfo

    def rebinding(host, port, *args, **settings):
        answers.append(host)
        return real("8.8.8.8" if len(answers) == 1 else "127.0.0.1", port, *args, **settings)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    connected = []
    monkeypatch.setattr(socket.socket, "connect", lambda _, address: connected.append(address) or _refuse())
    with pytest.raises(BackendError):
        external_entry(server.url.replace("127.0.0.1", "rebinding.example") + "/corpus.tar")
    assert [address[0] for address in connected] == ["8.8.8.8"]
    assert server.asked == []


def _refuse():
    raise ConnectionRefusedError("refused")


# --- URLs.

REFUSED = {
    "a user": "https://ann@host/x",
    "a password": "https://ann:SECRET@host/x",
    "an empty user": "https://@host/x",
    "a signature of S3": "https://host/x?X-Amz-Signature=SECRET",
    "a signature of S3 in small letters": "https://host/x?x-amz-signature=SECRET",
    "a signature of Google": "https://host/x?X-Goog-Signature=SECRET",
    "a signature of Azure": "https://host/x?sv=1&sig=SECRET",
    "a token": "https://host/x?token=SECRET",
    "an access token": "https://host/x?a=1&access_token=SECRET",
    "a key": "https://host/x?api_key=SECRET",
    "a password in the query": "https://host/x?password=SECRET",
    "a quoted name": "https://host/x?t%6Fken=SECRET",
    "a token behind a semicolon": "https://host/x;token=SECRET",
    "a token behind a semicolon in the query": "https://host/x?a=1;token=SECRET",
    "a JSON web token": "https://host/x?jwt=SECRET",
    "a bearer": "https://host/x?bearer=SECRET",
    "a shared access signature": "https://host/x?SharedAccessSignature=SECRET",
    "a private key": "https://host/x?private_key=SECRET",
    "an HMAC": "https://host/x?hmac=SECRET",
    "a code": "https://host/x?code=SECRET",
    "a session": "https://host/x?session=SECRET",
    "a session in the path": "https://host/a;jsessionid=SECRET/x",
    "a policy of CloudFront": "https://host/x?Policy=SECRET",
    "a key pair of CloudFront": "https://host/x?Key-Pair-Id=SECRET",
    "a fragment": "https://host/x#SECRET",
    "another scheme": "ftp://host/SECRET",
    "gopher": "gopher://host/SECRET",
    "javascript": "javascript:SECRET",
    "data": "data:,SECRET",
    "no scheme": "host/SECRET",
    "no host": "https:///SECRET",
    "a port that is none": "https://host:SECRET/x",
    "a newline": "https://host/\nSECRET",
    "a space": "https://host/SECRET x",
    "a NUL": "https://host/\0SECRET",
    "half a surrogate pair": "https://host/\ud800SECRET",
    "a file of another machine": "file://host/SECRET",
    "a relative file": "file:SECRET",
    "a file above": "file:///a/../SECRET",
    "a file above, quoted": "file:///a/%2e%2e/SECRET",
    "too long": "https://host/SECRET" + "x" * 5000,
    "nothing": "",
}


@pytest.mark.parametrize("url", REFUSED.values(), ids=REFUSED)
def test_a_url_that_may_not_be_recorded_is_refused_and_no_secret_shown(url):
    with pytest.raises(InvalidInputError) as error:
        check_url(url)
    assert "SECRET" not in str(error.value)
    assert str(error.value).isprintable()


def test_parameters_that_are_no_secrets_are_taken():
    assert check_url("https://host/a;v=1/x?format=tar;page=2&codec=gzip").hostname == "host"


@pytest.mark.parametrize(
    "settings",
    [{"sha256": SHA256}, {"size_bytes": 1}, {"sha256": "xyz", "size_bytes": 1}, {"sha256": SHA256, "size_bytes": -1},
     {"path": "../x", "sha256": SHA256, "size_bytes": 1}],
)  # fmt: skip
def test_an_entry_that_is_none_is_refused(settings):
    with pytest.raises(InvalidInputError):
        external_entry("https://host/x", **settings)


def test_content_on_top_of_a_version_that_may_move_is_refused(local_registry, write):
    local_registry.register("data", write("d", {"a": b"a"}))
    with pytest.raises(InvalidInputError, match="on top of a version by digest"):
        local_registry.register("data", Onto({}, AssetRef.parse("data:1")))


@pytest.fixture
def kept_elsewhere(copy, local_registry, tmp_path):
    """A file on disk that the one version of ``data`` has as external content, beside a README."""
    outside = tmp_path / "params.json"
    outside.write_text('{"rate": 1}')
    (copy.root / "README").write_text("about it")
    copy.add([copy.root / "README"])
    copy.add_external(external_entry(f"file://{outside}"))
    copy.upload(local_registry)
    return outside


def test_inspecting_passes_over_what_is_kept_elsewhere_and_says_so(kept_elsewhere, local_registry):
    told = local_registry.inspect("data")
    problem = f"is kept elsewhere (file://{kept_elsewhere}), not looked at"
    assert [(one.path, one.what) for one in told.problems] == [("params.json", problem)]


def test_comparing_one_file_that_is_kept_elsewhere_says_so(kept_elsewhere, local_registry, tmp_path):
    (tmp_path / "other.json").write_text('{"rate": 2}')
    found = local_registry.compare(["data:1/params.json", tmp_path / "other.json"])
    assert [one.what for one in found.problems] == [f"is kept elsewhere (file://{kept_elsewhere}), not looked at"]
    assert "files" in found.differing


def test_verifying_reads_what_is_kept_elsewhere(kept_elsewhere, local_registry):
    whole = local_registry.upkeep.verify("data")
    assert (whole.is_whole, whole.file_count, whole.elsewhere_count) == (True, 2, 1)
    kept_elsewhere.write_text('{"rate": 9}')
    ((path, problem),) = local_registry.upkeep.verify("data").problems
    assert path == "params.json"
    assert "expected 11 bytes with " in problem
    kept_elsewhere.unlink()
    ((_, problem),) = local_registry.upkeep.verify("data").problems
    assert problem.startswith(f"is kept elsewhere (file://{kept_elsewhere}), and cannot be reached: ")
