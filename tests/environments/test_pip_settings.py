"""What pip was told reaches uv and pip; what is secret reaches no log."""

import doctest
import os
import sys
from pathlib import Path

import pytest

from bakeoff import pip_settings
from bakeoff.pip_settings import PipSettings, for_pip, for_uv, parse, read, redact

LISTING = """\
global.index-url='https://me:secret@mirror.example/simple'
global.extra-index-url='\\nhttps://one.example/simple\\nfile:///two/simple'
global.find-links='/wheels /more'
global.timeout='60'
install.timeout='90'
install.constraint='/pins.txt'
download.timeout='1'
:env:.cert='/ca.pem'
:env:.trusted-host='one.example'
:env:.no-index='false'
"""


def test_listing_is_parsed() -> None:
    """Variables win over the section install, and that over global; other sections are not ours."""
    assert parse(LISTING) == PipSettings(
        index_url="https://me:secret@mirror.example/simple",
        extra_index_urls=("https://one.example/simple", "file:///two/simple"),
        find_links=("/wheels", "/more"),
        constraints=("/pins.txt",),
        trusted_hosts=("one.example",),
        cert="/ca.pem",
        timeout="90",
    )


def test_uv_is_told_everything() -> None:
    """In uv's variables, with pip's rule for several indexes."""
    assert for_uv(parse(LISTING)) == {
        "UV_DEFAULT_INDEX": "https://me:secret@mirror.example/simple",
        "UV_INDEX": "https://one.example/simple file:///two/simple",
        "UV_INDEX_STRATEGY": "unsafe-best-match",
        "UV_FIND_LINKS": "/wheels,/more",
        "UV_CONSTRAINT": "/pins.txt",
        "UV_INSECURE_HOST": "one.example",
        "SSL_CERT_FILE": "/ca.pem",
        "UV_HTTP_TIMEOUT": "90",
    }


def test_pip_is_told_everything() -> None:
    """The new environment's pip would not see the settings of ours."""
    told = for_pip(parse(LISTING))
    assert told["PIP_FIND_LINKS"] == "/wheels /more"
    assert told["PIP_EXTRA_INDEX_URL"] == "https://one.example/simple file:///two/simple"
    assert told["PIP_CERT"] == "/ca.pem"
    assert "PIP_NO_INDEX" not in told


def test_nothing_told_is_nothing_passed_on() -> None:
    """Defaults stay the installer's."""
    assert for_uv(PipSettings()) == {} == for_pip(PipSettings())


@pytest.mark.parametrize("pip", [True, False], ids=["pip", "no-pip"])
def test_variables_and_files_are_read(
    pip: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Through pip where there is one; without it, from PIP_* at least."""
    config = tmp_path / "pip.conf"
    config.write_text("[global]\nfind-links = /from/file\n")
    environ = {"PIP_CONFIG_FILE": str(config), "PIP_INDEX_URL": "https://index.example/simple"}
    environ["PATH"] = os.environ["PATH"] if pip else ""
    if not pip:
        monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    found = read(environ)
    assert found.index_url == "https://index.example/simple"
    assert found.find_links == (("/from/file",) if pip else ())


def test_hosts_and_passwords_are_redacted() -> None:
    """The last part of the path stays, to tell which package it was about."""
    text = redact("error: https://me:s3cret@mirror.example:8080/simple/torch/ (status 404).")
    assert text == "error: https://…/torch/ (status 404)."
    assert redact("see http://mirror.example") == "see http://…/"
    assert redact("at https://h.example/a/b.whl?token=abc#sha256=1") == "at https://…/b.whl"
    assert redact("git+ssh://git@host.example/repo") == "git+ssh://…/repo"
    assert redact("no url: a/b, 1://") == "no url: a/b, 1://"


def test_examples_in_docstrings() -> None:
    """The module's examples hold."""
    assert doctest.testmod(pip_settings).failed == 0
