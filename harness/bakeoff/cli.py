"""The command line.

``bakeoff run|list|report|serve|compare|history|mcnemar|export|adoption|env|doctor``.

Exit codes: 0 well (also where Ctrl-C ends ``serve``), 1 a cell failed (``run``) or became worse
(``compare``), or two models differ (``mcnemar``), 2 the command was wrong or a file or folder it
needs cannot be used, 3 nothing could be measured (``run``), 130 interrupted.
"""

import io
import sys

INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run a command; return its exit code.

    The commands are imported here: Ctrl-C while they load is no traceback either.
    """
    try:
        from bakeoff.commands.root import execute

        _show_what_can_be_shown()
        return execute(arguments)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED


def _show_what_can_be_shown() -> None:
    """Let a sign that the terminal's encoding lacks become a question mark, not an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
