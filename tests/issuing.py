"""The issuer of the tests as others see it: its address, and what it is told to do."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from tests.issuer import CLIENT, SECRET

ROOT = Path(__file__).parent.parent


@dataclass
class IssuerProcess:
    url: str
    client: httpx.Client

    def control(self, **wanted: Any) -> Any:
        """Change how it behaves; what it has seen since the last time."""
        return self.client.post("/control", json=wanted).raise_for_status().json()

    def behave(self, **settings: Any) -> None:
        self.control(settings=settings)

    def sign_in(self, address: str, subject: str) -> dict[str, str]:
        """Sign in at an address of the issuer; the query that the browser brings back."""
        answer = httpx.post(address, data={"subject": subject}, timeout=60)
        assert answer.status_code == 303, answer.text
        return dict(parse_qsl(urlsplit(answer.headers["location"]).query))

    @property
    def settings(self) -> dict[str, Any]:
        return {"issuer": self.url, "issuer_client": CLIENT, "issuer_secret": SECRET}


@contextmanager
def issuer_process() -> Iterator[IssuerProcess]:
    """A new process, ended after the block."""
    command = [sys.executable, "-m", "tests.issuer"]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            assert url, "the issuer did not start"
            with httpx.Client(base_url=url, timeout=60) as client:
                yield IssuerProcess(url, client)
        finally:
            process.terminate()
            process.wait(30)
