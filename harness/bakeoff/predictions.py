"""Classes of rows, predicted or true, read from a user's CSV or ``.npy`` file."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from bakeoff.errors import UsageError

Classes = tuple[int | float | str, ...]


def read_classes(path: Path, column: str | None = None, header: bool | None = None) -> Classes:
    """Return a file's classes: all of them numbers, or all of them names.

    Parameters
    ----------
    path
        ``.npy`` of one axis; anything else is read as CSV.
    column
        Of a CSV file, by its name in the first line; without it there must be just one.
    header
        Whether the first line names the columns. None: if a column is asked for, or if the
        first line holds the only text among numbers.

    Raises
    ------
    UsageError
        If the file cannot be read, or holds something else than a class for each row.
    """
    if not path.is_file():
        raise UsageError(f"{path}: no such file, expected a CSV or .npy file of classes")
    npy = path.suffix.lower() == ".npy"
    found = _from_npy(path) if npy else _from_csv(path, column, header)
    if not found:
        raise UsageError(f"{path}: no rows, expected a class for each row of the test set")
    return found


def _from_npy(path: Path) -> Classes:
    try:
        array = np.load(path, allow_pickle=False)
    except (ValueError, OSError, EOFError) as error:
        raise UsageError(
            f"{path}: no array that can be read ({error}), expected numbers or text; pickled "
            "objects are never loaded: save array.astype(str) or .astype(int) instead"
        ) from error
    if not isinstance(array, np.ndarray) or array.ndim != 1:
        shape = getattr(array, "shape", type(array).__name__)
        raise UsageError(
            f"{path}: shape {shape}, expected (rows,), a class for each row; of logits or "
            "probabilities save scores.argmax(axis=1)"
        )
    if array.dtype.kind == "S":
        array = np.char.decode(array, "utf-8", "replace")
    if array.dtype.kind not in "biufU":
        raise UsageError(f"{path}: dtype {array.dtype}, expected integers or text")
    return _classes(path, array.tolist())


def _from_csv(path: Path, column: str | None, header: bool | None) -> Classes:
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            lines = [line for line in csv.reader(stream) if line]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{path}: {error}; expected CSV, UTF-8, a row to a line") from error
    if not lines:
        return ()
    place = _place(path, lines[0], column)
    short = next((n for n, line in enumerate(lines, 1) if len(line) != len(lines[0])), None)
    if short:
        raise UsageError(
            f"{path}: row {short} has {len(lines[short - 1])} columns, expected {len(lines[0])}"
        )
    texts = [line[place].strip() for line in lines]
    if header is None:
        header = column is not None or _only_first_is_text(texts)
    return _classes(path, texts[1:] if header else texts)


def _place(path: Path, first: Sequence[str], column: str | None) -> int:
    names = [name.strip() for name in first]
    if column is not None and column not in names:
        raise UsageError(f"{path}: no column {column!r}, expected one of {', '.join(names)}")
    if column is None and len(names) > 1:
        raise UsageError(
            f"{path}: {len(names)} columns, expected one; name yours with --column, of "
            f"{', '.join(names)}"
        )
    return names.index(column) if column is not None else 0


def _only_first_is_text(texts: Sequence[str]) -> bool:
    return len(texts) > 1 and _number(texts[0]) is None and None not in map(_number, texts[1:])


def _classes(path: Path, values: Sequence[object]) -> Classes:
    """Return numbers if all are: 3, "3" and 3.0 are one class."""
    texts = [str(value) for value in values]
    numbers = [_number(text) for text in texts]
    missing = next((n for n, t in enumerate(texts, 1) if t.lower() in ("", "nan")), None)
    if missing:
        raise UsageError(f"{path}: row {missing} holds no class; expected one in every row")
    known = tuple(n for n in numbers if n is not None)
    return known if len(known) == len(texts) else tuple(texts)


def _number(text: str) -> int | float | None:
    """Return the number that a text is; a whole one as an integer, of any size."""
    for kind in (int, float):
        try:
            value = kind(text)
        except ValueError:
            continue
        if isinstance(value, float) and value.is_integer():
            return int(value)
        return value
    return {"True": 1, "False": 0}.get(text)
