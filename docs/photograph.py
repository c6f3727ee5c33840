"""Photograph a run's page for the README and `report.md`: desktop, phone, dark, print, a story.

Run: ``python docs/photograph.py bakeoff-results [--out docs]``. It writes the page anew, opens it
in a Chromium, and keeps each picture below `MOST_BYTES` by fewer colours.
"""

import argparse
import io
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Page, sync_playwright

from bakeoff_reports import METRICS, SECTIONS, pdf
from bakeoff_reports.page import write

MOST_BYTES = 200_000
COLOURS = (256, 128, 64, 32)
DESKTOP = {"viewport": {"width": 1280, "height": 1000}}
TALL = {"viewport": {"width": 1120, "height": 1470}}
PHONE = {"viewport": {"width": 390, "height": 844}, "device_scale_factor": 2}
A4 = {"viewport": {"width": 794, "height": 1123}}
CASE = "784-128-10-float32-batch64-sgd-step"


def top(page: Page) -> bytes:
    return page.screenshot()


def suite(page: Page) -> bytes:
    """Show a suite's table, from the heading down."""
    page.emulate_media(reduced_motion="reduce")
    page.locator("table.cells").first.scroll_into_view_if_needed()
    page.locator(".filter").first.evaluate("e => e.scrollIntoView()")
    return page.screenshot()


def story(page: Page) -> bytes:
    """Show an opened cell: the last backend's of a training step."""
    group = page.locator("table.cells > tbody", has=page.locator(f'tr.g .t:text-is("{CASE}")'))
    group.locator("button.opens").last.click()
    return group.locator("tr.s .opened").screenshot()


def printed(page: Page) -> bytes:
    page.emulate_media(media="print")
    page.evaluate("document.body.style.padding = '60px 53px'")  # the paper's margin
    return page.screenshot()


# Picture → how the browser is set up, and what is done there.
PICTURES: dict[str, tuple[dict[str, Any], Callable[[Page], bytes]]] = {
    "report.png": (TALL, top),
    "pictures/page-desktop.png": (DESKTOP, suite),
    "pictures/page-story.png": (DESKTOP, story),
    "pictures/page-dark.png": ({**DESKTOP, "color_scheme": "dark"}, story),
    "pictures/page-phone.png": (PHONE, top),
    "pictures/page-print.png": (A4, printed),
}


def main(given: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("run", type=Path, help="a run's folder")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent)
    options = parser.parse_args(given)
    address = write(options.run, SECTIONS, METRICS).resolve().as_uri()
    with browser() as chromium:
        for name, (setting, take) in PICTURES.items():
            page = chromium.new_page(**setting)
            page.goto(address)
            (options.out / name).write_bytes(small(take(page)))
            page.close()
            print(f"{name}: {(options.out / name).stat().st_size:,} bytes")
    return 0


@contextmanager
def browser() -> Iterator[Any]:
    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=shutil.which(pdf.find()))
        yield chromium
        chromium.close()


def small(png: bytes) -> bytes:
    """Return a picture in the most colours with which it is small enough."""
    picture = Image.open(io.BytesIO(png)).convert("RGB")
    for colours in COLOURS:
        out = io.BytesIO()
        picture.quantize(colours, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
        if out.tell() <= MOST_BYTES:
            return out.getvalue()
    raise SystemExit(f"a picture of {out.tell():,} bytes, expected {MOST_BYTES:,} at the most")


if __name__ == "__main__":
    sys.exit(main())
