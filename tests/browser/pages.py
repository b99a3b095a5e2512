"""What every page of the portal must stand: a picture, axe, and the keyboard."""

from typing import Any

from playwright.sync_api import Locator, Page

from tests.browser.conftest import ROOT, SHOTS

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"

PHONE = {"viewport": {"width": 375, "height": 720}, "is_mobile": True, "has_touch": True}
HOW: dict[str, dict[str, Any]] = {
    "script": {},
    "phone": PHONE,
    "no-script": {"java_script_enabled": False},
}
"""Ways to open a page, by name, and the options of the context for each."""


def check(page: Page, name: str) -> None:
    """Keep a picture, ask axe, and look that nothing is wider than the screen."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SHOTS / f"portal-{name}.png", full_page=True)
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run()")
    # It leaves empty styles on elements, which htmx would carry over.
    page.evaluate("document.querySelectorAll('[style]').forEach((e) => e.removeAttribute('style'))")
    told = [
        (each["id"], each["help"], [node["html"][:200] for node in each["nodes"]])
        for each in found["violations"]
    ]
    assert told == [], told
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def tab_to(page: Page, wanted: Locator) -> None:
    """Go on by the keyboard alone until the control has the focus, and shows it."""
    for _ in range(150):
        page.keyboard.press("Tab")
        if wanted.evaluate("e => e === document.activeElement"):
            shown = wanted.evaluate(
                "e => { const c = e.closest('.govuk-radios__item, .govuk-checkboxes__item, label')"
                " ?? e; const s = [e, c, c.querySelector('label') ?? c].map((x) =>"
                " getComputedStyle(x)); const b = getComputedStyle(c.querySelector('label') ?? c,"
                " '::before'); return [...s, b].some((x) => x.outlineStyle !== 'none'"
                " || x.boxShadow !== 'none'); }"
            )
            assert shown
            return
    raise AssertionError(f"the keyboard never comes to {wanted}")
