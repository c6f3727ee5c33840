"""Refreshing figures of adoption, against a server of our own: never the network."""

import json
import subprocess
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from bakeoff import adoption, adoption_refresh
from bakeoff.adoption import AdoptionFigure
from bakeoff.adoption_refresh import asking, merged, refresh
from bakeoff.adoption_sources import SOURCES, TOOLKITS
from bakeoff.commands import adoption as command
from bakeoff.commands.root import execute
from bakeoff.plugins import load

TODAY = "2026-11-24"


def as_documented(path):
    """Answer as the four endpoints do, with figures that tell whose they are."""
    where = unquote(urlsplit(path).path)
    if where.startswith("/github/repos/"):
        number = [f"/github/repos/{n.repository}" for n in TOOLKITS].index(where)
        return 200, {"stargazers_count": 1000 + number, "forks_count": number, "name": "x"}
    if where.startswith("/pypistats/packages/"):
        package = where.split("/")[3]
        return 200, {"data": {"last_day": 1, "last_month": len(package)}, "package": package}
    if where.startswith("/stackexchange/tags/"):
        tags = where.split("/")[3].split(";")
        return 200, {"items": [{"name": t, "count": 7} for t in tags] + [{"name": "b", "count": 1}]}
    if where.startswith("/openalex/works"):
        wanted = parse_qs(urlsplit(path).query)["filter"][0]
        return 200, {"meta": {"count": len(wanted)}, "results": []}
    return 404, {}


@pytest.fixture
def served(monkeypatch):
    """Return sources at a server of our own, its answers to be set, and what was asked."""
    asked, answers = [], {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append((self.path, self.headers["User-Agent"]))
            chosen = next((a for p, a in answers.items() if self.path.startswith(p)), None)
            status, content, *headers = chosen or as_documented(self.path)
            content = content() if callable(content) else content
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            for name, value in headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            with suppress(ConnectionError):  # who asked may have left
                self.end_headers()
                self.wfile.write(body)

        def log_message(self, *_):
            pass

    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    base = f"http://127.0.0.1:{server.server_port}"
    sources = tuple(replace(s, base=f"{base}/{s.name}") for s in SOURCES)
    monkeypatch.setattr(command, "SOURCES", sources)
    yield sources, answers, asked
    server.shutdown()
    server.server_close()
    thread.join()


def refreshed(sources):
    with asking() as ask:
        return refresh(ask, TODAY, sources)


def of(found, toolkit):
    return {f.measure: f.value for f in found.figures if f.toolkit == toolkit}


def test_every_source_is_asked_once_and_each_figure_has_date_and_source(served):
    sources, _, asked = served
    found = refreshed(sources)
    assert found.problems == ()
    number = [n.toolkit for n in TOOLKITS].index("PyTorch")
    wanted = 'title_and_abstract.search:pytorch AND "deep learning"'
    assert of(found, "PyTorch") == {
        "GitHub stars": 1000 + number, "GitHub forks": number, "PyPI downloads": len("torch"),
        "Stack Overflow questions": 7, "Papers": len(wanted),
    }  # fmt: skip
    assert of(found, "tinygrad").keys() == {"GitHub stars", "GitHub forks", "PyPI downloads"}
    assert {f.date for f in found.figures} == {TODAY}
    paths = [path for path, _ in asked]
    assert len(paths) == len(set(paths)) == sum(1 for s in sources for _ in s.questions())
    assert {f.source for f in found.figures} == {
        f"{sources[0].base.removesuffix('/github')}{path}" for path in paths
    }
    assert all(agent.startswith("bakeoff/") for _, agent in asked)
    assert adoption.parse(adoption.as_text(found.figures), "text") == found.figures


def test_the_public_bases_are_the_documented_ones():
    assert {s.name: s.base for s in SOURCES} == {
        "github": "https://api.github.com",
        "pypistats": "https://pypistats.org/api",
        "stackexchange": "https://api.stackexchange.com/2.3",
        "openalex": "https://api.openalex.org",
    }


@pytest.mark.parametrize("status", [403, 429])
def test_a_source_asked_too_often_is_left_alone_and_the_others_go_on(served, status):
    sources, answers, asked = served
    answers[f"/github/repos/{TOOLKITS[2].repository}"] = (status, {"message": "rate limit"})
    found = refreshed(sources)
    assert found.problems == (
        f"GitHub: asked too often, or refused (HTTP {status}); it allows 60 questions an hour, "
        "try again later",
    )
    assert sum(path.startswith("/github") for path, _ in asked) == 3
    assert of(found, TOOLKITS[1].toolkit)["GitHub stars"] == 1001
    assert of(found, "PyTorch").keys() == {"PyPI downloads", "Stack Overflow questions", "Papers"}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((404, {}), "HTTP 404, expected 200"),
        ((500, b"<html>"), "HTTP 500, expected 200"),
        ((200, b"<html>"), "the answer is not JSON"),
        ((200, b"[" * 200_000), "the answer is not JSON"),
        ((200, []), "the answer holds no github stars"),
        ((200, {"stars": 3}), "the answer holds no github stars"),
        ((200, {"stargazers_count": "9", "forks_count": 1}), "GitHub stars is '9', expected a cou"),
        ((200, {"stargazers_count": True, "forks_count": 1}), "GitHub stars is 'True', expected"),
        ((200, {"stargazers_count": -1, "forks_count": 1}), "GitHub stars is '-1', expected a cou"),
        ((200, b'{"stargazers_count": 1e999}'), "GitHub stars is 'inf', expected a count"),
        ((200, {"stargazers_count": None}), "GitHub stars is 'None', expected a count"),
    ],
    ids=[
        "absent", "server", "html", "deep", "list", "other-keys", "text", "bool", "negative",
        "infinite", "null",
    ],
)  # fmt: skip
def test_an_answer_that_holds_no_count_costs_its_own_figure(served, answer, said):
    sources, answers, _ = served
    answers["/github/repos/pytorch/pytorch"] = answer
    found = refreshed(sources)
    (problem,) = found.problems
    assert problem.startswith(f"GitHub: {sources[0].base}/repos/pytorch/pytorch: ")
    assert said in problem
    assert "GitHub stars" not in of(found, "PyTorch")
    assert of(found, "TensorFlow")["GitHub stars"] > 1000


def test_a_repository_that_moved_is_found(served):
    sources, answers, _ = served
    answers["/github/repos/BVLC/caffe"] = (301, b"", ("Location", "/github/repositories/1"))
    answers["/github/repositories/1"] = (200, {"stargazers_count": 5, "forks_count": 4})
    assert of(refreshed(sources), "Caffe")["GitHub stars"] == 5


def test_no_answer_in_time_leaves_the_source_alone(served, monkeypatch):
    sources, answers, asked = served
    done = threading.Event()
    monkeypatch.setattr(adoption_refresh, "TIMEOUT_S", 0.2)
    answers["/pypistats"] = (200, lambda: done.wait(30) and {})
    try:
        found = refreshed(sources)
    finally:
        done.set()
    assert found.problems == ("PyPI Stats: no answer (timed out); are you online?",)
    assert sum(path.startswith("/pypistats") for path, _ in asked) == 1
    assert "Papers" in of(found, "PyTorch")


def test_an_endless_answer_is_not_read_to_its_end(served, monkeypatch):
    sources, answers, _ = served
    monkeypatch.setattr(adoption_refresh, "MOST_BYTES", 100_000)
    answers["/openalex"] = (200, b" " * 300_000)
    assert "OpenAlex: no answer (more than 100,000 bytes)" in refreshed(sources).problems[0]


def test_offline_each_source_is_tried_once(served):
    sources, _, _ = served
    nowhere = tuple(replace(s, base="http://127.0.0.1:1") for s in sources)
    found = refreshed(nowhere)
    assert found.figures == ()
    assert [p.partition(":")[0] for p in found.problems] == [s.title for s in sources]
    assert all(p.endswith("; are you online?") for p in found.problems)


def test_newer_figures_take_the_place_of_earlier_ones_and_no_others():
    old = AdoptionFigure("A", "stars", 1, "stars", "2020", "https://a.org")
    new = replace(old, value=2.0, date="2026")
    other = replace(old, toolkit="B")
    assert merged((old, other), (new,)) == (new, other)


def test_the_command_keeps_what_it_got_and_what_it_had(served, tmp_path, capsys):
    _, answers, _ = served
    out = tmp_path / "mine.csv"
    mine = AdoptionFigure("Mine", "users", 3, "people", "2025", "https://a.org")
    adoption.write(out, [mine])
    answers["/pypistats"] = (429, {})
    assert not execute(["adoption", "refresh", "--out", str(out)])
    printed = capsys.readouterr()
    assert "PyPI Stats: asked too often" in printed.err
    assert f"bakeoff report --adoption {out}" in printed.out
    kept = adoption.read(out)
    assert mine in kept
    assert {"GitHub stars", "Papers", "users"} <= {f.measure for f in kept}
    assert f"{len(kept) - 1} figures" in printed.out


def test_the_command_without_any_answer_touches_nothing(served, tmp_path, capsys):
    _, answers, _ = served
    answers["/"] = (500, {})
    out = tmp_path / "mine.csv"
    assert execute(["adoption", "refresh", "--out", str(out)]) == 2
    assert "no figure could be had" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_without_httpx_the_command_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "httpx", None)
    assert execute(["adoption", "refresh"]) == 2
    assert "httpx is not installed" in capsys.readouterr().err


def test_no_command_but_this_loads_httpx():
    code = "import sys, bakeoff.commands.root; sys.exit('httpx' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_toolkit_that_is_measured_can_be_asked_for():
    elsewhere = {
        "TensorFlow 1",  # counted with TensorFlow
        "Caffe2",  # its repository went into PyTorch's
        "CuPy",  # arrays, to our own engine
    }
    measured = {backend.toolkit for backend in load().backends.values()}
    assert measured - {n.toolkit for n in TOOLKITS} == elsewhere
