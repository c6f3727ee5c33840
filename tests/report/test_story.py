"""The story of the suite `history`: every part from its cases, and plain words where one lacks."""

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from report import synthetic

from bakeoff.case import Case
from bakeoff.record import Block, Outcome, Record
from bakeoff_history.cases import SUITE
from bakeoff_reports import SECTIONS
from bakeoff_reports.analysis import Run, analyse
from bakeoff_reports.content import Figure, Heading, Paragraph, plain
from bakeoff_reports.page import render
from bakeoff_reports.story import STORIES, history
from bakeoff_reports.story_figures import power

CASES = tuple(SUITE.cases("standard"))
BACKENDS = ("numpy", "torch")


def series(case: Case) -> dict[str, tuple[float, ...]]:
    """What a good run leaves of a case."""
    tags = case.tags
    if tags["story"] == "memory":
        rate = 0.001 * int(tags["hidden"])
        return {"losses": tuple(2.3 * math.exp(-rate * t) for t in range(case.steps))}
    if tags["story"] == "gradient":
        shrink = {"sigmoid-naive": 0.1, "sigmoid-glorot": 0.3, "relu-naive": 0.5, "relu-he": 1.0}
        factor, depth = shrink[f"{tags['activation']}-{tags['init']}"], int(tags["depth"])
        return {"norms": (2.3, *(factor ** (depth - i) for i in range(depth + 1)))}
    if tags["story"] == "winter":
        deep = tags["activation"] == "sigmoid" and int(tags["depth"]) > 1
        return {"losses": tuple(2.3 if deep else 2.3 * 0.98**t for t in range(case.steps))}
    if tags["story"] == "pretraining":
        end = 0.1 if tags["pretraining"] == "none" and tags["activation"] == "sigmoid" else 0.76
        return {"accuracy": tuple(min(end, 0.1 + 0.05 * t) for t in range(40))}
    return {}


def records(case: Case, backend: str, time_ns: int = 10_000_000) -> Iterator[Record]:
    for number in range(4):
        blocks = tuple(
            Block(i, 10, time_ns * (10 + number), 10 * time_ns, 0) for i in range(4)
        ) if case.timed else ()  # fmt: skip
        yield Record(
            case.id, backend, 0, number, Outcome.OK, "", (), {}, series(case), blocks,
            f"env-{backend}",
        )  # fmt: skip


def run(backends: tuple[str, ...] = BACKENDS, **changes: Any) -> Run:
    made = tuple(r for c in CASES for b in backends for r in records(c, b))
    return replace(Run(synthetic.meta(backends), CASES, {}, made), **changes)


def told(made: Run) -> dict[str, list[Any]]:
    """Return the blocks of each part, by its heading."""
    parts: dict[str, list[Any]] = {}
    for block in history(analyse(made)):
        if isinstance(block, Heading):
            parts[block.text] = []
        else:
            parts[list(parts)[-1]].append(block)
    return parts


def words_of(blocks: list[Any]) -> str:
    return " ".join(plain(b) for b in blocks if isinstance(b, Paragraph))


def test_runs_without_the_suite_have_no_such_section():
    other = analyse(synthetic.run())
    assert history(other) == []
    assert '<h2 id="history"' not in render(other, SECTIONS)


def test_each_story_has_a_figure_and_three_sentences():
    parts = told(run())
    assert list(parts) == list(STORIES)
    for title, blocks in list(parts.items())[:-1]:
        assert [type(b) for b in blocks] == [Figure, Paragraph], title
        assert blocks[0].alt.endswith("."), title
        said = "".join(s.text for s in blocks[1].spans if s.kind == "plain")
        assert said.count(". ") == 3, title
        assert "numpy and torch came to it within their error bounds" in words_of(blocks), title


@pytest.mark.parametrize(
    ("title", "texts"),
    [
        ("One hidden layer learns anything by heart", ["128 units after", "steps",
                                                       "not 2 units, 8 units and 32 units"]),
        ("The gradient vanishes", ["sigmoid, naive weights", "10 times", "1.0×10⁻⁸",
                                   "With ReLU, He's weights it is 1.0 times"]),
        ("Winter: deep networks do not train", ["1 × sigmoid, naive weights and 6 × ReLU",
                                                "3 × sigmoid, naive weights and 6 × sigmoid"]),
        ("Unlabelled images help", ["From 200 labels", "76", "10", "sigmoid, pre-trained"]),
    ],
    ids=["memory", "gradient", "winter", "pretraining"],
)  # fmt: skip
def test_the_sentences_say_what_was_measured(title: str, texts: list[str]):
    said = words_of(told(run())[title])
    for text in texts:
        assert text in said, said


def test_networks_of_one_depth_are_not_drawn_against_depth():
    made = run()
    kept = tuple(r for r in made.records if "gradient" not in r.case_id or r.case_id.endswith("-8"))
    whole, partial = (told(m)["The gradient vanishes"][0].drawing
                      for m in (made, replace(made, records=kept)))  # fmt: skip
    assert (len(whole.axes), len(partial.axes)) == (2, 1)


def test_a_run_without_a_device_says_so_plainly():
    blocks = told(run())["Seventy times as fast"]
    assert not any(isinstance(b, Figure) for b in blocks)
    assert "No backend of a device was in this run" in words_of(blocks)


def test_a_device_is_set_against_its_own_toolkit_on_the_cpu():
    names = ("numpy", "torch", "torch-cuda")
    meta = synthetic.meta(names)
    meta["backends"][2].update(device="cuda", toolkit=meta["backends"][1]["toolkit"])
    times = {"numpy": 10_000_000, "torch": 8_000_000, "torch-cuda": 200_000}
    made = tuple(r for c in CASES for b in names for r in records(c, b, times[b]))
    blocks = told(Run(meta, CASES, {}, made))["Seventy times as fast"]
    (figure,) = [b for b in blocks if isinstance(b, Figure)]
    assert "torch-cuda 40" in figure.alt
    assert "numpy" not in figure.alt
    assert "torch-cuda 40" in words_of(blocks)


def test_who_did_not_come_to_it_is_named():
    made = run()
    bad = next(c for c in CASES if c.tags["story"] == "winter").id
    wrong = (
        replace(r, outcome=Outcome.MISMATCH, reason="loss")
        if (r.case_id, r.backend) == (bad, "torch")
        else r
        for r in made.records
    )
    parts = told(replace(made, records=tuple(wrong)))
    said = words_of(parts["Winter: deep networks do not train"])
    assert "numpy came to it within its error bounds; torch did not" in said
    assert "numpy and torch came" in words_of(parts["The gradient vanishes"])


def test_a_story_without_any_result_is_left_out():
    made = run()
    kept = tuple(r for r in made.records if "gradient" not in r.case_id)
    assert "The gradient vanishes" not in told(replace(made, records=kept))


@pytest.mark.parametrize(
    ("value", "text"), [(1e-8, "10⁻⁸"), (0.1, "0.1"), (1.0, "1"), (1e4, "10⁴")]
)
def test_powers_of_ten_are_written_as_such(value: float, text: str):
    assert power(value) == text
