"""Why needs were not met, as HTTP tells it."""

from typing import Annotated, Literal

from pydantic import Field

from app.exchange.rows import Reference
from app.exchange.schemas import Participant
from app.explanations import words
from app.explanations.answers import Answer
from app.explanations.queries import NeedAnswered, UnmetNeed
from app.explanations.words import Names
from app.http.fields import Shown, in_days
from app.http.replies import Listed, Page
from app.planning.pots import pot_of
from models.vocabulary import HALF_DAYS_PER_DAY
from solver.explain.changes import IN_HALF_DAYS, ChangeKind
from solver.explain.explained_json import ChangeById, LimitById, TriedById, UnmetById
from solver.pairing.pair_rules import REASON_OF

Days = Annotated[float, Field(examples=[2.0])]
Key = Annotated[str, Field(examples=["made-up-offer-1"])]


class UnmetFilter(Page):
    """How much of the list; `after` comes from the `Link` of a page."""

    after: Annotated[Reference | None, Field(description="need before", examples=[None])] = None


class HolderShown(Shown):
    """A pairing of the plan that uses a part of a limit."""

    offer: Key
    giver: str = Field(description="name", examples=["Ash School"])
    need: str = Field(examples=["made-up-need-2"])
    taker: str = Field(description="name", examples=["Elm School"])
    days: Days
    points: int = Field(description="of the whole pairing", examples=[2448])
    proposal: int | None = Field(None, examples=[7])


class BindingShown(Shown):
    """A limit that keeps the need from this offer; `limit`, `used` and `lacking` have its unit."""

    rule: str = Field(description="name of a rule of the plan", examples=["offer days"])
    subject: str | None = Field(
        description="what it limits: an offer, a participant or a linking rule",
        examples=["made-up-offer-1"],
    )
    unit: Literal["days", "pairings", "pence"] = "pairings"
    limit: float | None = Field(examples=[4.0])
    used: float | None = Field(description="by the plan", examples=[4.0])
    lacking: float = Field(
        description="how much more the need would take than is left", examples=[1.0]
    )
    figures: str = Field(description="limit and use in words", examples=["4 days of 4 days used."])
    holders: list[HolderShown] = Field(description="the fewest points first, at most 20")
    holding: int = Field(description="how many pairings hold a part of it", examples=[1])


class CandidateShown(Shown):
    """An offer that the rules of a pair allow, and which rules of the plan keep it out."""

    offer: Key
    giver: str = Field(description="name", examples=["Ash School"])
    days: Days
    points: int = Field(description="what it would earn with these days", examples=[2448])
    why: str = Field(examples=["The offer has too few days left."])
    alone: bool = Field(
        description="one limit binds: with that lifted, the need fits", examples=[True]
    )
    binding: list[BindingShown]


class RefusedShown(Shown):
    """An offer that the rules of a pair refuse, with their sentences."""

    offer: Key
    giver: str = Field(description="name", examples=["Ash School"])
    miles: float | None = Field(examples=[24.3])
    why: list[str] = Field(
        examples=[["The two are 24.3 miles apart, beyond the limit of 20 miles."]]
    )


class ReasonShown(Shown):
    """A rule of the plan, or of a pair, with the offers that it keeps out.

    Several rules of the plan may keep out the same offer; of the rules of a pair the first counts.
    """

    why: str = Field(examples=["The offer has too few days left."])
    rule: str | None = Field(description="null: nothing keeps it out", examples=["offer days"])
    of: Literal["plan", "pair"]
    offers: int = Field(examples=[3])
    alone: int = Field(description="of these, how many it keeps out by itself", examples=[1])


class ChangeShown(Shown):
    """The smallest single change with which the need would be met."""

    kind: ChangeKind
    subject: str | None = Field(examples=["made-up-offer-1"])
    by: float = Field(
        description="days, pairings or miles; of the budget of a pot, pence", examples=[1.0]
    )
    words: str = Field(examples=["Add 1 day to offer made-up-offer-1 of Ash School"])
    confirmed: bool | None = Field(
        description="by solving again around the need; null: not tried yet", examples=[True]
    )
    gain: int | None = Field(None, description="points the plan gains by it", examples=[2448])
    moved: int | None = Field(None, description="other pairings that change", examples=[0])

    @property
    def result(self) -> str:
        """What came of it, as a sentence."""
        is_money = self.kind is ChangeKind.LINKING and pot_of(self.subject) is not None
        pence = int(self.by) if is_money else None
        return words.change_result(self.confirmed, self.gain, self.moved, pence)


class UnmetShown(Shown):
    """A need that a plan left unmet, why, and what would meet it."""

    need: str = Field(examples=["made-up-need-1"])
    participant: Participant
    name: str = Field(examples=["Oak School"])
    expertise: str = Field(examples=["Mathematics"])
    days: Days
    priority: int = Field(examples=[2])
    why: str = Field(description="the main reason", examples=["The offer has too few days left."])
    reasons: list[ReasonShown]
    candidates: list[CandidateShown] = Field(
        description="in a list the three with the most points; all of one need"
    )
    change: ChangeShown | None

    @classmethod
    def of(cls, each: UnmetNeed, names: Names) -> "UnmetShown":
        answer = each.answer
        change = each.unmet.change if answer is None else answer.change
        return cls(
            **_said(each.need.reference, names),
            expertise=each.expertise,
            days=in_days(each.need.half_days),
            priority=each.need.priority,
            **_why(each.unmet, each.refused),
            candidates=[_candidate(tried, each.limits, names, {}) for tried in each.unmet.tried],
            change=None if change is None else _change(change, answer, names),
        )


class NeedAnswer(Shown):
    """One need in one run: who meets it, or why nobody does and what would."""

    run: int = Field(examples=[1])
    need: str = Field(examples=["made-up-need-1"])
    participant: Participant
    name: str = Field(examples=["Oak School"])
    expertise: str = Field(examples=["Mathematics"])
    days: Days
    priority: int = Field(examples=[2])
    met_by: list[HolderShown] = Field(description="empty where the need is not met")
    why: str | None = Field(examples=["The offer has too few days left."])
    reasons: list[ReasonShown] = Field(default_factory=list)
    candidates: list[CandidateShown] = Field(default_factory=list)
    change: ChangeShown | None = None
    nearest_refused: list[RefusedShown] = Field(
        default_factory=list, description="on the day when this was asked first"
    )
    longer: bool = Field(
        False, description="no limit has to change: a longer search meets the need"
    )
    loss: int | None = Field(
        None,
        description="points that the plan would lose by meeting the need within its limits, all "
        "else around it at its best; below 0: it would gain",
        examples=[120],
    )
    left_out: list[str] = Field(
        default_factory=list,
        description="needs that it would then no longer meet",
        examples=[["made-up-need-2"]],
    )
    impossible: bool = Field(
        False, description="proven: no plan around it meets the need within these limits"
    )

    @classmethod
    def of(cls, found: NeedAnswered) -> "NeedAnswer":
        need, names, answer = found.need, found.names, found.answer
        about = {
            "run": found.run.id,
            **_said(need.reference, names),
            "expertise": found.expertise,
            "days": in_days(need.half_days),
            "priority": need.priority,
        }
        if answer is None:
            return cls(
                **about,
                why=None,
                met_by=[
                    HolderShown(
                        offer=(offer := found.offers[each.offer_id].reference),
                        giver=names.giver(offer),
                        need=need.reference,
                        taker=names.taker(need.reference),
                        days=in_days(each.half_days),
                        points=each.points * each.half_days + each.points_once,
                        proposal=each.id,
                    )
                    for each in found.met_by
                ],
            )
        return cls(
            **about,
            met_by=[],
            **_why(answer.unmet, found.refused),
            candidates=[
                _candidate(tried, answer.limits, names, found.proposals)
                for tried in answer.unmet.tried
            ],
            change=None if answer.change is None else _change(answer.change, answer, names),
            nearest_refused=[
                RefusedShown(
                    offer=each.offer,
                    giver=names.giver(each.offer),
                    miles=each.miles,
                    why=list(each.sentences),
                )
                for each in answer.nearest
            ],
            longer=answer.longer,
            loss=answer.loss,
            left_out=list(answer.left_out),
            impossible=answer.impossible,
        )


class Unmets(Listed[UnmetShown]):
    """A page of the needs that a plan left unmet."""


def _said(reference: str, names: Names) -> dict[str, str]:
    participant = names.taker_of[reference]
    return {
        "need": reference,
        "participant": participant.partition(":")[2],
        "name": names.participant(participant),
    }


def _why(unmet: UnmetById, refused: dict[str, int]) -> dict[str, object]:
    reasons = [
        ReasonShown(
            why=each.sentence, rule=each.rule, of="plan", offers=each.offers, alone=each.alone
        )
        for each in words.reasons(unmet.counts)
    ]
    reasons += [
        ReasonShown(why=REASON_OF[name].statement, rule=name, of="pair", offers=count, alone=count)
        for name, count in sorted(refused.items(), key=lambda each: -each[1])
    ]
    return {"why": reasons[0].why if reasons else words.NO_OFFER, "reasons": reasons}


def _candidate(
    tried: TriedById,
    limits: tuple[LimitById, ...],
    names: Names,
    proposals: dict[tuple[str, str], int],
) -> CandidateShown:
    binding = [_binding(limits[at], over, names, proposals) for at, over in tried.binding]
    return CandidateShown(
        offer=tried.offer,
        giver=names.giver(tried.offer),
        days=in_days(tried.half_days),
        points=tried.worth,
        why=words.why([each.rule for each in binding]),
        alone=len(binding) == 1,
        binding=binding,
    )


def _binding(
    limit: LimitById, over: int, names: Names, proposals: dict[tuple[str, str], int]
) -> BindingShown:
    per = HALF_DAYS_PER_DAY if limit.rule in IN_HALF_DAYS else 1
    return BindingShown(
        rule=limit.rule,
        subject=limit.subject,
        unit=_unit(limit),
        limit=None if limit.limit is None else limit.limit / per,
        used=None if limit.used is None else limit.used / per,
        lacking=over / per,
        figures=words.how_full(limit),
        holders=[
            HolderShown(
                offer=each.offer,
                giver=names.giver(each.offer),
                need=each.need,
                taker=names.taker(each.need),
                days=in_days(each.half_days),
                points=each.points,
                proposal=proposals.get((each.offer, each.need)),
            )
            for each in limit.holders
        ],
        holding=limit.holding,
    )


def _unit(limit: LimitById) -> Literal["days", "pairings", "pence"]:
    if limit.rule in IN_HALF_DAYS:
        return "days"
    return "pairings" if pot_of(limit.subject) is None else "pence"


def _change(change: ChangeById, answer: Answer | None, names: Names) -> ChangeShown:
    return ChangeShown(
        kind=change.kind,
        subject=change.subject,
        by=in_days(change.by) if change.kind in words.CHANGES_DAYS else change.by,
        words=words.change_words(change, names),
        confirmed=None if answer is None else answer.confirmed,
        gain=None if answer is None else answer.gain,
        moved=None if answer is None else answer.moved,
    )
