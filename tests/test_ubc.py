"""UBC Fashion's lists, fetched from a server of our own that breaks off, refuses, forgets and changes."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

import videos
from lookreel.cli import main
from lookreel.data.download import Manners, download
from lookreel.data.manifest import read_manifest
from lookreel.data.ubc import fetch, read_lists
from lookreel.errors import InputError

CONTENT = np.random.default_rng(0).bytes(300_000)
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Answers by the path's last part; `asked` keeps every request as (path, Range)."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str | None]] = []
        self.files: dict[str, bytes] = {}
        self.behaviour: dict[str, list] = {}
        self.tag = '"one"'

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/I/{name}"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_) -> None:
        pass

    def do_GET(self) -> None:
        name, wanted = self.path.rsplit("/", 1)[-1], self.headers.get("Range")
        self.server.asked.append((name, wanted))
        todo = self.server.behaviour.get(name, [])
        act = todo.pop(0) if todo else "whole"
        if isinstance(act, int):
            self.send_response(act)
            self.send_header("Retry-After", "2") if act == 503 else None
            self.end_headers()
            return
        if name not in self.server.files or act == "page":
            body = b"<html>not here</html>"
            self.answer(200 if act == "page" else 404, body, {"Content-Type": "text/html"})
            return
        content, first = self.server.files[name], 0
        headers = {"Content-Type": "video/mp4", "ETag": self.server.tag}
        fresh = self.headers.get("If-Range") in (None, self.server.tag)
        if wanted and act != "no ranges" and fresh:
            first = int(wanted.removeprefix("bytes=").rstrip("-"))
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        self.answer(206 if first else 200, content[first:], headers, half=act == "break off")

    def answer(self, status: int, body: bytes, headers: dict[str, str], half: bool = False) -> None:
        self.send_response(status)
        for key, value in (headers | {"Content-Length": str(len(body))}).items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if half else body)
        self.close_connection = True


@pytest.fixture
def server():
    running = Server()
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture
def waited() -> list[float]:
    return []


@pytest.fixture
def manners(waited) -> Manners:
    return Manners(delay=0.5, retries=3, timeout=10, sleep=waited.append)


def lists(tmp_path: Path, train: list[str], test: list[str]) -> tuple[Path, Path]:
    for name, links in (("train.txt", train), ("test.txt", test)):
        (tmp_path / name).write_text("\n".join(links) + "\n")
    return tmp_path / "train.txt", tmp_path / "test.txt"


def test_a_list_has_one_address_a_line(tmp_path):
    train, test = lists(
        tmp_path, ["# ours", "", "http://a.b/I/91+bC.mp4", " https://a.b/x%2By.mp4?v=1 ", "http://a.b/I/91+bC.mp4"], []
    )
    found = read_lists(train, test)
    assert [(link.name, link.split) for link in found] == [("91+bC.mp4", "train"), ("x+y.mp4", "train")]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("91+bC.mp4", "line 2: found '91+bC.mp4'; expected the http address of a video"),
        ("file:///etc/passwd.mp4", "line 2: found 'file"),
        ("ftp://a.b/c.mp4", "line 2: found"),
        ("http://a.b/", "line 2: found"),
        ("http://a.b/page.html", "line 2: found"),
        ("http://other/I/A.MP4", "has the name of http://a.b/a.mp4; expected one each"),
    ],
)
def test_wrong_lines_are_named(line, words, tmp_path):
    train, test = lists(tmp_path, ["http://a.b/a.mp4", line], [])
    with pytest.raises(InputError, match=r"train\.txt, " if "line" in words else "name") as raised:
        read_lists(train, test)
    assert words in str(raised.value)


def test_no_list_and_no_link(tmp_path):
    train, test = lists(tmp_path, [], ["# nothing"])
    with pytest.raises(InputError, match="no address in either"):
        read_lists(train, test)
    with pytest.raises(InputError, match=r"no\.txt: no such file"):
        read_lists(tmp_path / "no.txt", test)


def test_files_keep_their_names_and_dead_links_are_noted(server, tmp_path, manners, waited):
    server.files = {"91+bC.mp4": CONTENT, "b.mp4": CONTENT[:1000]}
    links = read_lists(*lists(tmp_path, [server.url("91+bC.mp4"), server.url("gone.mp4")], [server.url("b.mp4")]))
    assert fetch(links, tmp_path / "v", manners) == {"ok": 2, "dead": 1}
    assert (tmp_path / "v" / "train" / "91+bC.mp4").read_bytes() == CONTENT
    rows = [json.loads(line) for line in (tmp_path / "v" / "fetched.jsonl").read_text().splitlines()]
    assert [(row["name"], row["split"], row["status"]) for row in rows] == [
        ("91+bC.mp4", "train", "ok"),
        ("gone.mp4", "train", "dead"),
        ("b.mp4", "test", "ok"),
    ]
    assert rows[0]["sha256"] == SHA256 and rows[0]["bytes"] == len(CONTENT) and "404" in rows[1]["detail"]
    assert waited == [0.5, 0.5]  # between requests, none before the first
    before = list(server.asked)
    assert fetch(links, tmp_path / "v", manners) == {"ok": 2, "dead": 1}
    assert server.asked == before  # nothing is asked for again, dead links neither


def test_what_broke_off_goes_on_where_it_was(server, tmp_path, manners):
    server.files["a.mp4"] = CONTENT
    server.behaviour["a.mp4"] = ["break off", "break off"]
    found = download(server.url("a.mp4"), tmp_path / "a.mp4", manners)
    assert found.status == "ok" and found.sha256 == SHA256 and (tmp_path / "a.mp4").read_bytes() == CONTENT
    assert [wanted for _, wanted in server.asked] == [None, "bytes=150000-", "bytes=225000-"]
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_a_run_that_was_stopped_goes_on_in_the_next(server, tmp_path, manners):
    server.files["a.mp4"] = CONTENT
    server.behaviour["a.mp4"] = ["break off"]
    once = Manners(retries=0, sleep=manners.sleep)
    found = download(server.url("a.mp4"), tmp_path / "a.mp4", once)
    assert found.status == "failed" and found.detail == "broken off after 150000 of 300000 bytes"
    assert not (tmp_path / "a.mp4").exists()
    assert download(server.url("a.mp4"), tmp_path / "a.mp4", once).sha256 == SHA256
    assert server.asked[-1][1] == "bytes=150000-"
    # Killed between the last byte and the name: no request is needed.
    (tmp_path / "b.mp4").unlink(missing_ok=True)
    (tmp_path / ".b.mp4.part").write_bytes(CONTENT)
    (tmp_path / ".b.mp4.part.json").write_text(json.dumps({"total": len(CONTENT), "validator": None}))
    asked = len(server.asked)
    assert download(server.url("b.mp4"), tmp_path / "b.mp4", once).sha256 == SHA256 and len(server.asked) == asked


@pytest.mark.parametrize("how", ["changed", "no ranges"])
def test_parts_of_two_files_are_never_joined(how, server, tmp_path, manners):
    server.files["a.mp4"] = CONTENT
    server.behaviour["a.mp4"] = ["break off", "whole" if how == "changed" else "no ranges"]
    download(server.url("a.mp4"), tmp_path / "a.mp4", Manners(retries=0, sleep=manners.sleep))
    if how == "changed":
        server.files["a.mp4"], server.tag = CONTENT[::-1], '"two"'
    found = download(server.url("a.mp4"), tmp_path / "a.mp4", manners)
    assert found.status == "ok" and (tmp_path / "a.mp4").read_bytes() == server.files["a.mp4"]


def test_busy_servers_are_waited_for_and_pages_are_no_videos(server, tmp_path, manners, waited):
    server.files["a.mp4"] = CONTENT
    server.behaviour["a.mp4"] = [503, 500]
    assert download(server.url("a.mp4"), tmp_path / "a.mp4", manners).status == "ok"
    assert waited == [2.0, 2.0]  # what it asks for, then 0.5 * 4
    server.behaviour["a.mp4"] = ["page"]
    found = download(server.url("a.mp4"), tmp_path / "b.mp4", manners)
    assert found.status == "dead" and "text/html" in found.detail
    server.behaviour["a.mp4"] = [500] * 9
    found = download(server.url("a.mp4"), tmp_path / "c.mp4", manners)
    assert found.status == "failed" and "HTTP 500" in found.detail
    server.files["empty.mp4"] = b""
    assert download(server.url("empty.mp4"), tmp_path / "d.mp4", manners).status == "dead"
    assert [path.name for path in tmp_path.glob("*")] == ["a.mp4"]


def test_nobody_at_home_is_tried_again_next_time(tmp_path, manners):
    found = download("http://127.0.0.1:9/a.mp4", tmp_path / "a.mp4", Manners(delay=0, retries=1, sleep=manners.sleep))
    assert found.status == "failed" and "refused" in found.detail.lower()


def test_from_the_lists_to_the_dataset(server, tmp_path, capsys):
    for seed, name in enumerate(("a+1.mp4", "b.mp4")):
        server.files[name] = videos.film(tmp_path / "made" / name, videos.figure(seed)).read_bytes()
    train, test = lists(tmp_path, [server.url("a+1.mp4"), server.url("dead.mp4")], [server.url("b.mp4")])
    command = ["prepare", "--ubc", str(train), str(test), "--out", str(tmp_path / "set"), "--shortest", "1"]
    assert main([*command, "--delay", "0", "--jobs", "1", "--json"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["fetched"] == {"ok": 2, "dead": 1}
    assert "2 of 3 videos fetched, 1 dead" in captured.err and "fetched.jsonl says which" in captured.err
    lines = read_manifest(tmp_path / "set")
    assert [(line["path"], line["split"]) for line in lines] == [("clips/b.mp4", "test"), ("clips/a+1.mp4", "train")]
    assert all("third parties" in line["licence"] for line in lines)
    before, asked = videos.tree(tmp_path / "set"), len(server.asked)
    assert main([*command, "--delay", "0", "--jobs", "1"]) == 0
    assert videos.tree(tmp_path / "set") == before and len(server.asked) == asked


def test_nothing_fetched_is_an_error(server, tmp_path, capsys):
    train, test = lists(tmp_path, [server.url("a.mp4")], [])
    assert main(["prepare", "--ubc", str(train), str(test), "--out", str(tmp_path / "set"), "--delay", "0"]) == 2
    assert "none of 1 videos could be fetched" in capsys.readouterr().err
