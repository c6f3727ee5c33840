"""Serving a run: live while it goes on, only to whom it is meant, and never from the disk."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import replace

import pytest
from report import synthetic

from bakeoff import adoption
from bakeoff.errors import BakeoffError, JournalError
from bakeoff.journal import FILE_NAME, Journal
from bakeoff.live import LEAST_PAUSE_S, LivePage
from bakeoff.serving import Server, is_meant_for


@pytest.fixture
def folder(tmp_path):
    return synthetic.write(synthetic.run(("numpy", "torch"), "smoke", rounds=2), tmp_path / "run")


def append_round(folder):
    """Add a round to the journal, as a run does that goes on."""
    with Journal(folder / FILE_NAME) as journal:
        last = max((r for r in journal.records() if not r.replica), key=lambda r: r.round)
        journal.append(replace(last, round=last.round + 1))


class Drawer:
    """Writes a page that counts the records, and counts how often it did."""

    def __init__(self):
        self.drawn = 0
        self.error = None

    def __call__(self, folder):
        self.drawn += 1
        if self.error:
            raise self.error
        with Journal(folder / FILE_NAME) as journal:
            (folder / "page.html").write_text(f"{len(journal.outcomes())} records")
        return folder / "page.html"


class Clock:
    now_s = 100.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def live(folder):
    drawer, clock, told = Drawer(), Clock(), []
    return LivePage(folder, drawer, told.append, clock), drawer, clock, told


def test_the_page_is_drawn_once_while_nothing_changes(live):
    page, drawer, clock, _ = live
    first = page.current()
    clock.now_s += 1000
    assert page.current() is first
    assert drawer.drawn == 1


def test_the_page_follows_the_journal_after_a_pause(live, folder):
    page, drawer, clock, _ = live
    first = page.current()
    append_round(folder)
    assert page.current() is first
    clock.now_s += LEAST_PAUSE_S
    second = page.current()
    assert (drawer.drawn, second.content != first.content) == (2, True)
    assert second.tag != first.tag


def test_slow_drawing_takes_a_tenth_of_the_time_at_most(live, folder):
    page, drawer, clock, _ = live

    def slow(copy):
        clock.now_s += 30
        return drawer(copy)

    page._write = slow
    page.current()
    append_round(folder)
    for passed, drawn in ((299, 1), (2, 2)):
        clock.now_s += passed
        page.current()
        assert drawer.drawn == drawn


def test_a_page_that_cannot_be_drawn_leaves_the_one_before(live, folder):
    page, drawer, clock, told = live
    first = page.current()
    append_round(folder)
    drawer.error = BakeoffError("no ink")
    clock.now_s += LEAST_PAUSE_S
    assert page.current() is first
    assert told == ["no ink"]


def test_the_user_s_own_figures_are_shown_and_followed(live, folder):
    page, drawer, clock, _ = live
    seen = []

    def write(copy):
        own = copy / adoption.FILE_NAME
        seen.append(own.read_text() if own.exists() else "")
        return drawer(copy)

    page._write = write
    page.current()
    (folder / adoption.FILE_NAME).write_text("stars")
    clock.now_s += LEAST_PAUSE_S
    page.current()
    assert seen == ["", "stars"]


def test_nothing_is_written_into_the_folder_of_the_run(live, folder):
    page, *_ = live
    before = sorted(p.name for p in folder.iterdir())
    page.current()
    assert sorted(p.name for p in folder.iterdir()) == before


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(JournalError, match="no file"):
        LivePage(tmp_path, Drawer(), print).current()


@contextmanager
def serving(page, host="127.0.0.1"):
    with Server(page, host) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def ask(server, path="/", method="GET", body=None, **headers):
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=10)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


@pytest.fixture
def server(live):
    with serving(live[0]) as found:
        yield found


def test_the_frame_and_the_page_are_served_with_their_policies(server):
    answer, body = ask(server, "/")
    assert (answer.status, b'src="/report"' in body) == (200, True)
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    answer, body = ask(server, "/report?x=1")
    assert answer.status == 200
    assert body.endswith(b"records")
    assert answer.headers["Content-Security-Policy"] == "frame-ancestors 'self'"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_head_tells_the_tag_and_a_known_tag_is_not_sent_again(server):
    answer, body = ask(server, "/report", "HEAD")
    assert (answer.status, body) == (200, b"")
    tag = answer.headers["ETag"]
    answer, body = ask(server, "/report", **{"If-None-Match": tag})
    assert (answer.status, body, answer.headers["ETag"]) == (304, b"", tag)


@pytest.mark.parametrize(
    "path",
    ["/journal.sqlite", "/report/", "/../journal.sqlite", "/%2e%2e/etc/passwd",
     "/report/../../etc/passwd", "/.", "/report.html", "/etc/passwd"],
)  # fmt: skip
def test_no_address_reaches_a_file(server, path):
    answer, body = ask(server, path)
    assert answer.status == 404
    assert b"SQLite" not in body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_the_page_is_only_to_be_read(server, method):
    answer, _ = ask(server, "/report", method, body=b"x" if method == "POST" else None)
    assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD")


@pytest.mark.parametrize(
    ("host", "status"),
    [("evil.example", 421), ("evil.example:8642", 421), ("127.0.0.1.evil.example", 421),
     ("localhost", 200), ("LOCALHOST:8642", 200), ("127.0.0.1:8642", 200), ("[::1]:8642", 200)],
)  # fmt: skip
def test_another_name_is_refused_as_rebound(server, host, status):
    for path in ("/", "/report"):
        assert ask(server, path, Host=host)[0].status == status


@pytest.mark.parametrize(
    ("host", "own", "meant"),
    [("", "127.0.0.1", False), ("lab.example", "lab.example", True), ("10.0.0.7:80", "::", True),
     ("lab.example.evil", "lab.example", False), ("[::1", "::1", True), ("a:b:c", "::1", False)],
)  # fmt: skip
def test_whom_a_host_header_means(host, own, meant):
    assert is_meant_for(host, own) is meant


def test_a_taken_port_is_said(server, live):
    port = server.server_address[1]
    with pytest.raises(BakeoffError, match=f"port {port} of 127.0.0.1 is in use; choose another"):
        Server(live[0], "127.0.0.1", port)


def test_a_host_that_is_none_is_said(live):
    with pytest.raises(BakeoffError, match="choose another --port"):
        Server(live[0], "192.0.2.1")


def test_a_page_that_could_never_be_drawn_is_unavailable(live):
    page, drawer, *_ = live
    drawer.error = BakeoffError("no ink")
    with serving(page) as server:
        answer, body = ask(server, "/report")
    assert (answer.status, body) == (503, b"no ink\n")


def start(*arguments):
    return subprocess.Popen(
        [sys.executable, "-m", "bakeoff", "serve", *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip


@contextmanager
def command(folder):
    """Serve by the command line; yield the process and its address."""
    process = start(folder, "--port", 0)
    try:
        line = process.stdout.readline()
        found = re.search(r"at (http://127\.0\.0\.1:\d+/) until Ctrl-C", line)
        assert found, (line, process.poll() and process.stderr.read())
        yield process, found[1]
    finally:
        process.kill()
        process.communicate()


def test_the_command_serves_the_report_and_ends_well_by_ctrl_c(folder):
    with command(folder) as (process, address):
        port = int(address.split(":")[2].strip("/"))
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", "/report")
        assert b"torch against numpy" in connection.getresponse().read()
        connection.close()
        process.send_signal(signal.SIGINT)
        out, error = process.communicate(timeout=30)
    assert (process.returncode, out, error) == (0, "", "Ended.\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("no-such-folder",), "no file"), (("--port", "70000"), "70000"), (("--prot", "1"), "--prot")],
    ids=["folder", "port", "option"],
)
def test_a_wrong_command_is_told_what_is_wrong(tmp_path, arguments, said):
    arguments = [str(tmp_path / a) if a.startswith("no-") else a for a in arguments]
    process = start(*arguments)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 2
    assert said in error
    assert "Traceback" not in error


def test_a_taken_port_ends_the_command_with_2(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = start(folder, "--port", taken.getsockname()[1])
        _, error = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "is in use; choose another --port" in error.replace("\n", " ")


def test_the_browser_shows_a_run_that_goes_on_and_keeps_its_place(folder, browser):
    with command(folder) as (process, address):
        page = browser.new_page()
        noticed = []
        page.on("console", lambda message: noticed.append(message.text))
        page.on("pageerror", lambda error: noticed.append(str(error)))
        page.goto(address)
        frame = page.frame_locator("iframe")
        rounds = frame.locator("#environment")
        rounds.wait_for()
        page.wait_for_function("document.title.includes('torch against numpy')")
        inside = page.frames[1]
        inside.evaluate("document.querySelector('details').open = true; scrollTo(0, 600)")
        before = inside.evaluate("document.documentElement.outerHTML")
        append_round(folder)
        page.wait_for_function(
            "text => document.querySelector('iframe').contentDocument?.documentElement?.outerHTML"
            ".length && document.querySelector('iframe').contentDocument.documentElement.outerHTML"
            " !== text",
            arg=before, timeout=60_000,
        )  # fmt: skip
        page.wait_for_function(
            "() => { const d = document.querySelector('iframe').contentWindow;"
            " return d.scrollY === 600 && d.document.querySelector('details')?.open; }",
            timeout=30_000,
        )
        assert not noticed
        process.send_signal(signal.SIGINT)
        page.get_by_role("status").get_by_text("bakeoff serve has ended.").wait_for()
