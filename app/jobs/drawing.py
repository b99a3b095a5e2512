"""Draws what pages show of a plan before it is written down: who looks first waits for nothing."""

import threading
import time
from collections.abc import Callable
from contextvars import copy_context
from typing import Final

import structlog

from app.database import Database
from app.insight.queries import report_data, result_to_be
from app.insight.rendered import draw
from app.planning.carry_out import Outcome, Stage, Tell

POLL_S: Final = 0.1
MOST_S: Final = 300.0

log = structlog.get_logger()


class Drawing:
    """Draws a plan while its worker's child holds it in memory."""

    def __init__(
        self, database: Database, run_id: int, tell: Tell, cancelled: Callable[[], bool]
    ) -> None:
        self._database = database
        self._run_id = run_id
        self._tell = tell
        self._cancelled = cancelled

    def __call__(self, outcome: Outcome) -> dict[str, bytes]:
        """Files by name; none where it failed, takes long, or the run is to end: the plan counts.

        What is not drawn here is drawn when somebody looks.
        """
        pages: dict[str, bytes] = {}
        if not outcome.proposals:
            return pages
        self._tell(Stage("Drawing the plan", 0.97))

        def work() -> None:
            try:
                with self._database.read() as session:
                    result = result_to_be(session, self._run_id, outcome)
                    pages.update(draw(report_data(session, result)).files())
            except Exception as error:
                log.error("run.drawing_failed", error=type(error).__name__, exc_info=error)

        thread = threading.Thread(
            target=copy_context().run, args=(work,), name="drawing", daemon=True
        )
        thread.start()
        end = time.monotonic() + MOST_S
        while thread.is_alive() and not self._cancelled() and time.monotonic() < end:
            thread.join(POLL_S)
        return {} if thread.is_alive() else pages
