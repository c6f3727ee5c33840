"""The one error that ops raise on purpose. Messages say what, got, expected, remedy."""

from typing import NoReturn


class OpError(ValueError):
    """Shapes, dtypes or attributes that an op refuses."""


def refuse(op: str, message: str) -> NoReturn:
    """Raise `OpError` with the op's name in front."""
    raise OpError(f"{op}: {message}")
