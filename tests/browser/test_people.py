"""People in a real browser: in through an issuer, out of both, and users for administrators."""

import re
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from app.access.policy import TERMINAL, Grant
from app.database import Database
from app.main import create_app
from app.people import users
from app.portal.choices import UserChange
from app.portal.labels import LABELS, USER_FIELDS
from app.settings import Settings
from models.vocabulary import Role
from tests.browser.conftest import Open
from tests.browser.pages import PHONE, check, tab_to
from tests.issuing import IssuerProcess
from tests.serving import serving

LABEL, ROLE, KIND, SCOPE = (
    USER_FIELDS[name].label for name in ("label", "role", "scope_kind", "scope")
)


@pytest.fixture
def portal(exchange: Database, issuer: IssuerProcess) -> Iterator[str]:
    """The portal's address, with an issuer."""
    known = issuer.settings | {"issuer_name": "DfE Sign-in", "database_url": exchange.url}
    app = create_app(Settings(workers=0, **known), exchange)
    with serving(app) as origin:
        address = f"{origin}/portal"
        issuer.control(redirects=[f"{address}/sign-in/callback", f"{address}/sign-in"])
        yield address


def invitation(exchange: Database, label: str, *grants: Grant) -> str:
    with exchange.write() as session:
        code = users.add_user(session, TERMINAL, label, grants)[1]
    assert code is not None
    return code


def at_issuer(page: Page, subject: str) -> None:
    page.get_by_label("Who are you?").fill(subject)
    page.get_by_role("button", name="Continue").click()


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_invited_in_and_out_again(
    open_page: Open, portal: str, exchange: Database, script: bool
) -> None:
    """The link leads through the issuer to the portal, and signing out leads back through it."""
    code = invitation(exchange, "Administrator 1", Grant(Role.ADMINISTRATOR))
    page = open_page(f"{portal}/join/{code}", java_script_enabled=script)
    if script:
        check(page, "join")
    page.get_by_role("button", name="Continue to DfE Sign-in").click()
    at_issuer(page, "kim")
    expect(page.get_by_role("link", name="Signed in as Administrator 1")).to_be_visible()
    page.get_by_role("link", name="Signed in as").click()
    expect(page.get_by_text("This browser")).to_be_visible()
    if script:
        check(page, "sessions")
    page.get_by_role("button", name="Sign out").click()
    # By way of the issuer, which has forgotten who it was.
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    if script:
        check(page, "sign-in-issuer")
        page.get_by_text("Sign in with a key", exact=True).first.click()
        check(page, "sign-in-issuer-key")
    page.get_by_role("button", name="Sign in with DfE Sign-in").click()
    at_issuer(page, "stranger")
    expect(page.get_by_role("heading", name="You do not have access")).to_be_visible()
    if script:
        check(page, "no-access")


def test_an_administrator_by_keyboard(
    broker: Callable[..., Page], address: str, exchange: Database
) -> None:
    """Adds somebody, corrects a mistake, gives and takes a role, and removes all access."""
    page = broker("/users")
    check(page, "users-none")
    tab_to(page, page.get_by_role("button", name="Add a user"))
    page.keyboard.press("Enter")
    tab_to(page, page.get_by_label(LABEL, exact=True))
    page.keyboard.type("Broker for Testshire 1")
    tab_to(page, page.get_by_role("button", name="Create invitation"))
    page.keyboard.press("Enter")
    expect(page.locator(".govuk-error-summary")).to_be_focused()
    check(page, "user-form-wrong")
    tab_to(page, page.get_by_label(ROLE, exact=True))
    page.keyboard.type("Broker")
    tab_to(page, page.get_by_label(KIND, exact=True))
    page.keyboard.type("Local")
    tab_to(page, page.get_by_label(SCOPE, exact=True))
    page.keyboard.type("Testshire")
    tab_to(page, page.get_by_role("button", name="Create invitation"))
    page.keyboard.press("Enter")
    expect(page.get_by_label("Invitation link")).to_have_value(
        re.compile(r"/portal/join/[\w-]{32}$")
    )
    check(page, "user-invited")
    page.goto(f"{address}/users")
    check(page, "users")
    page.get_by_role("link", name="Broker for Testshire 1").click()
    page.get_by_text("Add a role", exact=True).click()
    page.get_by_label(ROLE, exact=True).select_option("viewer")
    page.get_by_label(KIND, exact=True).select_option("all")
    page.get_by_role("button", name="Add role").click()
    expect(page.get_by_text(LABELS[UserChange][UserChange.GRANTED])).to_be_visible()
    page.get_by_role("button", name="Remove viewer for everything").click()
    expect(page.get_by_text(LABELS[UserChange][UserChange.ROLE_REMOVED])).to_be_visible()
    check(page, "user")
    page.get_by_role("link", name="Remove access").click()
    check(page, "user-remove")
    page.get_by_role("button", name="Remove access").click()
    expect(page.get_by_text(LABELS[UserChange][UserChange.REMOVED]).first).to_be_visible()
    check(page, "user-removed")


@pytest.mark.parametrize("theme", ["phone", "dark", "forced"])
def test_everywhere(
    broker: Callable[..., Page], address: str, exchange: Database, theme: str
) -> None:
    """On a phone and in the reader's colours."""
    invitation(exchange, "Contact of Oak", Grant(Role.BROKER), Grant(Role.VIEWER))
    options = {"dark": {"color_scheme": "dark"}, "forced": {"forced_colors": "active"}}
    page = broker("/", **options.get(theme, PHONE))
    for path in ("/users", "/users/1", "/users/new", "/users/1/remove", "/sessions"):
        page.goto(f"{address}{path}")
        check(page, f"{theme}-" + path.strip("/").replace("/", "-"))
