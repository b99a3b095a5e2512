"""Suggesting by rules of our own, on a day of our own."""

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from app.access.policy import TERMINAL
from app.database import Database
from app.suggestions.service import SuggestReport, suggest
from models.register import Institution, Measure, Participant

TODAY = date(2026, 10, 1)
RULES: dict[str, Any] = {
    "version": "test",
    "similar_schools": 8,
    "minimum_similar": 5,
    "minimum_criteria": 2,
    "oldest_years": 3,
    "criteria": [
        {"measure": "pupils", "weight": 1, "scale": "log"},
        {"measure": "fsm6_pct", "weight": 2},
        {"measure": "eal_pct", "weight": 1},
    ],
    "rules": [
        {
            "id": "ks4",
            "measure": "ks4_attainment8",
            "phase": "secondary",
            "better": "higher",
            "spreads": 1.5,
            "gap": 3,
            "need": {"expertise": "curriculum", "days": 6, "days_min": 2.5},
            "offer": {"expertise": "curriculum", "days": 4, "max_pairings": 2},
        }
    ],
}


def run(
    database: Database, tmp_path: Path, rules: dict[str, Any] = RULES, **options: Any
) -> SuggestReport:
    path = tmp_path / "rules.json"
    path.write_text(json.dumps(rules), encoding="utf-8")
    given: dict[str, Any] = {"today": TODAY, "period_code": "2026-27"} | options
    with database.write() as session:
        return suggest(session, TERMINAL, path, **given)


def school(session: Any, urn: int, figures: dict[str, float | None], **given: Any) -> None:
    """A made-up secondary school with figures of January 2026 and, for Key Stage 4, of 2026."""
    who = Participant(
        reference=f"urn:{urn}",
        kind="institution",
        name=f"Made-up School {urn}",
        local_authority_code="900" if urn % 2 else "901",
        updated_at=datetime.now(UTC),
    )
    session.add(who)
    session.flush()
    facts = {"fee_paying": False, "admissions_policy": "Non-selective", "in_scope": True} | given
    session.add(
        Institution(
            participant_id=who.id,
            urn=urn,
            type_code=34,
            type_name="Academy",
            status_code=1,
            phases=["primary", "secondary"] if "phonics_pct" in figures else ["secondary"],
            specialist=False,
            alternative_provision=False,
            **facts,
        )
    )
    for name, value in figures.items():
        period = "2026" if name.startswith("ks4") else "2026-01"
        suppressed = value is None
        session.add(Measure(urn=urn, name=name, period=period, value=value, suppressed=suppressed))
