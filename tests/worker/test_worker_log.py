"""Logs: clean text, bounded in memory and on disk."""

import os

import pytest

from bakeoff import worker_log


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"plain\ttext\n", "plain\ttext\n"),
        (b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07x", "red x"),
        (b"10%\r20%\r\n", "10%\n20%\n"),
        (b"\x00a\x07b\x7fc", "abc"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        ("left\u202eright".encode(), "leftright"),
        ("größer ≤".encode(), "größer ≤"),
    ],
)
def test_text_is_made_safe_to_show(raw, text):
    assert worker_log.readable(raw) == text


def test_a_tail_begins_with_a_whole_line(tmp_path):
    log = tmp_path / "log"
    log.write_text("first\n" + "x" * 50 + "\nlast\n")
    assert worker_log.tail(log, 20) == "last\n"
    assert worker_log.tail(log) == log.read_text()
    assert worker_log.head(log, 5) == "first"
    assert worker_log.tail(tmp_path / "none") == worker_log.head(tmp_path / "none") == ""


def test_a_long_log_keeps_its_head_and_tail_while_its_writer_goes_on(tmp_path):
    log = tmp_path / "log"
    writer = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(writer, b"first\n" + b"x" * (2**20) + b"\nlast\n")
    worker_log.keep_within(log, 2**20)
    os.write(writer, b"later\n")
    os.close(writer)
    text = log.read_text()
    assert text.startswith("first\n")
    assert "bytes left out here]" in text
    assert text.endswith("\nlast\nlater\n")
    assert len(text) < 2**20
    worker_log.keep_within(log, 2**20)
    assert log.read_text() == text
    worker_log.keep_within(tmp_path / "none")
