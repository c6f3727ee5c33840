"""A browser for the tests of the page."""

import shutil

import pytest

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))),
    None,
)
FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
         "--disable-background-networking", "--disable-component-update"]  # fmt: skip


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine")
    with playwright.sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture
def opened(browser, html, tmp_path):
    """Return a function that opens the module's ``html``, what it noticed, and the file."""
    path = tmp_path / "report.html"
    path.write_text(html, encoding="utf-8")
    noticed = []

    def open_page(**options):
        page = browser.new_context(**options).new_page()
        page.on("console", lambda message: noticed.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: noticed.append(f"error: {error}"))
        page.on("dialog", lambda dialog: (noticed.append("dialog"), dialog.dismiss()))
        page.on("request", lambda request: noticed.append(f"request: {request.url}"))
        page.goto(path.as_uri())
        return page

    yield open_page, noticed, path
    for context in browser.contexts:
        context.close()
