"""An email as it is sent: plain text to one address, which cannot smuggle in a header."""

import re
from dataclasses import dataclass
from datetime import datetime
from email.errors import HeaderParseError
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as CRLF
from email.utils import format_datetime
from typing import Final

from app.errors import Problem

MOST_LETTERS: Final = 254
LONGEST_LINE: Final = 998
"""Letters of a line of an email at most (RFC 5322)."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_ADDRESS: Final = re.compile(r"[^@\s<>\",;:\\()\[\]]+@[^@\s<>\",;:\\()\[\]]+")


class BadMessage(Problem):
    """An email that cannot be written; the sentence does not repeat the address."""

    status = 422
    title = "The email cannot be sent"


@dataclass(frozen=True, slots=True)
class Message:
    """What goes out. `message_id` is the same however often it is sent."""

    message_id: str
    to: str
    subject: str
    text: str
    at: datetime


def check_address(address: str) -> str:
    """The same; raises `BadMessage` for what no email can go to, or would say more than that."""
    known = address.isascii() and not _CONTROL.search(address) and _ADDRESS.fullmatch(address)
    if len(address) > MOST_LETTERS or not known or not _can_be_written(address):
        raise BadMessage(
            "The email address of the contact has a line break, a space, two dots in a row or "
            "something else that an address cannot have. Correct it, like name@example.org."
        )
    return address


def _can_be_written(address: str) -> bool:
    """Whether the library that writes headers takes it, whose errors are of many types."""
    try:
        Address(addr_spec=address)
    except (ValueError, IndexError, HeaderParseError):
        return False
    return True


def written(message: Message, sender: str) -> bytes:
    """The email as it goes over the line and into files."""
    if _CONTROL.search(message.subject):
        raise BadMessage("The subject of the email has a line break. Remove it.")
    made = EmailMessage(policy=CRLF)
    made["From"] = sender
    made["To"] = Address(addr_spec=check_address(message.to))
    made["Date"] = format_datetime(message.at)
    made["Message-ID"] = f"<{message.message_id}@{domain_of(sender)}>"
    # So that no out-of-office note comes back.
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(message.text)
    return f"Subject: {_in_header(message.subject)}\r\n".encode("ascii") + made.as_bytes()


def _in_header(subject: str) -> str:
    """The subject as the line of a header has it.

    `EmailMessage` begins a new line before a subject that just fits none, so that it arrives with
    a space before it, and loses spaces between words with accents.
    """
    longest = LONGEST_LINE if subject.isascii() else None
    return Header(subject, maxlinelen=longest, header_name="Subject").encode(linesep="\r\n")


def domain_of(sender: str) -> str:
    return sender.rpartition("@")[2].rstrip("> ")
