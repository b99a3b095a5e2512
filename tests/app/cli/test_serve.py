"""What `givetake serve` says of where to go with a browser."""

import pytest

from app.access.policy import Grant
from app.cli.serve import address_of, tell
from app.database import Database
from app.settings import Settings
from models.vocabulary import Role
from tests.factories import new_key

HERE = "http://127.0.0.1:8000"
PUBLIC = "https://givetake.example.org"
ISSUED = {"issuer": "https://issuer.example.org", "issuer_client": "x", "issuer_secret": "y"}
ISSUED |= {"issuer_name": "Made-up"}


@pytest.mark.parametrize(
    ("settings", "address", "how"),
    [
        ({}, HERE, "Sign in with a key."),
        ({"development": True}, HERE, "label and password"),
        (ISSUED | {"public_url": PUBLIC}, PUBLIC, "Sign in with Made-up."),
    ],
)
def test_the_terminal_says_what_to_open_and_how_to_sign_in(
    sqlite_database: Database,
    capsys: pytest.CaptureFixture[str],
    settings: dict[str, object],
    address: str,
    how: str,
) -> None:
    """By what is set; where nobody has a key yet, how to make one."""
    for any_key in (False, True):
        if any_key:
            with sqlite_database.write() as session:
                new_key(session, Grant(Role.VIEWER))
        tell(Settings(**settings), sqlite_database, HERE)  # type: ignore[arg-type]
        said = " ".join(capsys.readouterr().err.split())
        assert f"open {address} in a browser" in said
        assert how in said
        assert ("givetake keys create" in said) is not any_key


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:8977"),
        ("0.0.0.0", "http://127.0.0.1:8977"),
        ("::1", "http://[::1]:8977"),
        ("::", "http://[::1]:8977"),
    ],
)
def test_the_address_is_one_that_a_browser_can_open(host: str, address: str) -> None:
    """Of whatever it listens on, with the port that it was given."""
    assert address_of(host, 8977) == address
