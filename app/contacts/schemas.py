"""What is known of a contact, as it is sent, typed and answered."""

import re
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from app.http.fields import Content, Moment, Shown, Text, Words
from models.contacts import Contact

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
_TELEPHONE: Final = re.compile(r"\+?[0-9() -]{6,}(?: ?(?:ext|x)\.? ?[0-9]+)?", re.ASCII)
NEITHER: Final = "Enter an email address or a telephone number"


def _email(text: str) -> str:
    if not _EMAIL.fullmatch(text):
        raise ValueError("must be an email address, like name@example.org")
    return text


def _telephone(text: str) -> str:
    if not _TELEPHONE.fullmatch(text):
        raise ValueError("must be a telephone number, like 01632 960 001")
    return text


class ContactContent(Content):
    """A person at an institution or organisation, with an email address or a telephone number."""

    role: Annotated[Words, Field(examples=["headteacher"])]
    name: Annotated[Text, StringConstraints(max_length=200), Field(examples=["A Made-up Person"])]
    email: Annotated[
        Annotated[Text, StringConstraints(max_length=254), AfterValidator(_email)] | None,
        Field(examples=["office@school.example"]),
    ] = None
    telephone: Annotated[
        Annotated[Text, StringConstraints(max_length=40), AfterValidator(_telephone)] | None,
        Field(examples=["01632 960 001"]),
    ] = None

    @model_validator(mode="after")
    def _reachable(self) -> Self:
        if self.email is None and self.telephone is None:
            raise ValueError(NEITHER)
        return self


class NewContact(ContactContent):
    participant: Annotated[Words, Field(examples=["100000"])]


class ContactShown(Shown):
    id: int = Field(examples=[1])
    participant: str = Field(examples=["100000"])
    role: str = Field(examples=["headteacher"])
    name: str = Field(examples=["A Made-up Person"])
    email: str | None = Field(examples=["office@school.example"])
    telephone: str | None = Field(examples=["01632 960 001"])
    version: int = Field(examples=[1])
    updated_at: Moment

    @classmethod
    def of(cls, contact: Contact, participant: str) -> "ContactShown":
        known = {name: getattr(contact, name) for name in cls.model_fields if name != "participant"}
        return cls(participant=participant, **known)


class Contacts(Shown):
    """All contacts of one institution or organisation."""

    items: list[ContactShown]
