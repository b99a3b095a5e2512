"""Where emails go: to a mail server, or into a folder as files that a mail program opens."""

import os
import smtplib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from app import private_files
from app.mail.message import Message, check_address, written
from app.settings import Settings

TIMEOUT_S: Final = 20.0
"""Of each step of the conversation with a mail server."""
PORTS: Final[Mapping[str, int]] = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class NotSent(Exception):
    """What kept an email from going out, without the address; `for_good`: again is no use."""

    def __init__(self, reason: str, *, for_good: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.for_good = for_good


class MailPort(Protocol):
    def send(self, message: Message) -> None:
        """Hand a message over. Raises `NotSent` where nobody took it."""


@dataclass(frozen=True, slots=True)
class Folder:
    """Writes each message into a file of its own, which is never written twice."""

    folder: Path
    sender: str

    def send(self, message: Message) -> None:
        text = written(message, self.sender)
        try:
            private_files.make_folder(self.folder)
            file = self.folder / f"{message.message_id}.eml"
            part = file.with_suffix(f".{os.getpid()}.part")
            private_files.create(part)
            part.write_bytes(text)
            try:
                os.link(part, file)
            except FileExistsError:
                pass  # an attempt before this one got so far
            finally:
                part.unlink()
        except OSError as error:
            raise NotSent(f"the folder of emails: {error.strerror}") from error


@dataclass(frozen=True, slots=True)
class Smtp:
    """Hands each message to a mail server."""

    scheme: str
    host: str
    port: int
    sender: str
    user: str | None = None
    password: str | None = None
    timeout_s: float = TIMEOUT_S
    context: ssl.SSLContext | None = None

    def send(self, message: Message) -> None:
        text = written(message, self.sender)
        sender = self.sender.rpartition("<")[2].rstrip("> ")
        try:
            server = self._connect()
        except (OSError, smtplib.SMTPException) as error:
            raise _not_sent(error) from None
        try:
            server.sendmail(sender, [check_address(message.to)], text)
        except (OSError, smtplib.SMTPException) as error:
            raise _not_sent(error) from None
        finally:
            # What was taken is taken, however the goodbye goes.
            try:
                server.quit()
            except (OSError, smtplib.SMTPException):
                server.close()

    def _connect(self) -> smtplib.SMTP:
        context = self.context or ssl.create_default_context()
        if self.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self.host, self.port, timeout=self.timeout_s, context=context
            )
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=self.timeout_s)
        try:
            if self.scheme == "smtp+starttls":
                server.starttls(context=context)
            if self.user is not None and self.password is not None:
                server.login(self.user, self.password)
        except (OSError, smtplib.SMTPException):
            server.close()
            raise
        return server


def port_of(settings: Settings) -> MailPort:
    """Where the settings want emails to go."""
    if settings.mail_server is None:
        folder = settings.mail_folder or settings.data_folder / "mail"
        return Folder(folder, settings.mail_from)
    at = urlsplit(settings.mail_server)
    password = settings.mail_password
    return Smtp(
        at.scheme,
        str(at.hostname),
        at.port or PORTS[at.scheme],
        settings.mail_from,
        settings.mail_user,
        None if password is None else password.get_secret_value(),
    )


def _not_sent(error: OSError | smtplib.SMTPException) -> NotSent:
    """Why, by code alone: what servers say may repeat the address, and be anything."""
    code = _code(error)
    if code is not None:
        refused = isinstance(error, smtplib.SMTPRecipientsRefused)
        what = "the address" if refused else "the email"
        # Of anything else, such as a password, the settings can be put right meanwhile.
        final = refused or isinstance(error, smtplib.SMTPDataError)
        return NotSent(
            f"the mail server refused {what} (code {code})", for_good=final and code >= 500
        )
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return NotSent("the mail server does not offer what the settings ask for")
    return NotSent(f"the mail server could not be reached ({type(error).__name__})")


def _code(error: Exception) -> int | None:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return next((code for code, _ in error.recipients.values()), None)
    if isinstance(error, smtplib.SMTPResponseException):
        return error.smtp_code
    return None
