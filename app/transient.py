"""Faults of the database that pass by themselves, and work that is done again until they have.

They are told apart here and nowhere else: in workers and their children, batches and imports.
"""

import time
from collections.abc import Callable
from typing import Final, TypeVar

import structlog
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection

FIRST_PAUSE_S: Final = 0.1
LONGEST_PAUSE_S: Final = 2.0
PATIENCE_S: Final = 120.0
"""How long a database may take to restart before whoever waits for it gives up."""
OF_SQLITE: Final = frozenset({5, 6, 10, 13, 14, 15})
"""Primary result codes: busy, locked, input or output, full, cannot open, protocol."""
OF_POSTGRESQL: Final = ("08", "40", "53", "55P03", "57P", "58")
"""Classes and codes of SQLSTATE: connection, rolled back for another, no resources, locked,
shutting or starting up, and the system's own faults."""
WITHOUT_CODE: Final = frozenset({"OperationalError", "InterfaceError"})
"""What psycopg raises where no server answered, or a connection broke."""
T = TypeVar("T")

log = structlog.get_logger()


def is_transient(fault: BaseException) -> bool:
    """Whether the same may succeed in a moment: the database is busy, restarting or away."""
    if isinstance(fault, NoConnection):
        return True
    if isinstance(fault, DBAPIError):
        return fault.connection_invalidated or (fault.orig is not None and is_transient(fault.orig))
    code = getattr(fault, "sqlite_errorcode", None)
    if code is not None:
        return (code & 0xFF) in OF_SQLITE
    if not hasattr(fault, "sqlstate"):
        return False
    if fault.sqlstate is None:
        return type(fault).__name__ in WITHOUT_CODE
    return str(fault.sqlstate).startswith(OF_POSTGRESQL)


def retried(
    work: Callable[[], T],
    give_up: Callable[[], bool] = lambda: False,
    *,
    patience_s: float = PATIENCE_S,
) -> T:
    """Do the work again while faults of the database pass; raise the last when time is up."""
    end, pause = time.monotonic() + patience_s, FIRST_PAUSE_S
    while True:
        try:
            return work()
        except Exception as fault:
            if not is_transient(fault) or give_up() or time.monotonic() > end:
                raise
            log.warning("database.unavailable", error=type(fault).__name__)
        time.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_S)
