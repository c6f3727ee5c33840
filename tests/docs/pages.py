"""The pages that are held to what they say, and what is in them."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = {name: ROOT / name for name in ("README.md", "docs/report.md", "docs/verdicts.md")}


def text(name: str) -> str:
    return PAGES[name].read_text(encoding="utf-8")


def blocks(name: str) -> list[tuple[str, str]]:
    """Return the code blocks of a page: kind and text."""
    return re.findall(r"```(\w+)\n(.*?)```", text(name), re.DOTALL)


def shell_lines(name: str) -> list[str]:
    """Return the commands of a page's shell blocks, without comments."""
    shell = "".join(block for kind, block in blocks(name) if kind == "sh")
    lines = re.sub(r"\\\n\s*", "", shell).splitlines()
    return [line for line in (re.sub(r"\s+#.*|^#.*", "", line) for line in lines) if line]


def links(name: str) -> list[str]:
    """Return the targets of links inside the repository; pictures are no links."""
    found = re.findall(r"(?<!!)\[[^\]]*\]\(([^)#\s]+)\)", text(name))
    return [target for target in found if "://" not in target]
