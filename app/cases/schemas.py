"""A case as HTTP answers it."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from pydantic import Field

from app.access.names import renamed
from app.cases.queries import Case, ProposalThen
from app.exchange.schemas import NeedShown, OfferShown
from app.http.fields import Content, Day, Moment, Shown, in_days
from app.proposals.schemas import AgreementShown, DecisionShown, ExceptionShown
from models.vocabulary import Channel, NeedState, Party, ProposalState, RequestState, Side


class CaseDay(Content):
    on: Day | None = Field(
        None, description="as it was at the end of that day, by UTC; absent: now"
    )


class AgreementThen(AgreementShown):
    """What one side said, and on which terms."""

    terms: dict[str, Any] = Field(examples=[{"half_days": 12}])


class ConsentThen(Shown):
    side: Side
    given_by: str = Field(examples=["headteacher"])
    said_on: date | None
    channel: Channel | None
    given_at: Moment
    withdrawn_at: Moment | None = Field(examples=[None])


class FlagThen(Shown):
    reasons: list[str] = Field(examples=[["The offer was withdrawn."]])
    raised_at: Moment
    cleared_at: Moment | None = Field(examples=[None])


class RequestOfCase(Shown):
    """Who was asked by a link, and what had come of it by then."""

    id: int = Field(examples=[1])
    party: Party
    role: str = Field(description="of the contact that was asked", examples=["headteacher"])
    state: RequestState
    asked_by: str = Field(examples=["portal (broker)"])
    made_at: Moment
    asked_at: Moment | None = Field(description="null: somebody else was asked first")
    expires_at: Moment | None
    reminded_at: Moment | None = Field(examples=[None])
    closed_at: Moment | None = Field(
        description="when it was answered, lapsed or was closed", examples=[None]
    )
    answered_role: str | None = Field(examples=[None])
    said_on: date | None
    channel: Channel | None = Field(description="null: through the link", examples=[None])
    why: str | None = Field(
        description="why it was closed without an answer, or counts no more", examples=[None]
    )
    note: str | None = Field(description="what whoever answered wrote", examples=[None])
    voided_at: Moment | None = Field(examples=[None])


class VersionShown(Shown):
    """One version of the need."""

    version: int = Field(examples=[1])
    at: Moment
    state: NeedState
    days: float = Field(examples=[6])


class CaseProposal(Shown):
    """A proposal with all that had happened to it by then."""

    id: int = Field(examples=[1])
    run: int = Field(examples=[1])
    state: ProposalState
    days: float = Field(examples=[6])
    made_at: Moment
    public_money_pounds: int | None = Field(
        description="what public funds were to pay for it in all; null: not recorded",
        examples=[1800],
    )
    offer: OfferShown = Field(description="as it was then")
    decisions: list[DecisionShown]
    agreements: list[AgreementThen]
    exceptions: list[ExceptionShown]
    publication_consents: list[ConsentThen]
    flags: list[FlagThen]
    requests: list[RequestOfCase] = Field(description="who was asked by a link")

    @classmethod
    def of(cls, then: ProposalThen, case: Case, names: Mapping[str, str]) -> "CaseProposal":
        return cls(
            id=then.proposal.id,
            run=then.proposal.run_id,
            state=then.state,
            days=in_days(then.proposal.half_days),
            made_at=then.made_at,
            public_money_pounds=then.public_money_pounds,
            offer=OfferShown.of(then.offer, then.giver.cell, then.giver.name),
            decisions=renamed([DecisionShown.of(each) for each in then.decisions], names, "author"),
            agreements=renamed(
                [
                    AgreementThen.model_validate(each).model_copy(
                        update={"voided_at": case.by_then(each.voided_at)}
                    )
                    for each in then.agreements
                ],
                names,
                "recorded_by",
            ),
            exceptions=renamed(
                [ExceptionShown.model_validate(each) for each in then.exceptions], names, "author"
            ),
            publication_consents=[
                ConsentThen.model_validate(each).model_copy(
                    update={"withdrawn_at": case.by_then(each.withdrawn_at)}
                )
                for each in then.consents
            ],
            flags=[
                FlagThen.model_validate(each).model_copy(
                    update={"cleared_at": case.by_then(each.cleared_at)}
                )
                for each in then.flags
            ],
            requests=renamed(
                [RequestOfCase.model_validate(each) for each in then.requests], names, "asked_by"
            ),
        )


class CaseShown(Shown):
    """A need with everything about it, as it was at the end of a day."""

    on: date
    need: NeedShown = Field(description="as it was then")
    versions: list[VersionShown]
    proposals: list[CaseProposal]

    @classmethod
    def of(cls, case: Case, names: Mapping[str, str]) -> "CaseShown":
        """With `names` for those of `case.actors` whom people read otherwise."""

        def version(row: Any) -> VersionShown:
            at: datetime = row.updated_at
            days = in_days(row.half_days)
            return VersionShown(version=row.version, at=at, state=row.state, days=days)

        return cls(
            on=case.on,
            need=NeedShown.of(case.need, case.taker.cell, case.taker.name),
            versions=[version(each) for each in case.versions],
            proposals=[CaseProposal.of(each, case, names) for each in case.proposals],
        )
