"""What the tests of the page have in common."""

import contextlib
import threading
from collections.abc import Iterator


@contextlib.contextmanager
def running(server) -> Iterator[None]:
    """Serves in a thread."""
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def status(page) -> str:
    return page.inner_text("#status")


def wait_until(page, is_true) -> None:
    """`page.wait_for_function` would need what the page's policy forbids."""
    for _ in range(400):
        if is_true():
            return
        page.wait_for_timeout(25)
    raise AssertionError(f"It never came to this; the page says: {status(page)}")


def wait_for(page, button: str) -> None:
    """Presses a button that asks the model, and waits for the answer."""
    page.evaluate("document.getElementById('status').textContent = 'Pressed.'")
    page.click(button)
    wait_until(page, lambda: status(page) == "Ready.")


def generate(page, seed: int) -> None:
    page.fill("#seed", str(seed))
    wait_for(page, "#generate")


def saved(page, button: str) -> bytes:
    with page.expect_download() as download:
        page.click(button)
    return download.value.path().read_bytes()
