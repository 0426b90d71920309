"""A web server on 127.0.0.1 that serves one file, well or in one of many bad ways."""

import contextlib
import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Behaviour:
    """What the server does; a test changes the attributes."""

    def __init__(self, data: bytes):
        self.data = data
        self.ranges = True  # honours Range
        self.cut_after: int | None = None  # bytes per answer before the line goes dead
        self.cuts = 10**9  # how many answers are cut
        self.status: list[int] = []  # errors for the first requests
        self.pause = 0.0  # seconds between pieces
        self.stall_after: int | None = None  # bytes before silence
        self.wrong_range = False
        self.announce_length = True
        self.requests: list[str | None] = []  # the Range header of each request


@contextlib.contextmanager
def serve(behaviour: Behaviour) -> Iterator[str]:
    """Runs the server; yields the URL of the file."""
    released = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requested = self.headers.get("Range")
            behaviour.requests.append(requested)
            if behaviour.status:
                self.send_error(behaviour.status.pop(0))
                return
            start = 0
            if requested and behaviour.ranges:
                start = int(re.fullmatch(r"bytes=(\d+)-", requested)[1])
                if start >= len(behaviour.data):
                    self.send_error(416)
                    return
                self.send_response(206)
                first = start + 1 if behaviour.wrong_range else start
                last = len(behaviour.data) - 1
                self.send_header("Content-Range", f"bytes {first}-{last}/{last + 1}")
            else:
                self.send_response(200)
            body = behaviour.data[start:]
            if behaviour.announce_length:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if behaviour.cut_after is not None and behaviour.cuts > 0:
                behaviour.cuts -= 1
                body = body[: behaviour.cut_after]
            if behaviour.stall_after is not None:
                self.wfile.write(body[: behaviour.stall_after])
                self.wfile.flush()
                released.wait(30)
                return
            pieces = range(0, len(body), 1 << 16)
            for at in pieces:
                self.wfile.write(body[at : at + (1 << 16)])
                time.sleep(behaviour.pause)

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: object) -> None:
            pass  # a client that left is part of the tests

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/groove.zip"
    finally:
        released.set()
        server.shutdown()
        server.server_close()
        thread.join()
