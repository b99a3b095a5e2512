"""A small reverse proxy with a machine address of its own: `python -m` it, or use `proxied`.

It does what nginx does: passes the request on from its own address, says whom it is for, and
hands the answer back as it comes.
"""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

OF_THE_CONNECTION = ("connection", "transfer-encoding", "date", "server")


class _Passing(BaseHTTPRequestHandler):
    upstream = ("127.0.0.1", 80)

    def _pass(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        told = dict(self.headers.items())
        before = told.pop("X-Forwarded-For", None)
        sender = self.client_address[0]
        told["X-Forwarded-For"] = f"{before}, {sender}" if before else sender
        told["X-Forwarded-Proto"] = "https"
        onward = HTTPConnection(*self.upstream, source_address=(self.server.server_address[0], 0))
        onward.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in told.items():
            onward.putheader(name, value)
        onward.endheaders(body)
        answer = onward.getresponse()
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in OF_THE_CONNECTION:
                self.send_header(name, value)
        self.end_headers()
        while part := answer.read1(65_536):
            self.wfile.write(part)
            self.wfile.flush()
        onward.close()

    do_GET = do_POST = do_PUT = do_OPTIONS = _pass

    def log_message(self, *_: object) -> None:
        """Nothing."""


@contextmanager
def proxied(upstream: str, listen: str) -> Iterator[str]:
    """A proxy of `upstream` at the address `listen`, in a process of its own."""
    command = [sys.executable, __file__, listen, upstream]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


if __name__ == "__main__":
    parts = urlsplit(sys.argv[2])
    _Passing.upstream = (parts.hostname or "", parts.port or 80)
    with ThreadingHTTPServer((sys.argv[1], 0), _Passing) as server:
        sys.stdout.write(f"http://{sys.argv[1]}:{server.server_address[1]}\n")
        sys.stdout.flush()
        server.serve_forever()
