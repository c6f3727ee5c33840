"""The README tells the truth: its Python runs, its commands and options exist."""

import re

from docs.pages import blocks, text

from bakeoff import plugins
from bakeoff.case import EVERY_PRESET
from bakeoff.cli import main

README = text("README.md")
PYTHON = [block for kind, block in blocks("README.md") if kind == "python"]
ENGINE = next(block for block in PYTHON if "bakeoff_reference" in block)


def test_the_engine_example_computes_what_its_comments_say():
    names = {}
    exec(ENGINE, names)
    assert float(names["c"]) == 30
    assert (float(names["a"].grad), float(names["b"].grad)) == (6, 5)


def test_the_table_of_presets_counts_right():
    suites = plugins.load().suites.values()
    for preset in EVERY_PRESET:
        count = sum(len(list(suite.of(preset))) for suite in suites)
        assert f"| `{preset}` | {count} |" in README


def test_the_table_of_backends_names_all_and_no_other():
    _, _, rest = README.partition("Backends today:")
    table, _, _ = rest.partition("What the toolkits were found")
    assert set(re.findall(r"`([a-z0-9-]+)`", table)) == set(plugins.load().backends)


def test_a_wrong_option_is_a_usage_error(capsys):
    assert main(["run", "--no-such-option"]) == 2
    assert "no-such-option" in capsys.readouterr().err
