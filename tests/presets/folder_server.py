"""A web server on 127.0.0.1 that serves a folder, well or badly."""

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


@dataclass
class FolderServer:
    """What the server does; a test changes the attributes."""

    folder: Path
    url: str = ""
    cut_after: int | None = None  # bytes of a body before the line goes dead
    cuts: int = 0  # how many answers are cut
    errors: list[int] = field(default_factory=list)  # for the first requests
    stall: bool = False  # accepts, then says nothing
    redirect: str | None = None
    pause: float = 0.0  # seconds between pieces
    requests: list[str] = field(default_factory=list)


@contextlib.contextmanager
def serve_folder(folder: Path) -> Iterator[FolderServer]:
    server = FolderServer(folder)
    released = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rpartition("/")[2]
            server.requests.append(name)
            if server.stall:
                released.wait(30)
                return
            if server.errors:
                self.send_error(server.errors.pop(0))
                return
            if server.redirect:
                self.send_response(302)
                self.send_header("Location", f"{server.redirect}/{name}")
                self.end_headers()
                return
            path = server.folder / name
            if not path.is_file():
                self.send_error(404)
                return
            content = path.read_bytes()
            start = 0
            wanted = self.headers.get("Range", "")
            if wanted:
                start = int(wanted.removeprefix("bytes=").removesuffix("-"))
                self.send_response(206)
                last = len(content) - 1
                self.send_header("Content-Range", f"bytes {start}-{last}/{last + 1}")
            else:
                self.send_response(200)
            body = content[start:]
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if server.cuts and server.cut_after is not None:
                server.cuts -= 1
                body = body[: server.cut_after]
            for at in range(0, len(body), 1 << 14):
                self.wfile.write(body[at : at + (1 << 14)])
                time.sleep(server.pause)

        def log_message(self, *args: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: object) -> None:
            pass  # a client that left is part of the tests

    listener = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listener.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{listener.server_address[1]}/presets/tiny"
    try:
        yield server
    finally:
        released.set()
        listener.shutdown()
        listener.server_close()
        thread.join()
