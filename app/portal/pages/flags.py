"""What a change would take the ground from, shown before it is made; and flags, dealt with."""

from collections.abc import Callable

from fastapi import APIRouter, Request
from starlette.datastructures import FormData
from starlette.responses import RedirectResponse, Response

from app.access.declared import does
from app.access.policy import Action
from app.database import WriteSession
from app.errors import Problem
from app.portal.forms import whole
from app.portal.rendering import page
from app.portal.sessions import BASE, SentBy, Visitor, Who, texts
from app.proposals import flags, queries

router = APIRouter()


@router.post("/proposals/{proposal_id:id}/flag/clear")
@does(Action.REVIEW)
def clear(request: Request, who: Who, proposal_id: int, form: SentBy) -> Response:
    with who.database.write() as session:
        flags.clear(session, who.principal, proposal_id, version=whole(texts(form).get("version")))
    return RedirectResponse(f"{BASE}/proposals/{proposal_id}?cleared=yes", 303)


def ask_first(
    request: Request,
    who: Visitor,
    form: FormData,
    back: str,
    act: Callable[[WriteSession], object],
) -> Response | None:
    """A page that asks whether a change is meant; None if it was, or takes away from nothing.

    The change is tried and undone. What is wrong with it is told by whoever makes it.
    """
    if form.get("confirmed"):
        return None
    try:
        with who.database.rehearse() as session:
            before = flags.flagged_now(session)
            act(session)
            flagged = flags.review(session)
            found = [queries.get_proposal(session, who.principal, each) for each in flagged]
            reasons = {each.proposal.id: each.flag.reasons for each in found if each.flag}
            if not found:
                return None
            return page(
                request,
                "at_stake.html",
                who,
                found=found,
                fresh=[each for each in found if each.proposal.id not in before],
                reasons=reasons,
                fields=[
                    (name, value)
                    for name, value in form.multi_items()
                    if isinstance(value, str) and name != "token"
                ],
                back=back,
            )
    except Problem:
        return None
