"""Logs are events with fields, one line each, never names of people and never free text."""

import io
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO, cast

import structlog

from app.settings import Settings


class _StandardError(io.TextIOBase):
    """Standard error as it is when something is logged, not as it was at the start."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def configure(settings: Settings) -> None:
    """Send events to standard error as text for people or JSON for machines."""
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _StandardError())),
    )


@contextmanager
def about_run(run_id: int, request_id: str | None) -> Iterator[None]:
    """Give every line of the block the run's id, and that of the request that submitted it."""
    known = {"run_id": run_id} | ({"request_id": request_id} if request_id else {})
    with structlog.contextvars.bound_contextvars(**known):
        yield
