"""The command line: lists, errors without tracebacks, exit codes."""

import doctest
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import runner_toys

from bakeoff.cli import main
from bakeoff.commands import display
from bakeoff.journal import FILE_NAME
from bakeoff.sessions import set_aside

TOYS = runner_toys.__file__


def said(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    return captured.out + captured.err


def test_lists_are_whole_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "cases", "--plugin", TOYS, "--suites", "toy"]) == 0
    assert "toy/product-4" in said(capsys)
    assert main(["list", "backends", "--json", "--plugin", TOYS]) == 0
    listed = {b["name"]: b for b in json.loads(capsys.readouterr().out)}
    assert listed["wrong"]["mode"] == {"scale": 1.01}
    assert main(["list", "ops", "--json"]) == 0
    ops = {o["name"]: o for o in json.loads(capsys.readouterr().out)}
    assert ops["matmul"]["signature"] == "matmul(a, b, /)"


def test_a_long_list_of_requirements_begins_with_the_toolkit_and_counts_the_rest(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["list", "backends"]) == 0
    row = next(line for line in said(capsys).splitlines() if line.startswith("tensorflow1 "))
    assert re.search(r"tensorflow==1\.15\.5, .+, and \d+ more", row)
    assert doctest.testmod(display).failed == 0


@pytest.mark.parametrize("what", ["backends", "suites", "cases", "ops"])
def test_listing_imports_no_toolkit(what: str) -> None:
    code = (
        "import sys; from bakeoff.cli import main; main(['list', sys.argv[1]]);"
        "sys.exit(bool({'torch', 'jax', 'tensorflow', 'pandas', 'matplotlib'} & set(sys.modules)))"
    )
    command = [sys.executable, "-c", code, what]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "--backends", "honset", "--plugin", TOYS], "did you mean honest"),
        (["run", "--backends", ","], "names nothing"),
        (["run", "--suites", "toi", "--plugin", TOYS], "did you mean toy"),
        (["run", "--preset", "slow"], "Invalid value for '--preset'"),
        (["run", "--resume", "nowhere"], "no file nowhere"),
        (["report", "nowhere", "--format", "htm"], "did you mean html"),
        (["export", "nowhere"], "no file nowhere"),
        (["env", "remove"], "say --all"),
        (["env", "remove", "no-such-key"], "no-such-key"),
        (["run", "--threads", "100000"], "expected at most"),
        (["run", "--max-time", "nan"], "expected a positive number"),
        (["run", "--out", "/proc/nowhere"], "expected a folder that can be written to"),
        (["run", "--out", "file/below"], "expected a folder that can be written to"),
        (["frobnicate"], "No such command"),
    ],
)
def test_mistakes_are_told_without_a_traceback(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str], tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    assert main(arguments) == 2
    text = said(capsys)
    assert message in text
    assert "Traceback" not in text
    assert not (tmp_path / "bakeoff-results").exists(), "a mistake leaves nothing behind"


def test_a_plugin_that_fails_is_named_and_stops_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = tmp_path / "bad_plugin.py"
    bad.write_text("raise RuntimeError('[bold]broken[/bold] \\x1b[31m')\n")
    assert main(["list", "suites", "--plugin", str(bad)]) == 0
    captured = capsys.readouterr()
    assert "matmul" in captured.out
    assert "[bold]broken[/bold]" in captured.err, "markup of strangers is shown, not obeyed"
    assert "\x1b" not in captured.err


def test_an_earlier_run_is_moved_aside_whole(tmp_path: Path) -> None:
    assert set_aside(tmp_path) is None
    for text in ("first", "second"):
        (tmp_path / FILE_NAME).write_text(text)
        (tmp_path / "report.html").write_text(text)
        kept = set_aside(tmp_path)
        assert kept is not None
        assert (kept / FILE_NAME).read_text() == (kept / "report.html").read_text() == text
    assert len(list(tmp_path.iterdir())) == 2
