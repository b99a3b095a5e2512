"""Made-up plans to report, and what a page made of one says."""

from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from typing import Any

from app.insight.report import (
    Component,
    Refusal,
    ReportData,
    ReportPairing,
    ReportParticipant,
    Symbol,
    UnmetNeed,
)
from models.vocabulary import Ladder

VOID = {"meta", "link", "input", "br", "path", "rect", "circle", "use", "line"}
SCHOOLS = tuple(
    ReportParticipant(
        f"urn:{number}", f"Made-up School {number}", "Community school", Symbol.PRIMARY,
        53.7 + number / 100, 1.2 + number / 150, None, 5.0 * number,
    )
    for number in range(1, 13)
)  # fmt: skip
HUB = ReportParticipant(
    "org:hub", "Made-up Hub", "teaching school hub", Symbol.ORGANISATION, None, None, exempt=True
)


def pairing(number: int, giver: str, taker: str, days: float = 3.0, **given: Any) -> ReportPairing:
    made = ReportPairing(
        need=f"need-{number}", offer=f"offer-{number}", giver=giver, taker=taker,
        expertise="Attendance", days=days, days_needed=4.0, priority=2, points=200 + number,
        components=(
            Component("nearness", 200 + number, "They are 2 miles apart."),
            Component("priority", 4000, "It is a need of priority 2.", once=True),
        ),
        ladder=Ladder.LOCAL_AREA, distance_miles=2.0, points_once=4000,
    )  # fmt: skip
    return replace(made, **given)


def unmet(number: int, taker: str, *reasons: Refusal) -> UnmetNeed:
    return UnmetNeed(f"unmet-{number}", taker, "Governance", 2.0, 1, reasons)


PLAN = ReportData(
    area="Madeupshire", period="2026 to 2027", run="1",
    created_at=datetime(2026, 11, 22, tzinfo=UTC),
    rules=("Each school takes at most what it gives and its allowance.",),
    participants=(*SCHOOLS, HUB),
    pairings=(
        pairing(1, "urn:1", "urn:2"),
        pairing(2, "urn:2", "urn:1", days=4.0, ladder=Ladder.REGION, distance_miles=8.0),
        pairing(3, "org:hub", "urn:12", days=1.5, distance_miles=None),
        pairing(4, "urn:3", "urn:12", days=2.0, remote=True, distance_miles=None),
    ),
    unmet=(
        unmet(1, "urn:4", Refusal("The giver is too far away.", 7)),
        unmet(2, "urn:5"),
    ),
    objective=12_345, bound=12_400.0, gap=0.00446, status="feasible", seconds=1.5, seed=7,
    versions=(("ortools", "9.15"),),
)  # fmt: skip
EXPERTISE = (
    "Social, emotional and mental health (SEMH)", "SEND coordination and provision mapping",
    "Achievement of disadvantaged pupils", "Mathematics, primary", "Behaviour", "Attendance",
    "Internationalisation", "Finance and resource management", "History", "Early reading & phonics",
    "Headship and senior leadership", "Staff development and retention", "Writing, primary",
    "Subject and middle leadership", "Teaching practice and coaching", "Governance",
)  # fmt: skip
EVERY_CHART = replace(
    PLAN,
    pairings=tuple(
        pairing(
            number, f"urn:{1 + number % 12}", f"urn:{1 + (number + 5) % 12}",
            days=(number % 7 + 1) / 2 if number else 1200.5, days_needed=2000.0,
            expertise=EXPERTISE[number % 16], ladder=list(Ladder)[number % 6],
            distance_miles=number * 1.3,
        )
        for number in range(32)
    ),
    unmet=tuple(
        replace(unmet(number, f"urn:{1 + number % 12}"), expertise=EXPERTISE[number % 5])
        for number in range(11)
    ),
)  # fmt: skip
"""Every kind of chart, with long words, every source, and thousands."""


class Page(HTMLParser):
    """Checks that elements are closed in order, and keeps what tests ask about."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("script", "style"):
            self.text.append(data)


def read(html: str) -> Page:
    page = Page()
    page.feed(html)
    page.close()
    assert page.open == []
    return page


def said(html: str) -> str:
    return " ".join(" ".join(read(html).text).split())
