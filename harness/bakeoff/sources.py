"""What a command is given as a run: a folder with a journal, or pytest-benchmark's files."""

from pathlib import Path

from bakeoff import benchmark_reader, export
from bakeoff.export import Contents
from bakeoff.journal import FILE_NAME


def read(path: Path, salvaging: bool = False) -> Contents:
    """Return a run's contents.

    Parameters
    ----------
    path
        A run's folder; or a ``.json`` file of pytest-benchmark, or a folder of such files,
        which are then the process rounds of one run.
    salvaging
        Return what is whole in a damaged journal.

    Raises
    ------
    BakeoffError
        If there is no such thing, or it is damaged.
    """
    if not (path / FILE_NAME).exists() and benchmark_reader.is_one(path):
        return benchmark_reader.read(benchmark_reader.files_in(path))
    return export.read(path, salvaging)
