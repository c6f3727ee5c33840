"""The README tells the truth: its Python runs, its commands and options exist."""

import re
import shlex
from pathlib import Path

import click
import pytest

from bakeoff import plugins
from bakeoff.case import EVERY_PRESET
from bakeoff.cli import main
from bakeoff.commands.root import bakeoff_group

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", README, re.DOTALL)
ENGINE = next(text for kind, text in BLOCKS if kind == "python" and "bakeoff_reference" in text)
SHELL = "".join(text for kind, text in BLOCKS if kind == "sh")
COMMANDS = sorted(set(re.findall(r"^(?:\.venv/bin/)?(bakeoff [^#\n]*[^#\s])", SHELL, re.MULTILINE)))


def test_the_engine_example_computes_what_its_comments_say():
    names = {}
    exec(ENGINE, names)
    assert float(names["c"]) == 30
    assert (float(names["a"].grad), float(names["b"].grad)) == (6, 5)


@pytest.mark.parametrize("line", COMMANDS)
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


def test_the_table_of_presets_counts_right():
    suites = plugins.load().suites.values()
    for preset in EVERY_PRESET:
        count = sum(len(list(suite.of(preset))) for suite in suites)
        assert f"| `{preset}` | {count} |" in README


def test_a_wrong_option_is_a_usage_error(capsys):
    assert main(["run", "--no-such-option"]) == 2
    assert "no-such-option" in capsys.readouterr().err
