"""Settings come from the environment only; each default is safe in production and to publish."""

import re
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from platformdirs import user_data_path
from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app import private_files
from app.errors import Problem, plain_reason
from solver.formats.bounded import MOST_MIB

_GEOCODER = re.compile(
    r"(nominatim|photon)\+https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[\w./~-]*)?",
    re.ASCII,
)
_PUBLIC_URL = re.compile(
    r"https?://(?:[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?"
    r"(?P<path>(?:/[A-Za-z0-9._~-]+)*)",
    re.ASCII,
)
_MAIL_SERVER: Final = (
    r"^(smtp|smtp\+starttls|smtps)://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$"
)
_SENDER: Final = r"^([A-Za-z0-9 .'-]+ <[^@\s<>]+@[A-Za-z0-9.-]+>|[^@\s<>]+@[A-Za-z0-9.-]+)$"
OUR_PATHS: Final = frozenset({"api", "health", "maps", "portal"})
"""What our own addresses begin with: a prefix of the same name would be taken for them."""
USUAL_ADDRESS: Final = "http://127.0.0.1:8000"
"""Where `givetake serve` listens unless it is told otherwise."""
Network = IPv4Network | IPv6Network


class BadSetting(Problem):
    title = "Invalid setting"


def _own_folder() -> Path:
    """The one folder that is ours alone, wherever the database is."""
    return user_data_path("givetake", appauthor=False)


def _default_database_url() -> str:
    return f"sqlite:///{_own_folder() / 'givetake.sqlite3'}"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="GIVETAKE_", frozen=True, env_ignore_empty=True, hide_input_in_errors=True
    )

    database_url: str = Field(default_factory=_default_database_url)
    """`sqlite:///path/to/file` or `postgresql+psycopg://user@host/name`."""
    public_url: str | None = None
    """Where browsers and other systems find the service; none: at the address it listens on."""
    trusted_proxies: Annotated[tuple[Network, ...], NoDecode] = (
        ip_network("127.0.0.1"),
        ip_network("::1"),
    )
    """Addresses and networks whose word on who calls is taken."""
    travel_times: str | None = None
    """Minutes of travel: an OSRM server's address or a CSV matrix; none: estimated."""
    crossings: Path | None = None
    """A CSV of bridges, tunnels, ferries and roads round water; none: the packaged one."""
    waters: Path | None = None
    """A CSV of the middle lines of waters that journeys go round; none: the packaged one."""
    operator: str | None = Field(None, min_length=1, max_length=120)
    """Who runs this service, as its pages for people name them."""
    help_contact: str | None = Field(None, min_length=1, max_length=200)
    """Whom people ask for help: an email address, a telephone number with its hours."""
    privacy_notice: str | None = Field(None, max_length=500, pattern=r"^https://[^\s<>\"]+$")
    """Where the operator's own privacy notice is."""
    geocoder: str | None = None
    """`nominatim+https://host` or `photon+https://host`; none: by postcodes of the register."""
    similarity: Path | None = None
    """A CSV of what similarity is told by for each branch of expertise; none: the packaged one."""
    workers: int = Field(1, ge=0, le=64)
    """Runs at once of `givetake serve` itself; 0: `givetake worker` carries them out."""
    run_minutes: int = Field(60, ge=1, le=1_440)
    """How long one run, or an area of a batch, may search at most."""
    run_workers: int = Field(8, ge=1, le=256)
    """Processor cores that one run, or a batch, may use at most."""
    queued_runs: int = Field(50, ge=1, le=10_000)
    """Runs of one caller that may wait for a worker at once."""
    queued_minutes: int = Field(600, ge=1, le=1_000_000)
    """How long the waiting runs of one caller may search together."""
    running_batches: int = Field(5, ge=1, le=10_000)
    """Batches of one caller that have not ended."""
    file_mib: int = Field(MOST_MIB, ge=1, le=65_536)
    """Most MiB of a file that is read or uploaded, after unpacking."""
    stage_minutes: int = Field(30, ge=1, le=1_440)
    """How long a stage of a run may take, but for solving, which has its own limit."""
    hold_days: int = Field(14, ge=1, le=365)
    """How long a preferred proposal holds its days while nobody answers."""
    remind_hours: int = Field(48, ge=1, le=2_000)
    """After how long somebody who was asked by a link is reminded."""
    remind_again_hours: int = Field(120, ge=2, le=4_000)
    """After how long they are reminded for the second and last time."""
    answer_hours: int = Field(168, ge=3, le=8_760)
    """How long a link takes an answer; then the proposal lapses."""
    mail_server: str | None = Field(None, pattern=_MAIL_SERVER)
    """`smtp+starttls://host`, `smtps://host` or `smtp://host`, with a port where it has another;
    none: emails are written into a folder."""
    mail_user: str | None = Field(None, min_length=1, max_length=200)
    mail_password: SecretStr | None = Field(None, min_length=1)
    mail_from: str = Field("Givetake <givetake@localhost>", max_length=200, pattern=_SENDER)
    """As whom emails are sent."""
    mail_folder: Path | None = None
    """Where emails are written without a mail server; none: `mail` in the data folder."""
    secret: SecretStr | None = Field(None, min_length=32)
    """What tokens are signed with; none: made once and kept in the data folder."""
    publish_offers: bool = False
    """Whether the public map shows what supporting organisations said that they can offer."""
    webhook_networks: Annotated[tuple[Network, ...], NoDecode] = ()
    """Private addresses and networks that webhooks may be at; without TLS, too."""
    issuer_client: str | None = Field(None, min_length=1, max_length=200)
    """As whom the issuer knows this service."""
    issuer: str | None = Field(
        None,
        pattern=r"^(https://[A-Za-z0-9.-]+|http://(localhost|127\.0\.0\.1))(:\d{1,5})?(/[\w./~-]*)?$",
    )
    """Where people sign in by OpenID Connect; none: with keys alone."""
    issuer_secret: SecretStr | None = Field(None, min_length=1)
    issuer_scope: str = Field("openid", pattern=r"^[\x21-\x7e ]*\bopenid\b[\x21-\x7e ]*$")
    """What the issuer is asked to tell of people."""
    issuer_name: str = Field("single sign-on", min_length=1, max_length=60)
    """What people call it: "Sign in with ..."."""
    organisation_role: Literal["none", "viewer", "contact"] = "none"
    """The role that people get for the organisation that the issuer says they belong to."""
    development: bool = False
    """Whether people can sign in with a password where no issuer is set."""
    map_tiles: str | None = Field(None, pattern=r"^https://[A-Za-z0-9.:-]+/\S*\{z\}\S*$")
    """A tile server under the map; none: the coast alone, and no request to others."""
    map_attribution: str = Field("", max_length=200)
    """Whom to name for the tiles, as plain text."""
    log_format: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "warning"

    @field_validator("database_url")
    @classmethod
    def _known_database(cls, url: str) -> str:
        # Only here: files are read by commands that are done before a database library is there.
        from sqlalchemy import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            backend = make_url(url).get_backend_name()
        except ArgumentError:
            backend = ""
        if backend not in ("sqlite", "postgresql"):
            # It may hold a password, so the value is not repeated.
            raise ValueError(
                "must be the address of a database, like sqlite:///path or "
                "postgresql+psycopg://user@host/name"
            )
        return url

    @field_validator("public_url")
    @classmethod
    def _known_address(cls, url: str | None) -> str | None:
        if url is None:
            return None
        matched = _PUBLIC_URL.fullmatch(url.rstrip("/"))
        if matched is None:
            raise ValueError(
                "must be an address like https://givetake.example.org, in lower case, with a port "
                "or path where it has one"
            )
        steps = matched["path"].split("/")[1:]
        if {".", ".."} & set(steps) or (steps and steps[0] in OUR_PATHS):
            raise ValueError(
                f"must not have a path that begins with {', '.join(sorted(OUR_PATHS))}, . or .."
            )
        return matched[0]

    @field_validator("trusted_proxies", "webhook_networks", mode="before")
    @classmethod
    def _known_networks(cls, given: object) -> object:
        if not isinstance(given, str):
            return given
        try:
            return tuple(ip_network(each) for each in given.replace(",", " ").split())
        except ValueError as unknown:
            raise ValueError(
                "must be addresses or networks, like 10.0.0.5 or 10.0.0.0/24, with commas between "
                "them"
            ) from unknown

    @field_validator("issuer")
    @classmethod
    def _known_to_issuer(cls, issuer: str | None, others: ValidationInfo) -> str | None:
        if issuer is not None and others.data.get("issuer_client") is None:
            raise ValueError("needs GIVETAKE_ISSUER_CLIENT, the client id that the issuer gave you")
        return issuer

    @field_validator("mail_password")
    @classmethod
    def _kept_from_others(
        cls, password: SecretStr | None, others: ValidationInfo
    ) -> SecretStr | None:
        if password is not None and (others.data.get("mail_server") or "").startswith("smtp://"):
            raise ValueError(
                "must not be sent in clear: write GIVETAKE_MAIL_SERVER as smtp+starttls://host or "
                "smtps://host"
            )
        return password

    @model_validator(mode="after")
    def _reminded_in_order(self) -> Self:
        if not self.remind_hours < self.remind_again_hours < self.answer_hours:
            raise ValueError(
                "GIVETAKE_REMIND_HOURS must be less than GIVETAKE_REMIND_AGAIN_HOURS, and that "
                "less than GIVETAKE_ANSWER_HOURS"
            )
        return self

    @field_validator("geocoder")
    @classmethod
    def _known_geocoder(cls, server: str | None) -> str | None:
        if server is not None and not _GEOCODER.fullmatch(server):
            raise ValueError(
                "names no geocoder that can be used; write nominatim+https://host or "
                "photon+https://host, with a port or path where it has one"
            )
        return server

    @property
    def database_file(self) -> Path | None:
        prefix = "sqlite:///"
        if self.database_url.startswith(prefix) and ":memory:" not in self.database_url:
            return Path(self.database_url.removeprefix(prefix))
        return None

    @property
    def local_sign_in(self) -> bool:
        """Whether people can sign in with a password: in development, and without an issuer."""
        return self.development and self.issuer is None

    @property
    def data_folder(self) -> Path:
        """Where a file database is, or would be."""
        return self.database_file.parent if self.database_file else _own_folder()

    def make_data_folder(self) -> None:
        """Make the folder of a file database, so that a first run needs no preparation.

        What others could read of earlier versions' files there, they can read no longer.
        """
        if (file := self.database_file) is not None:
            private_files.make_folder(file.parent)
            beside = [file.with_name(file.name + end) for end in ("", "-wal", "-shm", "-journal")]
            private_files.narrow("database", beside)
        if self.data_folder == _own_folder():  # any other may be shared with whatever else
            private_files.narrow("data folder", [self.data_folder])
        private_files.narrow("secret", [self.data_folder / "secret"])
        uploads = self.data_folder / "uploads"
        private_files.narrow("uploads", [uploads, *uploads.rglob("*")])


@cache
def settings() -> Settings:
    try:
        return Settings()
    except ValidationError as invalid:
        first = invalid.errors(include_url=False)[0]
        # What is wrong with several together names them itself.
        name = f"GIVETAKE_{first['loc'][0]} ".upper() if first["loc"] else ""
        raise BadSetting(f"{name}{plain_reason(first['msg'])}.") from invalid
