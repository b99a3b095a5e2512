"""The one register of support in a real browser: forms, targets and warnings."""

from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from app.database import Database
from app.portal.choices import Saved
from app.portal.labels import LABELS, SUPPORT_FIELDS, TARGET_FIELDS
from models.register import Participant
from models.targets import SupportTarget
from models.vocabulary import SupportAuthority, TargetDirection
from tests import rows
from tests.browser.pages import PHONE, check, tab_to

WAYS: dict[str, dict[str, Any]] = {
    "wide": {},
    "phone": PHONE,
    "no-script": {"java_script_enabled": False},
}


@pytest.fixture
def supported(exchange: Database) -> Database:
    """A school that an agency supports already, with a target."""
    with exchange.write() as session:
        taker = session.scalars(select(Participant).where(Participant.reference == "urn:100")).one()
        support = rows.add_support(session, "theirs", taker, None, agency="Agency B")
        what = {"measure": "attendance_pct", "direction": "raise", "value": 94.0}
        by = {"by_date": rows.STARTS.replace(year=2099)}
        rows.add(session, SupportTarget(support_id=support.id, **what, **by))
    return exchange


@pytest.mark.parametrize("way", WAYS)
def test_support_of_an_agency_and_its_target(
    broker: Callable[..., Page], address: str, supported: Database, way: str
) -> None:
    """Added from the page of the school, corrected where it is wrong; then the warning is first."""
    page = broker("/participants/100", **WAYS[way])

    def look(name: str) -> None:
        if way != "no-script":
            check(page, f"support-{name}-{way}")

    page.get_by_role("link", name="Support for Oak Primary School 0").click()
    look("register")
    page.get_by_role("button", name="Add support of another agency").click()
    page.get_by_label(SUPPORT_FIELDS["giver_name"].label).fill("Made-up Consultants")
    page.get_by_label(LABELS[SupportAuthority][SupportAuthority.OWN_CHOICE]).check()
    page.get_by_role("button", name="Save support").click()
    look("form-wrong")
    page.get_by_label(SUPPORT_FIELDS["agency"].label).fill("Programme A")
    page.get_by_label(SUPPORT_FIELDS["leader_days"].label).fill("1.5")
    page.get_by_role("button", name="Save support").click()
    expect(page.get_by_text(LABELS[Saved][Saved.CREATED], exact=True)).to_be_visible()
    page.get_by_role("link", name="Add a target of Made-up Consultants").click()
    page.get_by_label(TARGET_FIELDS["measure"].label, exact=True).select_option("attendance_pct")
    page.get_by_label(LABELS[TargetDirection][TargetDirection.RAISE]).check()
    page.get_by_label(TARGET_FIELDS["value"].label, exact=True).fill("101")
    page.get_by_label(TARGET_FIELDS["by_date"].label, exact=True).fill("16/7/2099")
    save = page.get_by_role("button", name="Save target")
    save.click()
    expect(page.get_by_text("must be between 0 and 100 for Attendance").first).to_be_visible()
    look("target-wrong")
    value = page.get_by_label(TARGET_FIELDS["value"].label, exact=True)
    value.fill("95")
    if way == "wide":
        value.focus()
        tab_to(page, save)
        page.keyboard.press("Enter")
    else:
        save.click()
    warning = page.locator(".govuk-warning-text")
    expect(warning).to_contain_text("Agree one target.")
    look("contradiction")
    page.get_by_role("link", name="the target for Attendance of Made-up Consultants").click()
    look("target")
    page.get_by_role("button", name="Remove this target").click()
    expect(page.get_by_text(LABELS[Saved][Saved.CHANGED], exact=True)).to_be_visible()
    expect(warning).to_have_count(0)
