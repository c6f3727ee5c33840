"""What a run says while it goes on. Nothing here decides anything."""

from typing import Protocol

from bakeoff.record import Record


class Progress(Protocol):
    """The runner's listener; the command line implements it, tests and others may."""

    def note(self, text: str) -> None:
        """Say something that happened once: a problem, a wait, an environment made."""

    def stage(self, text: str) -> None:
        """Say what is going on before and between measurements."""

    def case(self, case_id: str, number: int, done: float, remaining_s: float | None) -> None:
        """A case begins in round ``number``; ``done`` is the fraction of the run, 0 to 1."""

    def backend(self, name: str) -> None:
        """A backend works on the present case."""

    def record(self, record: Record) -> None:
        """A record is in the journal."""


class Silent:
    """Says nothing, and remembers what it was told."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def stage(self, text: str) -> None:
        pass

    def case(self, case_id: str, number: int, done: float, remaining_s: float | None) -> None:
        pass

    def backend(self, name: str) -> None:
        pass

    def record(self, record: Record) -> None:
        pass
