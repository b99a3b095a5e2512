"""Suggesting by rules of our own, on a day of our own."""

import json
from datetime import date
from pathlib import Path
from typing import Any

from app.access.policy import TERMINAL
from app.database import Database
from app.suggestions.service import SuggestReport, suggest

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
