"""Pip's own configuration, read once and handed on to whichever installer runs.

A user who told pip of a mirror, a folder of wheels or a certificate means it for every
installation; uv ignores pip's files and variables. `read` asks pip, `for_uv` and
`for_pip` say the same in each installer's environment variables: not on a command line,
where any process could read a password. `redact` takes those out of logs.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

_TIMEOUT_S = 60


@dataclass(frozen=True, slots=True)
class PipSettings:
    """Where pip looks for packages, and how. Lists keep pip's order."""

    index_url: str = ""
    extra_index_urls: tuple[str, ...] = ()
    no_index: bool = False
    find_links: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    cert: str = ""
    client_cert: str = ""
    proxy: str = ""
    timeout: str = ""
    pre: bool = False


def read(environ: Mapping[str, str] | None = None) -> PipSettings:
    """Return pip's settings: as ``pip config list`` tells them, else from ``PIP_*``.

    Parameters
    ----------
    environ
        Environment variables; those of this process by default.
    """
    environ = os.environ if environ is None else environ
    for command in _pips(environ):
        try:
            done = subprocess.run(
                [*command, "config", "list"],
                env={**environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if done.returncode == 0:
            return parse(done.stdout)
    return parse("\n".join(f":env:.{_option(k)}={v!r}" for k, v in sorted(environ.items())))


def _pips(environ: Mapping[str, str]) -> Sequence[list[str]]:
    found = shutil.which("pip", path=environ.get("PATH"))
    return [[sys.executable, "-m", "pip"], *([[found]] if found else [])]


def _option(variable: str) -> str:
    return variable.removeprefix("PIP_").lower().replace("_", "-") if variable[:4] == "PIP_" else ""


def parse(listing: str) -> PipSettings:
    """Return the settings of ``pip config list``'s lines.

    Pip's order of precedence: variables over the section ``install`` over ``global``.

    >>> parse("global.timeout='60'\\n:env:.find-links='/wheels /more'").find_links
    ('/wheels', '/more')
    """
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in listing.splitlines():
        key, _, value = line.partition("=")
        section, _, option = key.rpartition(".")
        if section in sections:
            sections[section][option] = _literal(value)
    options = {**sections["global"], **sections["install"], **sections[":env:"]}

    def words(name: str) -> tuple[str, ...]:
        return tuple(options.get(name, "").split())

    def flag(name: str) -> bool:
        return options.get(name, "").lower() in ("1", "y", "yes", "t", "true", "on")

    return PipSettings(
        index_url=options.get("index-url", ""),
        extra_index_urls=words("extra-index-url"),
        no_index=flag("no-index"),
        find_links=words("find-links"),
        constraints=words("constraint"),
        trusted_hosts=words("trusted-host"),
        cert=options.get("cert", ""),
        client_cert=options.get("client-cert", ""),
        proxy=options.get("proxy", ""),
        timeout=options.get("timeout", "") or options.get("default-timeout", ""),
        pre=flag("pre"),
    )


def _literal(text: str) -> str:
    try:
        return str(ast.literal_eval(text))
    except (ValueError, SyntaxError):
        return text


def for_uv(settings: PipSettings) -> dict[str, str]:
    """Return uv's environment variables for the settings.

    uv takes a package from the first index that has it; pip looks at all of them and
    takes the best version. ``unsafe-best-match`` is uv's name for pip's way. ``no_index``
    has no variable: it is uv's option ``--no-index``.
    """
    s = settings
    variables = {
        "UV_DEFAULT_INDEX": s.index_url,
        "UV_INDEX": " ".join(s.extra_index_urls),
        "UV_INDEX_STRATEGY": "unsafe-best-match" if s.extra_index_urls else "",
        "UV_FIND_LINKS": ",".join(s.find_links),
        "UV_CONSTRAINT": " ".join(s.constraints),
        "UV_INSECURE_HOST": " ".join(s.trusted_hosts),
        "SSL_CERT_FILE": s.cert,
        "SSL_CLIENT_CERT": s.client_cert,
        "UV_HTTP_TIMEOUT": s.timeout.partition(".")[0],
        "UV_PRERELEASE": "allow" if s.pre else "",
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY"), s.proxy),
    }
    return {k: v for k, v in variables.items() if v}


def for_pip(settings: PipSettings) -> dict[str, str]:
    """Return pip's environment variables: the environment's pip reads fewer files than ours."""
    s = settings
    variables = {
        "PIP_INDEX_URL": s.index_url,
        "PIP_EXTRA_INDEX_URL": " ".join(s.extra_index_urls),
        "PIP_NO_INDEX": "1" if s.no_index else "",
        "PIP_FIND_LINKS": " ".join(s.find_links),
        "PIP_CONSTRAINT": " ".join(s.constraints),
        "PIP_TRUSTED_HOST": " ".join(s.trusted_hosts),
        "PIP_CERT": s.cert,
        "PIP_CLIENT_CERT": s.client_cert,
        "PIP_PROXY": s.proxy,
        "PIP_DEFAULT_TIMEOUT": s.timeout,
        "PIP_PRE": "1" if s.pre else "",
    }
    return {k: v for k, v in variables.items() if v}


_URL = re.compile(r"\b(?P<scheme>[a-z][a-z0-9+.-]*://)(?P<rest>[^\s'\"<>`]+)", re.IGNORECASE)


def redact(text: str) -> str:
    """Return text with the host and any user name and password of each URL taken out.

    >>> redact("failed: https://me:secret@mirror.example/simple/torch/")
    'failed: https://…/torch/'
    """
    return _URL.sub(_without_host, text)


def _without_host(match: re.Match[str]) -> str:
    scheme, rest = match["scheme"], match["rest"].rstrip(".,;:)")
    tail = match["rest"][len(rest) :]
    last = rest.rstrip("/").rpartition("/")[2] if "/" in rest.rstrip("/") else ""
    last = re.split(r"[?#]", last)[0]
    return f"{scheme}…/{last}{'/' if last and rest.endswith('/') else ''}{tail}"
