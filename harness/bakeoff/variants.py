"""Variants: a registered backend with another version of its toolkit, ``jax==0.9.*``.

A backend's name followed by a version specifier names a backend of its own: with its own
environment, workers and cells, in plan, records and reports. Versions of one toolkit are
thereby compared as backends are, interleaved in one run::

    bakeoff run --backends "jax==0.9.*,jax==0.10.*"

Source of specifiers: the Python packaging user guide, "Version specifiers" (PEP 440).
"""

import re
from collections.abc import Iterable
from dataclasses import replace

from packaging.requirements import Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from bakeoff.errors import UsageError
from bakeoff.interface import Backend

_OPERATORS = "=<>!~"

# How a specifier is spelled in names of files: without signs that shells and file systems
# read in their own way, and each in its own way, so that no two variants share a file.
_SPELLED = {
    "===": "-is-", "==": "-eq-", "!=": "-ne-", "~=": "-like-", ">=": "-ge-", "<=": "-le-",
    ">": "-gt-", "<": "-lt-", ",": "", "*": "x", "!": "-epoch-",
}  # fmt: skip
_SIGNS = re.compile("|".join(map(re.escape, sorted(_SPELLED, key=len, reverse=True))))


def split(text: str) -> list[str]:
    """Return the names between the commas; a part that begins with an operator goes on.

    >>> split("numpy, jax>=0.9,<0.10, torch == 2.12.*")
    ['numpy', 'jax>=0.9,<0.10', 'torch==2.12.*']
    """
    found: list[str] = []
    for part in ("".join(piece.split()) for piece in text.split(",")):
        if found and part.startswith(tuple(_OPERATORS)):
            found[-1] += f",{part}"
        elif part:
            found.append(part)
    return found


def parted(name: str) -> tuple[str, str]:
    """Return the registered backend's name and the specifier, which may be empty.

    >>> parted("jax>=0.9,<0.10")
    ('jax', '>=0.9,<0.10')

    Raises
    ------
    UsageError
        If there is only a specifier.
    """
    base = re.split(f"[{_OPERATORS}]", name, maxsplit=1)[0]
    if not base:
        raise UsageError(f"backend {name!r}: a version of nothing, expected NAME{name}")
    return base, name[len(base) :]


def variant(backend: Backend, specifier: str) -> Backend:
    """Return a backend with another version of its toolkit, under a name that says so.

    The toolkit's own requirement is replaced (`toolkit_requirement`). One that is pinned just
    as that was (``jaxlib`` beside ``jax``) goes with it: which version of it fits, the
    toolkit's metadata tell the installer. All others stay as they are.

    Raises
    ------
    UsageError
        If it is not known which requirement is the toolkit's, or the specifier is none.
    """
    name = f"{backend.name}{specifier}"
    toolkit = toolkit_requirement(backend)
    if toolkit is None:
        given = ", ".join(backend.requirements) or "nothing"
        raise UsageError(
            f"backend {name}: {backend.name} installs {given}, of which none is known to be the "
            f"toolkit's own; expected {backend.name} alone"
        )
    try:
        SpecifierSet(specifier)
    except InvalidSpecifier:
        raise UsageError(
            f"backend {name}: {specifier!r} is no version specifier; expected one such as "
            f"{backend.name}==1.2.*, or {backend.name}>=1.2,<1.4"
        ) from None
    requirements = [Requirement(text) for text in backend.requirements]
    for requirement in requirements:
        if requirement.name == toolkit.name:
            requirement.specifier = SpecifierSet(specifier)
        elif requirement.specifier == toolkit.specifier:
            requirement.specifier = SpecifierSet()
    return replace(
        backend,
        name=name,
        title=f"{backend.title} {specifier}",
        requirements=tuple(map(str, requirements)),
        variant_of=backend.name,
    )


def toolkit_requirement(backend: Backend) -> Requirement | None:
    """Return the requirement whose version is the toolkit's; None if that is not known.

    It is the one that is named as the toolkit is, or as the backend's name begins (``torch``
    of ``torch-compile``); failing that, the only one beside NumPy.
    """
    requirements = [Requirement(text) for text in backend.requirements]
    toolkit, own = canonicalize_name(backend.toolkit), canonicalize_name(_base(backend))
    named = [
        r for r in requirements if (name := canonicalize_name(r.name)) == toolkit
        or own.startswith(name)
    ]  # fmt: skip
    if named:
        return max(named, key=lambda r: len(r.name))
    others = [r for r in requirements if canonicalize_name(r.name) != "numpy"]
    return others[0] if len(others) == 1 else None


def _base(backend: Backend) -> str:
    return backend.variant_of or backend.name


def names_in(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the names in all of the texts."""
    return tuple(name for text in texts for name in split(text))


def file_name(name: str) -> str:
    """Return a backend's name as part of a file's name.

    >>> file_name("jax>=0.9,<0.10"), file_name("torch-compile==2.12.*")
    ('jax-ge-0.9-lt-0.10', 'torch-compile-eq-2.12.x')
    """
    return _SIGNS.sub(lambda sign: _SPELLED[sign[0]], name)
