"""The page of a small model, served to a browser."""

import shutil

import pytest
from page_tools import running
from small_studio import small_model

from keras_musicvae.export.web import web_files
from keras_musicvae.studio.server import StudioServer

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def model():
    return small_model()


@pytest.fixture(scope="session")
def site(model):
    return web_files(model, dtype="float32")


@pytest.fixture(scope="session")
def server(site):
    server = StudioServer(site)
    with running(server):
        yield server


@pytest.fixture(scope="session")
def browser():
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("no Chromium: `apt-get install chromium`, or install Chrome")
    playwright = pytest.importorskip("playwright.sync_api")
    arguments = ["--no-sandbox", "--autoplay-policy=no-user-gesture-required"]
    with playwright.sync_playwright() as runner:
        browser = runner.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def new_page(browser):
    """Opens pages of which every error fails the test."""
    contexts, errors = [], []

    def on_console(line):
        if line.type == "error":
            errors.append(line.text)

    def new_page(address: str, width: int = 1440, **settings):
        viewport = {"width": width, "height": 900}
        context = browser.new_context(viewport=viewport, **settings)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("console", on_console)
        page.goto(address)
        page.wait_for_selector("body[data-ready]", timeout=60_000)
        return page

    yield new_page
    for context in contexts:
        context.close()
    assert not errors


@pytest.fixture
def page(new_page, server):
    return new_page(server.address)
