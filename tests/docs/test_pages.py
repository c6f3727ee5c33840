"""Commands, options and files that a page names exist."""

import shlex

import click
import pytest
from docs.pages import PAGES, ROOT, links, shell_lines

from bakeoff.commands.root import bakeoff_group

LINES = [(page, line) for page in PAGES for line in shell_lines(page)]


def _starting(*beginnings: str) -> list[str]:
    return sorted({line for _, line in LINES if line.startswith(beginnings)})


@pytest.mark.parametrize("line", _starting("bakeoff ", ".venv/bin/bakeoff "))
def test_commands_and_options_exist(line):
    """Each command line is accepted by the parser; nothing is run."""
    words = shlex.split(line)[1:]
    command, context = bakeoff_group, click.Context(bakeoff_group)
    while isinstance(command, click.Group):
        name, command, words = command.resolve_command(context, words)
        assert command is not None, name
        context = click.Context(command, info_name=name, parent=context)
    known = {option for p in command.params for option in p.opts}
    for word in words:
        if word.startswith("-"):
            assert word in known, word


@pytest.mark.parametrize("line", _starting("python "))
def test_scripts_exist(line):
    words = shlex.split(line)[1:]
    target = words[2] if words[0] == "-m" else words[0]
    assert (ROOT / target).exists()


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page):
    lost = [target for target in links(page) if not (PAGES[page].parent / target).exists()]
    assert not lost
