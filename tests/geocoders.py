"""A Nominatim and a Photon on the loopback that answer as they are told."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from app.register import geocoder_server
from app.settings import settings

DOVER = (51.1279, 1.3134)


def nominatim(*places: tuple[float | str, float | str], name: str = "Dover, Kent") -> Any:
    return [{"lat": str(lat), "lon": str(lon), "display_name": name} for lat, lon in places]


def photon(*places: tuple[float, float, str], name: str = "Dover") -> Any:
    return {
        "features": [
            {
                "geometry": {"type": "Point", "coordinates": [lon, lat]},
                "properties": {"name": name, "country": "somewhere", "countrycode": code},
            }
            for lat, lon, code in places
        ]
    }


class Geocoder(ThreadingHTTPServer):
    """Answers every request with `body`, and remembers what was asked for."""

    daemon_threads = True

    def __init__(self, kind: str) -> None:
        super().__init__(("127.0.0.1", 0), _Answer)
        self.kind = kind
        self.status, self.body = 200, nominatim(DOVER) if kind == "nominatim" else photon()
        self.asked: list[dict[str, str]] = []
        self.agents: set[str] = set()
        self.meanwhile: Callable[[], object] = lambda: None
        """What happens while somebody waits for the answer."""

    @property
    def setting(self) -> str:
        return f"{self.kind}+http://127.0.0.1:{self.server_port}"

    @property
    def texts(self) -> list[str]:
        return [each["q"] for each in self.asked]


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Geocoder)
        url = urlsplit(self.path)
        assert url.path == {"nominatim": "/search", "photon": "/api"}[server.kind]
        server.asked.append({name: values[0] for name, values in parse_qs(url.query).items()})
        server.agents.add(self.headers["User-Agent"])
        server.meanwhile()
        body = server.body if isinstance(server.body, bytes) else json.dumps(server.body).encode()
        # Whoever asked may have stopped waiting.
        with suppress(ConnectionError):
            self.send_response(server.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def geocoder(monkeypatch: pytest.MonkeyPatch, kind: str = "nominatim") -> Iterator[Geocoder]:
    """A server that the settings name."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Geocoder(kind) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("GIVETAKE_GEOCODER", server.setting)
        forget()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()
            monkeypatch.delenv("GIVETAKE_GEOCODER")
            forget()


def forget() -> None:
    settings.cache_clear()
    geocoder_server.ask.cache_clear()
