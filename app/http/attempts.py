"""Attempts to come in: slowed down and limited, counted where every process of the service sees."""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network
from typing import Any, Final

from limits import RateLimitItem, parse_many
from limits.storage import Storage
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy import delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request

from app.database import Database, ReadSession, WriteSession, database_now
from app.errors import Problem
from app.wording import counted
from models.people import AttemptCount

OF_ADDRESS: Final = parse_many("20/minute; 200/hour")
"""Attempts from one address that failed: a whole office, or a council, may have one address."""
OF_ACCOUNT: Final = parse_many("5/minute; 20/hour; 50/day")
"""Attempts at one account that its owner did not end by coming in, from wherever."""
FIRST_WAIT_S: Final = 0.5
LONGEST_WAIT_S: Final = 4.0
SLIPS: Final = 3
"""How long what is refused waits for its answer: from the third within a minute on, twice
as long each time."""


class TooManyAttempts(Problem):
    status = 429
    title = "Too many attempts"


class CountsInDatabase(Storage):
    """Counts of `limits`, each in a transaction of its own, by the database's clock."""

    STORAGE_SCHEME = None

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database

    @property
    def base_exceptions(self) -> type[Exception]:
        return SQLAlchemyError

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        with self.database.write() as session:
            now = database_now(session)
            session.execute(delete(AttemptCount).where(AttemptCount.expires_at <= now))
            return _add(session, key, amount, now + timedelta(seconds=expiry))

    def get(self, key: str) -> int:
        with self.database.read() as session:
            found = _row(session, key)
            return 0 if found is None else int(found.count)

    def get_expiry(self, key: str) -> float:
        with self.database.read() as session:
            found = _row(session, key)
            moment = database_now(session) if found is None else found.expires_at
            return float(moment.timestamp())

    def check(self) -> bool:
        with self.database.read() as session:
            session.execute(select(AttemptCount.key).limit(1))
        return True

    def reset(self) -> int | None:
        with self.database.write() as session:
            return len(session.scalars(delete(AttemptCount).returning(AttemptCount.key)).all())

    def decr(self, key: str) -> None:
        """Take back one that was counted, if its while is not over."""
        with self.database.write() as session:
            session.execute(
                update(AttemptCount)
                .where(AttemptCount.key == key, AttemptCount.count > 0)
                .values(count=AttemptCount.count - 1)
            )

    def clear(self, key: str) -> None:
        with self.database.write() as session:
            session.execute(delete(AttemptCount).where(AttemptCount.key == key))


def _add(session: WriteSession, key: str, amount: int, until: datetime) -> int:
    """One more within a while that began with the first, added by the database itself."""
    dialect: Any = sqlite if session.get_bind().dialect.name == "sqlite" else postgresql
    made = dialect.insert(AttemptCount).values(key=key, count=amount, expires_at=until)
    added = made.on_conflict_do_update(
        index_elements=[AttemptCount.key],
        set_={"count": AttemptCount.count + made.excluded.count},
    )
    return int(session.execute(added.returning(AttemptCount.count)).scalar_one())


def _row(session: ReadSession, key: str) -> Any:
    return session.execute(
        select(AttemptCount.count, AttemptCount.expires_at).where(
            AttemptCount.key == key, AttemptCount.expires_at > database_now(session)
        )
    ).one_or_none()


class Attempts:
    """What failed of late, by who tried and at what."""

    def __init__(self, database: Database) -> None:
        self._counts = CountsInDatabase(database)
        self._limiter = FixedWindowRateLimiter(self._counts)

    def take(self, address: str, account: str | None = None) -> float:
        """Count an attempt before it is made; how many seconds its refusal should wait.

        Raises `TooManyAttempts` if too many were made; then nothing more is written.
        """
        wanted = _limits(address, account)
        for limit, who in wanted:
            if not self._limiter.test(limit, *who):
                raise self._too_many(limit, who)
        of_late = 1
        for limit, who in wanted:
            # Also those that came at the same time as this one have been counted.
            if not self._limiter.hit(limit, *who):
                raise self._too_many(limit, who)
            if limit.get_expiry() <= 60:
                of_late = max(of_late, self._counts.get(limit.key_for(*who)))
        return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** max(0, of_late - SLIPS))

    def is_within(self, limit: RateLimitItem, who: str) -> bool:
        """Count something that is done for `who`; whether it is not too often."""
        key = _shortened(who)
        return self._limiter.test(limit, key) and self._limiter.hit(limit, key)

    def succeed(self, address: str, account: str | None = None) -> None:
        """Take back the attempt that came in, and forget what failed at its account before.

        Of the address only this one: what others there tried still counts.
        """
        for limit, who in _limits(address, None):
            self._counts.decr(limit.key_for(*who))
        if account is not None:
            for limit in OF_ACCOUNT:
                self._limiter.clear(limit, "account", _shortened(account))

    def _too_many(self, limit: RateLimitItem, who: tuple[str, str]) -> TooManyAttempts:
        ends = self._counts.get_expiry(limit.key_for(*who))
        with self._counts.database.read() as session:
            left_s = max(1.0, ends - database_now(session).timestamp())
        return TooManyAttempts(f"There were too many attempts. Wait {_said(left_s)} and try again.")


def _limits(address: str, account: str | None) -> Sequence[tuple[RateLimitItem, tuple[str, str]]]:
    found = [(limit, ("address", network_of(address))) for limit in OF_ADDRESS]
    if account is not None:
        found += [(limit, ("account", _shortened(account))) for limit in OF_ACCOUNT]
    return found


def _shortened(account: str) -> str:
    """Whatever was typed, in a length that is kept, and not to be read by anybody."""
    return hashlib.sha256(account.encode("utf-8", "replace")).hexdigest()[:32]


def address_of(request: Request) -> str:
    """The address that a request came from, as far as a trusted proxy tells."""
    return request.client.host if request.client else "unknown"


def network_of(address: str) -> str:
    """Of IPv6, the network: one household or office has as many addresses as it likes."""
    try:
        found = ip_address(address)
    except ValueError:
        return address[:60]
    return address if found.version == 4 else str(ip_network(f"{address}/64", strict=False))


def _said(seconds: float) -> str:
    minutes = -(-int(seconds) // 60)
    if minutes <= 1:
        return "1 minute"
    return counted(minutes, "minute") if minutes < 120 else counted(-(-minutes // 60), "hour")
