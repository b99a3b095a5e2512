"""Pages that every public service has: help, accessibility, privacy and cookies."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from app.access import browser_sessions
from app.access.declared import public
from app.errors import NotFound
from app.portal.pages.issuer import PENDING_FOR
from app.portal.rendering import ABOUT, page
from app.portal.sessions import NotSafe, SignInNeeded, Visitor, visitor

router = APIRouter()


@router.get("/about/{name}")
@public
def show(request: Request, name: str) -> Response:
    if name not in ABOUT:
        raise NotFound(f"The page {name!r} was not found. Choose one at the foot of this page.")
    settings = request.app.state.settings
    return page(
        request,
        f"about_{name}.html",
        _who(request),
        heading=ABOUT[name],
        operator=settings.operator,
        contact=settings.help_contact,
        notice=settings.privacy_notice,
        idle=browser_sessions.IDLE,
        longest=browser_sessions.LONGEST,
        pending=PENDING_FOR,
    )


def _who(request: Request) -> Visitor | None:
    """Whoever is signed in; these pages are the same for everybody."""
    try:
        return visitor(request)
    except (SignInNeeded, NotSafe):
        return None
