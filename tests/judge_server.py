"""A small server that speaks OpenAI's form, as somebody else's judge would: right answers say “lamp”."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[str], str]


class Server(ThreadingHTTPServer):
    answer: Answer
    asked: list[tuple[str, str]]
    """(question, Authorization) of each."""

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}/v1/"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        question = body["messages"][0]["content"]
        self.server.asked.append((question, str(self.headers["Authorization"])))
        reply = self.server.answer(question)
        fields = {"choices": [{"message": {"content": reply}}], "usage": {"prompt_tokens": 100, "completion_tokens": 1}}
        if reply == "hang up":
            return
        self.send_response({"fail": 500, "busy": 429}.get(reply, 200))
        self.send_header("Retry-After", "1")
        self.end_headers()
        self.wfile.write(json.dumps(fields).encode())

    def log_message(self, *_all: object) -> None:
        pass


def fair(question: str) -> str:
    """Right answers say “lamp”."""
    if "<first>" not in question:
        return "Good." if "lamp" in question.partition("<answer>")[2] else "bad"
    first, second = ("lamp" in question.partition(f"<{place}>")[2].partition("</")[0] for place in ("first", "second"))
    return "tie" if first == second else "first" if first else "second"


@contextmanager
def serving() -> Iterator[Server]:
    with Server(("127.0.0.1", 0), Handler) as made:
        made.asked = []
        made.answer = fair
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        yield made
        made.shutdown()
        thread.join()
