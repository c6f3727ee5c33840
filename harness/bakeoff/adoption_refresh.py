"""Asking public endpoints for figures of adoption: once each, and what came is kept.

Nothing is asked twice. A source that cannot be reached, or says that it was asked too often, is
left alone for the rest; a question that fails costs its own figure. Answers are anyone's: a
figure is taken only if it is a count.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import bakeoff
from bakeoff.adoption import AdoptionFigure
from bakeoff.adoption_sources import Question, Source
from bakeoff.errors import UsageError

TIMEOUT_S = 10.0
MOST_BYTES = 4 << 20  # of an answer
TOO_OFTEN = (403, 429)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status, and the body."""

    status: int
    body: bytes


class Unreachable(Exception):
    """No answer: no network, no such host, no connection, or not in time."""


Ask = Callable[[str], Answer]  # a URL → its answer; raises Unreachable


@dataclass(frozen=True, slots=True)
class Refreshed:
    """The figures that came, and what did not."""

    figures: tuple[AdoptionFigure, ...]
    problems: tuple[str, ...]


def refresh(ask: Ask, date: str, sources: Sequence[Source]) -> Refreshed:
    """Ask every source; return what came, dated, and a sentence for what did not."""
    figures: list[AdoptionFigure] = []
    problems: list[str] = []
    for source in sources:
        for question in source.questions():
            url = source.base + question.path
            try:
                answer = ask(url)
            except Unreachable as error:
                problems.append(f"{source.title}: no answer ({error}); are you online?")
                break
            if answer.status in TOO_OFTEN:
                problems.append(
                    f"{source.title}: asked too often, or refused (HTTP {answer.status}); it "
                    f"allows {source.limit}, try again later"
                )
                break
            try:
                figures += _figures(question, _content(answer), url, date)
            except ValueError as error:
                problems.append(f"{source.title}: {url}: {error}")
    return Refreshed(tuple(figures), tuple(problems))


def _content(answer: Answer) -> Any:
    if answer.status != 200:
        raise ValueError(f"HTTP {answer.status}, expected 200")
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError):
        raise ValueError("the answer is not JSON") from None


def _figures(question: Question, content: Any, url: str, date: str) -> Iterator[AdoptionFigure]:
    for count in question.counts:
        try:
            values = dict(count.values(content))
        except (KeyError, TypeError, IndexError, AttributeError):
            raise ValueError(f"the answer holds no {count.measure.lower()}") from None
        for toolkit, value in values.items():
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
                raise ValueError(f"{count.measure} is {str(value)[:40]!r}, expected a count")
            yield AdoptionFigure(toolkit, count.measure, float(value), count.unit, date, url)


def merged(
    earlier: Iterable[AdoptionFigure], newer: Iterable[AdoptionFigure]
) -> tuple[AdoptionFigure, ...]:
    """Return the newer figures, and the earlier ones that none of them replaces."""
    newer = tuple(newer)
    replaced = {(f.toolkit, f.measure, f.unit) for f in newer}
    return (*newer, *(f for f in earlier if (f.toolkit, f.measure, f.unit) not in replaced))


@contextmanager
def asking() -> Iterator[Ask]:
    """Yield what asks over the network, without trying again.

    Raises
    ------
    UsageError
        If httpx is not installed.
    """
    try:
        import httpx
    except ImportError:
        raise UsageError(
            "adoption refresh: httpx is not installed, expected it for asking the network; "
            "pip install 'bakeoff[adoption]'"
        ) from None
    with httpx.Client(
        timeout=TIMEOUT_S,
        follow_redirects=True,  # a repository that moved
        headers={"User-Agent": f"bakeoff/{bakeoff.__version__}", "Accept": "application/json"},
    ) as client:

        def ask(url: str) -> Answer:
            body = b""
            try:
                with client.stream("GET", url) as response:
                    for part in response.iter_bytes():
                        body += part
                        if len(body) > MOST_BYTES:
                            raise Unreachable(f"more than {MOST_BYTES:,} bytes")
            except httpx.HTTPError as error:
                raise Unreachable(str(error) or type(error).__name__) from None
            return Answer(response.status_code, body)

        yield ask
