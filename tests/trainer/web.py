"""A server of pictures on this machine, which tests may ask (MAQUETTE_FETCH_LOOPBACK)."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.trainer.data_files import picture


class Pictures(BaseHTTPRequestHandler):
    """/7.png is a picture; the others go wrong in a way of their own."""

    asked: list[str]
    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        name = self.path.strip("/").partition("?")[0]
        if name.startswith("to-"):
            self.send_response(302)
            self.send_header("Location", {"to-7": "/7.png", "to-inside": "http://10.0.0.1/7.png", "to-file": "file:///etc/passwd",
                                          "to-itself": "/to-itself"}[name])  # fmt: skip
            self.end_headers()
            return
        number = name.removesuffix(".png")
        if not number.isdecimal() and name not in ("page.png", "endless.png", "short.png"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html" if name == "page.png" else "image/png")
        if name == "short.png":
            self.send_header("Content-Length", "100000")
        self.end_headers()
        if name == "page.png":
            self.wfile.write(b"<html>please sign in</html>")
        else:
            self.wfile.write(picture(int(number) if number.isdecimal() else 5))
        if name == "endless.png":
            for _number in range(3_000):
                self.wfile.write(b"\0" * 65_536)

    def log_message(self, *_words: object) -> None:
        return


@contextmanager
def pictures_server() -> Iterator[tuple[int, list[str]]]:
    """(port, the paths that were asked for)."""
    handler = type("Handler", (Pictures,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield server.server_address[1], handler.asked
        finally:
            server.shutdown()
            thread.join()
