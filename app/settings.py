"""Settings come from the environment only; each default is safe in production and to publish."""

from functools import cache
from pathlib import Path
from typing import Literal

from platformdirs import user_data_path
from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def _default_database_url() -> str:
    return f"sqlite:///{user_data_path('givetake', appauthor=False) / 'givetake.sqlite3'}"


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="GIVETAKE_", frozen=True)

    database_url: str = Field(default_factory=_default_database_url)
    """`sqlite:///path/to/file` or `postgresql+psycopg://user@host/name`."""
    travel_times: str | None = None
    """Minutes of travel: an OSRM server's address or a CSV matrix; none: estimated."""
    workers: int = Field(1, ge=0, le=64)
    """Runs at once of `givetake serve` itself; 0: `givetake worker` carries them out."""
    hold_days: int = Field(14, ge=1, le=365)
    """How long a preferred proposal holds its days while nobody answers."""
    log_format: Literal["text", "json"] = "text"
    log_level: Literal["debug", "info", "warning", "error"] = "warning"

    def make_data_folder(self) -> None:
        """Make the folder of a file database, so that a first run needs no preparation."""
        prefix = "sqlite:///"
        if self.database_url.startswith(prefix) and ":memory:" not in self.database_url:
            path = Path(self.database_url.removeprefix(prefix))
            path.parent.mkdir(parents=True, exist_ok=True)


@cache
def settings() -> Settings:
    return Settings()
