"""How a pairing came about, as a statement, over HTTP."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import Field
from starlette.responses import Response

from app.access.callers import Caller, Now, Reads
from app.access.declared import does
from app.access.policy import Action
from app.http.fields import Id, Shown
from app.http.replies import shown
from app.interests.questions import Question
from app.proposals import publication, queries
from app.proposals.statement import Statement, statement_of
from models.vocabulary import InterestAnswer, InterestKind, Side
from solver.pairing.interest_rule import sentence

router = APIRouter(tags=["proposals"])
OneId = Annotated[Id, Path(examples=[1])]


class DeclaredShown(Shown):
    """An interest that is declared between the two sides."""

    reference: str = Field(examples=["made-up-interest-1"])
    kind: InterestKind
    sentence: str = Field(
        examples=[
            "Declared interest: the supporting organisation is a supplier of the school receiving "
            "support since 1 September 2025 (declared on 1 September 2026)."
        ]
    )


class AllowedShown(Shown):
    """An exception that lets the pairing go on although an interest rules it out."""

    allowed_by: str = Field(examples=["portal (approver)"])
    allowed_on: date


class AskedShown(Shown):
    """That a side was asked to declare its interests, and what it answered."""

    asked_on: date
    answer: InterestAnswer | None = Field(description="null: not answered")
    answered_on: date | None

    @classmethod
    def of(cls, question: Question | None) -> "AskedShown | None":
        return None if question is None else cls.model_validate(question)


class StatementShown(Shown):
    proposal: int = Field(examples=[1])
    statement: str = Field(
        examples=[
            "Matched by portal (broker) on 3 September 2026; no interest declared: both sides were "
            "asked, and neither has answered yet."
        ]
    )
    matched_by: str | None = Field(
        description="null: nobody has marked it as preferred yet", examples=["portal (broker)"]
    )
    matched_on: date | None
    interests: list[DeclaredShown]
    asked: dict[Side, AskedShown | None] = Field(
        description="whether each side was asked to declare its interests; null: not asked"
    )
    exceptions: list[AllowedShown]
    public: bool = Field(
        description="whether it is on the public map: the pairing is approved and both sides "
        "consent"
    )

    @classmethod
    def of(cls, proposal_id: int, found: Statement, public: bool) -> "StatementShown":
        return cls(
            proposal=proposal_id,
            statement=found.text,
            matched_by=found.matched_by,
            matched_on=found.matched_on,
            interests=[
                DeclaredShown(
                    reference=each["reference"],
                    kind=InterestKind(each["kind"]),
                    sentence=sentence(each),
                )
                for each in found.interests
            ],
            asked={
                Side.TAKER: AskedShown.of(found.asked.taker),
                Side.GIVER: AskedShown.of(found.asked.giver),
            },
            exceptions=[
                AllowedShown(allowed_by=by, allowed_on=day) for by, day in found.exceptions
            ],
            public=public,
        )


@router.get("/proposals/{proposal_id}/statement", response_model=StatementShown)
@does(Action.READ)
def get_statement(
    request: Request, principal: Caller, session: Reads, proposal_id: OneId, now: Now
) -> Response:
    """Read who matched the two sides, and what interests are declared between them."""
    full = queries.get_proposal(session, principal, proposal_id)
    found = statement_of(session, proposal_id, now.date())
    public = publication.is_public(session, full.proposal)
    return shown(request, StatementShown.of(proposal_id, found, public))
