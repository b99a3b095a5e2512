"""What tokens are signed with, and how secrets are held."""

import hashlib
import os
import secrets
from contextlib import suppress

from app import private_files
from app.settings import Settings


def digest_of(secret: str) -> str:
    """How a secret is held that is random enough to need no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


def signing_secret(settings: Settings) -> str:
    """The secret of the settings, or one made when first asked for and kept beside the database."""
    if settings.secret is not None:
        return settings.secret.get_secret_value()
    path = settings.data_folder / "secret"
    if not path.exists():
        private_files.make_folder(settings.data_folder)
        made = path.with_name(f"secret.{secrets.token_hex(8)}")
        private_files.create(made)
        made.write_text(secrets.token_urlsafe(32))
        with suppress(FileExistsError):
            os.link(made, path)  # the first to come wins, and nobody reads half a secret
        made.unlink()
    return path.read_text()
