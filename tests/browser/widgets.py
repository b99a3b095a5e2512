"""A county to draw, and what is seen and heard of the map in a page."""

from typing import Any

import pytest
from playwright.sync_api import Frame, Page, expect
from sqlalchemy.orm import Session

from models.matching import Proposal, Run
from models.vocabulary import Ladder
from tests import rows
from tests.browser.conftest import ROOT

SECRET = "made-up secret of forty characters or so"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
HEARD = """<script type="module">
  window.heard = [];
  for (const name of ["ready", "select", "pairing", "filter", "error"])
    document.addEventListener(`partner-${name}`, (e) => window.heard.push([name, e.detail]));
</script>"""


def draw(session: Session) -> None:
    """Sixty made-up schools about one town and two far away, with a run of thirty pairings."""
    rows.add_calendar(session)
    schools = []
    for n in range(60):
        north, east = (n * 37 % 60 - 30) / 100, (n * 23 % 60 - 30) / 60
        place = {"latitude": 51.2 + north, "longitude": 0.9 + east, "postcode": f"ZZ{n} 1AA"}
        kind = {"specialist": n % 9 == 0, "phases": ["secondary"] if n % 4 == 0 else ["primary"]}
        schools.append(rows.add_school(session, 100 + n, **place, **kind))
    for n, latitude in ((1, 54.9), (2, 50.4)):
        rows.add_school(session, n, latitude=latitude, longitude=-2.0)
    rows.add_school(session, 3, latitude=None, longitude=None, name="Nowhere School")
    rows.add_hub(session, "hub")
    run = {"period_code": rows.YEAR, "options": {}, "state": "solved", "actor": "terminal"}
    scope = {"kind": "local_authority", "code": "999", "name": "Testshire"}
    rows.add(session, Run(scope=scope, created_at=rows.NOW, **run))
    for n in range(30):
        need = rows.add_need(session, f"n{n}", schools[(n * 7 + 3) % 60])
        offer = rows.add_offer(session, f"o{n}", schools[n])
        proposal = {"half_days": 4, "points": 9, "components": [], "distance_m": 1609 * n}
        proposal |= {"ladder": list(Ladder)[n % 6], "remote": n % 7 == 0, "sendable": True}
        proposal |= {"state": "preferred"}
        rows.add(session, Proposal(run_id=1, need_id=need.id, offer_id=offer.id, **proposal))


def widget(page: Page) -> Frame:
    """The frame of the map, once it says that it is ready."""
    for _ in range(100):
        if found := [frame for frame in page.frames if "/maps/widget" in frame.url]:
            break
        page.wait_for_timeout(50)
    (frame,) = found
    expect(frame.locator("html")).to_have_attribute("data-state", "ready", timeout=15_000)
    return frame


def heard(page: Page, name: str) -> list[Any]:
    told: list[tuple[str, Any]] = page.evaluate("window.heard")
    return [detail for each, detail in told if each == name]


def await_heard(page: Page, name: str) -> Any:
    for _ in range(200):
        if told := heard(page, name):
            return told[-1]
        page.wait_for_timeout(50)
    raise AssertionError(f"nothing heard of {name}")


def violations(frame: Frame | Page, complaints: list[str]) -> list[str]:
    """What axe finds; what it makes the console say itself is forgotten."""
    assert complaints == []
    if not AXE.exists():
        pytest.skip("axe-core is not in place: npm ci")
    frame.evaluate(AXE.read_text())
    found = frame.evaluate(
        """async () => {
          const runOnly = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
          const { violations } = await axe.run(document, { runOnly });
          const nodes = (each) => each.nodes.map((node) => node.html.slice(0, 120)).join(" | ");
          return violations.map((each) => `${each.id}: ${nodes(each)}`);
        }"""
    )
    frame.wait_for_timeout(100)
    complaints.clear()
    return list(found)
