"""`bakeoff mcnemar` reads what users have, and refuses what it would misread."""

import json
import re

import numpy as np
import pytest
from runner.test_mcnemar import FIRST, LABELS, SECOND

from bakeoff.cli import main
from bakeoff.predictions import read_classes

NUMBERS = {name: n for n, name in enumerate(("T-shirt", "Pullover", "Sneaker"))}


def _csv(path, values, head=None):
    path.write_text("\n".join([*([head] if head else []), *map(str, values)]) + "\n")
    return str(path)


def _npy(path, values):
    np.save(path, np.asarray(values))
    return f"{path}.npy"


def _numbers(values):
    return [NUMBERS[v] for v in values]


@pytest.fixture
def lecture(tmp_path):
    names = zip("aby", (FIRST, SECOND, LABELS), strict=True)
    return [_csv(tmp_path / f"{name}.csv", values) for name, values in names]


def test_the_lectures_example_cannot_reject(lecture, capsys):
    assert main(["mcnemar", *lecture]) == 0
    said = capsys.readouterr().out
    assert "chi-squared 0.25, against 2.706 (90%), 3.841 (95%), 6.635 (99%)" in said
    assert "Cannot reject that the models are equally good" in said


FORMS = {
    "csv-of-numbers": lambda p, v: _csv(p, _numbers(v)),
    "csv-of-numbers-with-a-header": lambda p, v: _csv(p, _numbers(v), "class"),
    "csv-of-floats": lambda p, v: _csv(p, map(float, _numbers(v))),
    "npy-of-int64": lambda p, v: _npy(p, _numbers(v)),
    "npy-of-uint8": lambda p, v: _npy(p, np.array(_numbers(v), "u1")),
    "npy-of-floats": lambda p, v: _npy(p, np.array(_numbers(v), "f4")),
    "npy-of-text": _npy,
    "npy-of-bytes": lambda p, v: _npy(p, np.array(v, "S")),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_is_read(form, tmp_path, capsys):
    write = FORMS[form]
    given = [write(tmp_path / n, v) for n, v in zip("aby", (FIRST, SECOND, LABELS), strict=True)]
    assert main(["mcnemar", *given, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [found[k] for k in "abcd"] == [4, 2, 2, 1]
    assert (found["statistic"], found["differ"]) == (0.25, False)


def test_forms_can_be_mixed(tmp_path, capsys):
    first = _npy(tmp_path / "a", np.array(_numbers(FIRST), "f8"))
    second = _csv(tmp_path / "b.csv", _numbers(SECOND), "class")
    labels = _csv(tmp_path / "y.csv", _numbers(LABELS))
    assert main(["mcnemar", first, second, labels]) == 0


def test_a_column_is_read_by_its_name(tmp_path, capsys):
    table = tmp_path / "all.csv"
    rows = zip(range(9), FIRST, LABELS, strict=True)
    table.write_text("\n".join(["row,guess,label", *(f"{n},{a},{y}" for n, a, y in rows)]))
    assert read_classes(table, "guess") == FIRST
    assert main(["mcnemar", str(table), str(table), str(table), "--column", "guess"]) == 0
    assert "9 rows" in capsys.readouterr().out


def test_models_that_differ_exit_with_1(tmp_path, capsys):
    given = [_csv(tmp_path / n, v) for n, v in (("a", [1] * 40), ("b", [1] * 20 + [0] * 20))]
    assert main(["mcnemar", *given, given[0]]) == 1
    assert "The models differ, at 95%: the first is better" in capsys.readouterr().out


def test_a_stricter_confidence_can_undo_a_difference(tmp_path, capsys):
    labels = _csv(tmp_path / "y", [1] * 40)
    worse = _csv(tmp_path / "b", [1] * 33 + [0] * 7)  # p = 2/2^7
    assert main(["mcnemar", labels, worse, labels]) == 1
    assert main(["mcnemar", labels, worse, labels, "--confidence", "0.99"]) == 0


REFUSED = {
    "no-file": (lambda p: str(p / "nothing.csv"), "no such file"),
    "fewer": (lambda p: _csv(p / "f", FIRST[:-1]), "8 predictions, expected 9"),
    "numbers-for-names": (lambda p: _csv(p / "f", _numbers(FIRST)), "numbers, but .* holds names"),
    "empty": (lambda p: _csv(p / "f", []), "no rows"),
    "a-gap": (lambda p: _csv(p / "f", [*FIRST[:-1], '""']), "row 9 holds no class"),
    "not-a-number": (lambda p: _npy(p / "f", [1.0, np.nan]), "row 2 holds no class"),
    "logits": (lambda p: _npy(p / "f", np.zeros((9, 3))), r"shape \(9, 3\).*argmax"),
    "two-columns": (lambda p: _csv(p / "f", [f"{a},1" for a in FIRST]), "2 columns.*--column"),
    "ragged": (lambda p: _csv(p / "f", [*FIRST[:-1], "a,b"]), "row 9 has 2 columns"),
    "complex": (lambda p: _npy(p / "f", [1j]), "dtype complex128"),
    "no-array": (lambda p: _csv(p / "f.npy", FIRST), "no array that can be read"),
    "not-text": (lambda p: _bytes(p / "f"), "expected CSV, UTF-8"),
    "pickled": (lambda p: _npy(p / "f", np.array([{}] * 9, "O")), "pickled objects are never"),
}


def _bytes(path):
    path.write_bytes(b"\xff\xfe\x00\x01")
    return str(path)


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_used_is_refused_with_its_remedy(name, tmp_path, lecture, capsys):
    make, message = REFUSED[name]
    assert main(["mcnemar", make(tmp_path), *lecture[1:]]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert re.search(message, said), said


def test_what_may_be_a_header_among_names_is_asked_for(tmp_path, capsys):
    given = [
        _csv(tmp_path / n, v, head)
        for n, v, head in (("a", FIRST, "m1"), ("b", SECOND, "m2"), ("y", LABELS, "label"))
    ]
    assert main(["mcnemar", *given]) == 2
    assert "Say --header or --no-header" in capsys.readouterr().err
    assert main(["mcnemar", *given, "--header"]) == 0
    assert "9 rows" in capsys.readouterr().out
    assert main(["mcnemar", *given, "--no-header"]) == 0
    assert "10 rows" in capsys.readouterr().out


def test_an_unknown_column_names_those_there_are(tmp_path, lecture, capsys):
    assert main(["mcnemar", *lecture, "--column", "guess"]) == 2
    assert "no column 'guess', expected one of T-shirt" in capsys.readouterr().err
