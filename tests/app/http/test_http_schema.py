"""Every operation against its document: no fault of ours, and nothing that it does not say."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import GenerationMode
from schemathesis.config import SchemathesisConfig
from schemathesis.openapi import from_asgi
from schemathesis.schemas import BaseSchema
from sqlalchemy import delete

from app.database import Database
from app.main import create_app
from app.settings import Settings
from models.people import AttemptCount
from tests.factories import new_key
from tests.rows import add_calendar, add_need, add_offer, add_school

Api = tuple[BaseSchema, dict[str, str]]
EXAMPLES = 8
"""Of each operation: enough for each kind of wrong input, few enough for every run."""
AS_STORED = ["2xx", "304", "401", "404", "406", "409", "412", "415", "422", "428"]
"""Valid by the document and yet refused: for what is stored, or for a version that is not."""
REFUSED = ["4xx"]
"""412 also where more is wrong than the version."""


@pytest.fixture(scope="module")
def stored(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    path = tmp_path_factory.mktemp("api") / "givetake.sqlite3"
    shutil.copy(migrated_sqlite, path)
    with Database(f"sqlite:///{path}") as database:
        yield database


@pytest.fixture(scope="module")
def api(stored: Database) -> Api:
    """The service over a small exchange; runs are taken in and wait."""
    return _schema(stored)


@pytest.fixture(autouse=True)
def forgiven(stored: Database) -> None:
    """Wrong keys are sent for each operation: more than one address may send in a minute."""
    with stored.write() as session:
        session.execute(delete(AttemptCount))


def _schema(database: Database) -> Api:
    with database.write() as session:
        key = new_key(session)
        add_calendar(session)
        taker, giver = add_school(session, 100000), add_school(session, 100001, 2)
        add_need(session, "made-up-need-1", taker)
        add_offer(session, "made-up-offer-1", giver)
    app = create_app(Settings(workers=0), database)
    checks = {
        "positive_data_acceptance": {"expected-statuses": AS_STORED},
        "negative_data_rejection": {"expected-statuses": REFUSED},
    }
    config = SchemathesisConfig.from_dict({"seed": 1, "checks": checks})
    headers = {"Authorization": f"Bearer {key}"}
    return from_asgi("/api/v1/openapi.json", app, config=config, headers=headers), headers


def _labels() -> list[str]:
    with Database("sqlite://") as nowhere:
        paths = create_app(Settings(workers=0), nowhere).openapi()["paths"]
    return [f"{method.upper()} {path}" for path, of in paths.items() for method in of]


@pytest.mark.parametrize("label", _labels())
def test_every_operation_is_as_documented(api: Api, label: str) -> None:
    """Whatever is sent: no fault of the service, and only what the document says."""
    schema, headers = api
    operation = schema.find_operation_by_label(label)
    assert operation is not None

    @seed(1)
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(
        case=operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
        | operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    )
    def check(case: schemathesis.Case) -> None:
        case.call_and_validate(headers=headers)

    check()
