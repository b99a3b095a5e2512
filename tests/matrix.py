"""Who may ask what, asked: one small exchange, a caller of each kind, and a request per route.

Everything exists twice: once for the callers' own scope, and once elsewhere. What a request would
write is undone, so that each finds the exchange as the first one did.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import date
from typing import Any
from urllib.parse import quote

from sqlalchemy import select, update

from app.access import browser_sessions
from app.access.declared import Place
from app.access.keys import create_key, principal_of
from app.access.matrix import KINDS, Kind
from app.access.policy import TERMINAL, Grant, Scope
from app.consent.links import proof_of_form, token_of
from app.contacts.schemas import ContactContent
from app.contacts.service import add_contact
from app.database import Database, WriteSession
from app.import_kit import undo_log
from app.people import users
from app.planning.options import MatchOptions
from app.proposals import decisions
from app.proposals.terms import terms_today
from app.register.circumstances import ensure_default_rules
from app.runs import service
from models.access import EmbedToken
from models.alliances import Alliance, AllianceAction, AllianceMember, AllianceTarget
from models.batches import Batch, Schedule
from models.consent import ConsentRequest
from models.evidence import Evidence
from models.exchange import Need, Offer, OpenOffer
from models.interests import Interest, InterestQuestion
from models.introductions import Introduction
from models.matching import Proposal, ProposalFlag, PublicationConsent, Run, Steering
from models.money import Claim, Commitment
from models.partnerships import Concern, Outcome, Partnership, Support, SupportVisit
from models.register import Area, Circumstance, FactChange, ImportBatch, Institution, Participant
from models.repairs import Repair
from models.targets import SupportTarget
from models.vocabulary import DecisionAction, Role, ScopeKind
from models.webhooks import Webhook, WebhookDelivery
from tests import pots, rows
from tests.factories import told

OWN, ELSEWHERE = "own", "elsewhere"
OPTIONS = MatchOptions(as_of=rows.STARTS, workers=1, method="exact")
SETTINGS: dict[str, Any] = {"workers": 0, "secret": "made-up secret of forty characters or so"}
OURS = {"Sec-Fetch-Site": "same-origin"}
SCOPES = {
    "network leader": [Scope(ScopeKind.NETWORK, "own-network")],
    "contact": [Scope(ScopeKind.INSTITUTION, "1"), Scope(ScopeKind.INSTITUTION, "3")],
}
AREA = [Scope(ScopeKind.AREA, "999")]
CONTACT = ContactContent(role="headteacher", name="A made-up head", email="head@school.example")


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller of one kind, with a key and signed in at the portal."""

    kind: Kind
    key: str
    visit: str
    import_id: int
    token_id: int


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of a request; `refused` where the caller may not, or sees nothing of it."""

    status: int
    text: str

    @property
    def refused(self) -> bool:
        told = re.search(r"is outside the area|there is no proposal \d", self.text, re.IGNORECASE)
        beyond = self.status == 422 and told is not None
        return self.status in (401, 403, 404) or beyond


class Undone(Database):
    """A database that forgets whatever is written to it."""

    write = Database.rehearse


def fill(database: Database) -> None:
    """Twice the same: in Testshire, and 300 miles away in Elsewhere."""
    with database.write() as session:
        rows.add_calendar(session)
        ensure_default_rules(session)
        there = {"kind": "local_authority", "code": "998", "region_code": "Y"}
        rows.add(session, Area(name="Elsewhere", **there))
        _half(session, OWN, 1, 0.0, "999", "Z")
        _half(session, ELSEWHERE, 4, 300.0, "998", "Y")
    for area in ("Testshire", "Elsewhere", "network:own-network"):
        with database.read() as session:
            takers = service.takers_in(session, TERMINAL, area, rows.STARTS)
        service.match(database, TERMINAL, takers, rows.YEAR, OPTIONS)
    with database.write() as session:
        for proposal in session.scalars(select(Proposal).where(Proposal.run_id < 3)).all():
            decisions.decide(
                session, TERMINAL, proposal.id, DecisionAction.PREFER, hold_days=99_999
            )
            rows.add(
                session,
                ProposalFlag(
                    **{"proposal_id": proposal.id, "reasons": ["made up"], "raised_by": "x"},
                    raised_at=rows.NOW,
                ),
            )
            said = {"side": "taker", "given_by": "headteacher", "recorded_by": "x"}
            consent = PublicationConsent(proposal_id=proposal.id, given_at=rows.NOW, **said)
            rows.add(session, consent)
        for number in (1, 2):
            of_run = select(Proposal).where(Proposal.run_id == number).limit(1)
            proposal = session.scalars(of_run).one()
            need = session.get_one(Need, proposal.need_id)
            offer = session.get_one(Offer, proposal.offer_id)
            asked = _request(proposal.id, number)
            asked.terms = terms_today(session, proposal, need, offer)
            rows.add(session, asked)
        for half, urn in ((OWN, "1"), (ELSEWHERE, "4")):
            _steer(session, half)
            add_contact(session, TERMINAL, urn, CONTACT)
        _declare(session, OWN, 1)
        _declare(session, ELSEWHERE, 4)
        _ask_for_interests(session, 1, 1)
        _ask_for_interests(session, 2, 4)
        _break(session, OWN, 1, 1)
        _break(session, ELSEWHERE, 2, 4)
        queued = {"state": "queued", "options": OPTIONS.model_dump(mode="json"), "actor": "x"}
        scopes = session.scalars(select(Run.scope).order_by(Run.id)).all()
        for run_id, scope in enumerate(scopes, start=4):
            rows.add(
                session,
                Run(id=run_id, period_code=rows.YEAR, scope=scope, created_at=rows.NOW, **queued),
            )
        _go_on(session, OWN, 1)
        _go_on(session, ELSEWHERE, 4)


def _request(proposal_id: int, number: int) -> ConsentRequest:
    """A link that takes an answer, and goes to nobody."""
    return ConsentRequest(
        **{"id": number, "proposal_id": proposal_id, "party": "home_head", "contact_id": number},
        **{"role": "headteacher", "nonce": "0" * 32, "choices": [], "terms": {}, "state": "open"},
        **{"answer_hours": 168, "asked_by": "x", "made_at": rows.NOW, "asked_at": rows.NOW},
        expires_at=rows.NOW.replace(year=2100),
    )


def proof_of(number: int) -> str:
    return proof_of_form(_request(0, number), SETTINGS["secret"])


def link_of(number: int) -> str:
    return token_of(_request(0, number), SETTINGS["secret"])


def _half(
    session: WriteSession, name: str, first: int, north: float, code: str, region: str
) -> None:
    place = {"local_authority_code": code, "region_code": region, "postcode": "ZZ1 1AA"}
    schools = [
        rows.add_school(session, first + n, north + n, name=f"{name} school {n}", **place)
        for n in range(3)
    ]
    taker, giver, closed = schools
    hub = rows.add_hub(session, f"{name}-hub", closed=None)
    hub.local_authority_code, hub.region_code = code, region
    rows.add_network(session, f"{name}-network", [*schools, hub])
    rows.add_group(session, 70 + first, "multi_academy_trust", schools)
    rows.add_need(session, f"{name}-need", taker)
    rows.add_need(session, f"{name}-suggested", taker, state="suggested", expertise_code="reading")
    rows.add_need(session, f"{name}-unmet", taker, expertise_code="reading")
    rows.add_need(session, f"{name}-closed", closed)
    session.execute(
        update(Institution)
        .where(Institution.participant_id == closed.id)
        .values(in_scope=False, status_code=2, close_date=rows.STARTS)
    )
    offer = rows.add_offer(session, f"{name}-offer", giver)
    own = rows.add_offer(session, f"{name}-own-offer", taker, expertise_code="maths-primary")
    stands = {"kind": "resource", "title": name, "starts": rows.STARTS, "ends": rows.ENDS}
    stands |= {"confirmed_on": rows.STARTS, "updated_at": rows.NOW, "participant_id": taker.id}
    open_ = OpenOffer(reference=f"{name}-own-offer", expertise_code="maths", **stands)
    rows.add(session, open_)
    unmet = select(Need.id).where(Need.reference == f"{name}-unmet")
    asked = {"need_id": session.scalars(unmet).one(), "offer_id": offer.id, "role": name}
    asked |= {"kind": "introduction", "asked_by": "x", "asked_at": rows.NOW}
    rows.add(session, Introduction(id=1 if name == OWN else 2, **asked))
    said = {"giver_id": taker.id, "expertise_code": "maths-primary", "strength": 4, "role": name}
    said |= {"on_day": rows.STARTS, "counts_from": rows.STARTS, "offer_id": own.id}
    by = {"recorded_by": "x", "recorded_at": rows.NOW}
    number = 1 if name == OWN else 2
    rows.add(session, Evidence(id=number, kind="accreditation", body="made up", **said, **by))
    rows.add(session, Evidence(id=number + 2, kind="claim", said_by_id=taker.id, **said, **by))
    for who in (taker, giver):
        rows.add_limits(session, who, allowance_half_days=100)
    rows.add_support(session, f"{name}-support", taker, giver)
    of_others = rows.add_support(
        session, f"{name}-agency", taker, None, agency="made up", state="ended"
    )
    what = {"measure": "attendance_pct", "direction": "raise", "value": 95.0}
    _ally(session, name, number, taker, giver, what)
    by_date = {"support_id": of_others.id, "by_date": date(2027, 7, 16)}
    rows.add(session, SupportTarget(id=1 if name == OWN else 2, **what, **by_date))
    session.flush()
    rows.add(
        session,
        Circumstance(
            **{"participant_id": taker.id, "kind": "new_head", "source": name},
            starts=date(2026, 8, 1),
        ),
    )
    gone = {"starts": "2026-07-01", "ends": None, "source": name}
    rows.add(
        session,
        FactChange(
            **{"participant_id": taker.id, "kind": "circumstance", "name": "new_head"},
            **{"deleted": gone, "reason": name, "changed_by": "x", "changed_at": rows.NOW},
        ),
    )


def _ally(
    session: WriteSession,
    name: str,
    number: int,
    taker: Participant,
    giver: Participant,
    what: dict[str, Any],
) -> None:
    """An alliance that the taker is in, and is asked to join again as another lead."""
    made = {"starts": rows.STARTS, "made_by": "x", "made_at": rows.NOW, "aims": name}
    of = {"id": number, "reference": f"{name}-family", "name": f"{name} family", "kind": "family"}
    rows.add(session, Alliance(**of, **made))
    asked = {"alliance_id": number, "asked_by": "x", "asked_at": rows.NOW, "role": "member"}
    said = {"said_role": "head", "said_on": rows.STARTS, "recorded_by": "x", "starts": rows.STARTS}
    mine = {"participant_id": taker.id, "state": "member"}
    rows.add(session, AllianceMember(id=number, **mine, **asked, **said))
    closed = session.scalar(
        select(Participant.id).where(
            Participant.reference == f"urn:{int(taker.reference.partition(':')[2]) + 2}"
        )
    )
    assert giver.id != closed
    rows.add(session, AllianceMember(id=number + 2, participant_id=closed, state="asked", **asked))
    action = {"what": name, "leader_id": taker.id, "due": rows.ENDS, "state": "open"}
    kept = {"alliance_id": number, "recorded_by": "x", "recorded_at": rows.NOW}
    rows.add(session, AllianceAction(id=number, **action, **kept))
    target = {"alliance_id": number, "by_date": date(2027, 7, 16)}
    rows.add(session, AllianceTarget(id=number, **what, **target))


def _go_on(session: WriteSession, name: str, first: int) -> None:
    """A partnership of the taker with the giver that has closed, and one that is over.

    With visits to write up and to sign, and a concern.
    """
    dates = {"starts": rows.STARTS, "ends": rows.ENDS}
    scope = {"kind": "list", "code": "", "name": name, "takers": [f"urn:{first}"]}
    earlier = {"options": {}, "state": "failed", "actor": "x", "created_at": rows.NOW}
    run_id = rows.add(session, Run(period_code=rows.YEAR, scope=scope, **earlier)).id
    taker, giver = (
        session.scalars(select(Participant).where(Participant.reference == f"urn:{urn}")).one()
        for urn in (first, first + 2)
    )
    for number, state in ((first, "active"), (first + 10, "ended")):
        need = rows.add_need(session, f"{name}-running-{number}", taker, state="matched")
        offer = rows.add_offer(session, f"{name}-given-{number}", giver, withdrawn=True)
        pair = {"need_id": need.id, "offer_id": offer.id, "half_days": 4, "run_id": run_id}
        figures = {"points": 1, "components": [], "ladder": "region", "remote": False}
        made = {"id": 200 + number, "sendable": True, "state": "completed"}
        rows.add(session, Proposal(**pair, **figures, **made))
        people = {"aims": name, "taker_role": "headteacher", "giver_role": "deputy headteacher"}
        begun = {"started_by": "x", "started_at": rows.NOW, "state": state}
        over = {"over_on": rows.ENDS, "reason": "completed"} if state == "ended" else {}
        of = {"proposal_id": 200 + number, "id": number}
        rows.add(session, Partnership(**of, **dates, **people, **begun, **over))
        register = {"reference": f"partnership-{number}:{rows.YEAR}", "period_code": rows.YEAR}
        sides = {"taker_id": taker.id, "giver_id": giver.id, "half_days": 4}
        mine = {"partnership_id": number, "agreed_half_days": 8, "state": state}
        rows.add(session, Support(**sides, **register, **mine, **dates, updated_at=rows.NOW))
    said = {"side": "taker", "result": "worked", "role": "headteacher", "recorded_by": "x"}
    rows.add(session, Outcome(partnership_id=first + 10, **said, at=rows.NOW))
    written = {"state": "written_up", "report": "made up", "written_up_by": "x"}
    visit = {"partnership_id": first, "on_day": rows.STARTS, "half_days": 1}
    rows.add(session, SupportVisit(id=first, **visit, **written, written_up_at=rows.NOW))
    rows.add(session, SupportVisit(id=first + 10, **visit, state="booked"))
    _pay(session, name, first, taker)
    raised = {"text": name, "role": "headteacher", "raised_by": "x", "raised_at": rows.NOW}
    rows.add(session, Concern(id=first, partnership_id=first, **raised))


def _pay(session: WriteSession, name: str, first: int, holder: Participant) -> None:
    """A pot that pays the partnership, with a claim to decide and a signed visit to claim."""
    number = 1 if name == OWN else 2
    pot = pots.add_pot(session, f"{name}-pot", holder, id=number, name=name)
    pot.committed_pence = 100_000
    price = {"day_rate_pence": 50_000, "fee_pence": 0, "pence": 100_000, "claimed_pence": 25_000}
    of = {"pot_id": number, "proposal_id": 200 + first, "partnership_id": first, "half_days": 4}
    made = {"state": "running", "made_by": "x", "made_at": rows.NOW}
    rows.add(session, Commitment(id=number, **of, **price, **made))
    signed = {"on_day": rows.STARTS, "half_days": 1, "state": "signed", "pence": 25_000}
    rows.add(session, SupportVisit(id=first + 20, partnership_id=first, **signed))
    asked = {"state": "made", "claimed_by": "x", "claimed_at": rows.NOW, "pence": 25_000}
    claim = {"commitment_id": number, "half_days": 1, "visits": [first + 30]}
    rows.add(session, Claim(id=number, **claim, **asked))
    claimed = {"partnership_id": first, "claim_id": number}
    rows.add(session, SupportVisit(id=first + 30, **claimed, **signed))


def _steer(session: WriteSession, name: str) -> None:
    """A pin and an exclusion, of pairs that no run was asked for."""
    unmet = session.scalar(select(Need.id).where(Need.reference == f"{name}-unmet"))
    pair = {"need_id": unmet, "reason": name, "author": "x", "created_at": rows.NOW}
    for kind, offer in (("pin", f"{name}-offer"), ("exclusion", f"{name}-own-offer")):
        offer_id = session.scalar(select(Offer.id).where(Offer.reference == offer))
        rows.add(session, Steering(kind=kind, offer_id=offer_id, **pair))


def _declare(session: WriteSession, name: str, first: int, of: str = "", actor: str = "x") -> None:
    """An interest of the closed school, which takes nothing from anybody's proposals."""
    holder, about = (
        session.scalar(select(Participant.id).where(Participant.reference == f"urn:{urn}"))
        for urn in (first + 2, first)
    )
    rows.add(
        session,
        Interest(
            **{"reference": f"{name}-interest{_suffix(of)}", "kind": "other", "holder_id": holder},
            **{"about_id": about, "evidence": name, "declared_by": "clerk"},
            **{"declared_on": rows.STARTS, "recorded_by": actor, "recorded_at": rows.NOW},
        ),
    )


def _ask_for_interests(session: WriteSession, number: int, urn: int) -> None:
    who = session.scalar(select(Participant.id).where(Participant.reference == f"urn:{urn}"))
    question = {"id": number, "participant_id": who, "asked_role": "clerk", "asked_by": "x"}
    asked = {"asked_on": date(2025, 9, 1), "recorded_at": rows.NOW}
    rows.add(session, InterestQuestion(**question, **asked))


def _suffix(of: str) -> str:
    """Of what a caller of some kind recorded itself."""
    return f"-{of.replace(' ', '-')}" if of else ""


def _break(session: WriteSession, name: str, run_id: int, first: int) -> None:
    """A pairing that was declined, so that its need has nobody, and a repair of it."""
    need = session.scalars(select(Need).where(Need.reference == f"{name}-unmet")).one()
    offer = session.scalar(select(Offer.id).where(Offer.reference == f"{name}-own-offer"))
    figures = {"half_days": 4, "points": 1, "components": [], "ladder": "region", "remote": False}
    pair = {"run_id": run_id, "need_id": need.id, "offer_id": offer, "sendable": True}
    rows.add(session, Proposal(id=100 + first, **pair, **figures, state="declined"))
    content = {"ends": [], "lost": [], "proposes": [], "concerned": [need.participant_id]}
    worked = {"worked_out_at": rows.NOW, "worked_out_by": "x"}
    made = {"proposal_id": 100 + first, "size": "smallest", "content": content, "digests": {}}
    rows.add(session, Repair(id=first, **made, **worked))


def callers(database: Database) -> list[Caller]:
    """One of each kind, each with an import and an embed token of its own."""
    made = []
    with database.write() as session:
        _things_of(session, "key:somebody", ELSEWHERE)
        users.add_user(session, TERMINAL, "made-up user", [Grant(Role.VIEWER)])
        for kind in KINDS:
            if kind.role is None:
                continue
            scopes = [Scope(ScopeKind.ALL)] if kind.everywhere else SCOPES.get(kind.name, AREA)
            grants = [Grant(kind.role, scope) for scope in scopes]
            _, text = create_key(session, TERMINAL, kind.name, grants)
            principal = principal_of(session, text)
            visit = browser_sessions.begin(session, principal)
            _declare(session, OWN, 1, kind.name, principal.name)
            made.append(Caller(kind, text, visit, *_things_of(session, principal.name, OWN)))
    return made


def _things_of(session: WriteSession, actor: str, name: str) -> tuple[int, int]:
    batch = ImportBatch(
        **{"kind": "gias", "files": {"needs": f"{name}.csv"}, "digest": "0", "counts": {}},
        **{"actor": actor, "imported_at": rows.NOW, "affected": []},
    )
    token = EmbedToken(
        **{"layer": "public", "origins": [f"https://{name}.example.org"], "made_by": actor},
        **{"made_at": rows.NOW, "expires_at": rows.NOW.replace(year=2100)},
    )
    webhook = Webhook(
        **{"url": f"https://{name}.example.org/", "events": ["*"], "nonce": "0", "queued_to": 0},
        **{"made_by": actor, "made_at": rows.NOW},
    )
    period = rows.YEAR if name == OWN else rows.TERM
    many = Batch(
        **{"period_code": period, "named": "list", "options": OPTIONS.model_dump(mode="json")},
        **{"input_sha256": "0", "state": "running", "actor": actor, "created_at": rows.NOW},
    )
    nightly = Schedule(
        **{"period_code": period, "named": "all", "areas": [], "every": "day", "at": "02:00"},
        **{"options": OPTIONS.model_dump(mode="json"), "zone": "Europe/London", "owner": actor},
        **{"created_at": rows.NOW, "due_at": rows.NOW.replace(year=2100)},
    )
    session.add_all([batch, token, webhook, many, nightly])
    session.flush()
    undo_log.keep(session, batch.id, [])
    dead = {"state": "dead", "due_at": rows.NOW, "ended_at": rows.NOW}
    rows.add(session, WebhookDelivery(webhook_id=webhook.id, sequence=1, **dead))
    return batch.id, token.id


@dataclass(frozen=True, slots=True)
class Asking:
    """Who asks about which of the two halves, and what of it the route's address names."""

    caller: Caller | None
    half: str
    proposals: dict[str, int]

    @property
    def school(self) -> int:
        return 1 if self.half == OWN else 4

    @property
    def run(self) -> int:
        """Of the half, or of the network that the caller leads."""
        leads = self.caller is not None and self.caller.kind.role == Role.NETWORK_LEADER
        return 2 if self.half == ELSEWHERE else 3 if leads else 1

    @property
    def area(self) -> str:
        return {
            1: "local_authority:999",
            2: "local_authority:998",
            3: "network:own-network",
        }[self.run]

    def named(self, place: Place, name: str) -> str:
        """What stands in the address of a route for one of its parameters."""
        path, half = place.path, self.half
        mine = half == OWN and self.caller is not None
        if name == "reference":
            own = _suffix(self.caller.kind.name) if mine and self.caller else ""
            return f"{half}-{_of_reference(path)}{own if 'interests' in path else ''}"
        if name == "key":
            return f"{half}-{'network' if 'networks' in path else 'hub'}"
        if name == "urn":
            return str(self.school + (2 if "successions" in path else 0))
        if name == "run_id":
            return str(self.run + (3 if "cancel" in path else 0))
        if name == "steering_id":
            of_half = 1 if half == OWN else 3
            return str(of_half + (1 if "exclusions" in path else 0))
        if name == "kind":
            return "pin" if "steering" in path else "needs" if "imports" in path else "new_head"
        if name == "code" and "join" not in path:
            return "reading" if "expertise" in path else rows.YEAR
        if name == "number" and "sessions" in path:
            visit = self.caller.visit if self.caller else ""
            return hashlib.sha256(visit.encode()).hexdigest()[: browser_sessions.NUMBER_LETTERS]
        if name in ("import_id", "number"):
            return str(self.caller.import_id if mine and self.caller else 1)
        return {
            **dict.fromkeys(
                ("webhook_id", "delivery_id", "batch_id", "schedule_id"),
                str(self.caller.token_id if mine and self.caller else 1),
            ),
            "token_id": str(self.caller.token_id if mine and self.caller else 1),
            "partnership_id": str(self.school + (10 if "outcomes" in path else 0)),
            "concern_id": str(self.school),
            **dict.fromkeys(("pot_id", "claim_id"), "1" if self.half == OWN else "2"),
            **dict.fromkeys(("alliance_id", "action_id"), "1" if half == OWN else "2"),
            "member_id": str((1 if half == OWN else 2) + (2 if "answer" in path else 0)),
            "introduction_id": "1" if half == OWN else "2",
            "evidence_id": str((1 if half == OWN else 2) + (2 if "withdraw" in path else 0)),
            "visit_id": str(self.school + (0 if "signature" in path else 10)),
            "participant": str(self.school),
            "cell": str(self.school),
            "circumstance": "1" if half == OWN else "2",
            "target_id": "1" if half == OWN else "2",
            "proposal_id": str(100 + self.school if "repairs" in path else self.proposals[half]),
            "repair_id": str(self.school),
            "period": rows.TERM if "POST" in place.methods else rows.YEAR,
            "uid": "71",
            "side": "giver" if "outcomes" in path else "taker",
            "rule": "too_far",
            "prefix": "0a1b2c3d",
            "name": "institutions",
            "user_id": "1",
            "grant_id": "1",
            "token": link_of(1 if half == OWN else 2),
            "contact": "1" if half == OWN else "2",
            "contact_id": "1" if half == OWN else "2",
            "code": "made-up",
            "feature": "1",
            "question_id": "1" if half == OWN else "2",
            "request_id": "1" if half == OWN else "2",
        }[name]


def _of_reference(path: str) -> str:
    """What of a half has the reference in an address."""
    for part, of in (
        ("/open", "own-offer"),
        ("interests", "interest"),
        ("pots", "pot"),
        ("support", "agency"),
        ("offers", "own-offer"),
        ("confirm", "suggested"),
        ("unmet", "unmet"),
    ):
        if part in path:
            return of
    return "need"


def address(place: Place, asking: Asking) -> str:
    path = re.sub(r":[a-z]+}", "}", place.path)
    for name in re.findall(r"{(\w+)}", path):
        path = path.replace(f"{{{name}}}", quote(asking.named(place, name), safe="/"))
    return path


def body_of(example: dict[str, Any], place: Place, asking: Asking) -> dict[str, Any]:
    """The example of the document, about the half that is asked for."""
    half, approves = asking.half, asking.caller and asking.caller.kind.role == Role.APPROVER
    ours = {
        "participant": str(asking.school),
        "taker": str(asking.school),
        "giver": None,
        "giver_name": "made up",
        "expertise": "maths",
        "period": rows.YEAR,
        "need": f"{half}-need",
        "offer": f"{half}-offer",
        "members": [{"participant": str(asking.school)}],
        "areas_served": [asking.area] if asking.run < 3 else ["local_authority:999"],
        "area": asking.area,
        "areas": [asking.area],
        "options": None,
        "to": asking.school,
        "holder": str(asking.school),
        "about": str(asking.school + 1),
        "repair": asking.school,
        **(
            {"taker": 1 if half == OWN else 2, "giver": None, "home_head": None}
            if place.path.endswith("/requests")
            else {}
        ),
        "said_on": told()["said_on"],
        "on_day": told()["said_on"],
        "over_on": told()["said_on"],
        "url": "https://93.184.216.34/",
        "notice_on": told()["said_on"],
        "consulted": {"governing_body": told()["said_on"]},
        "action": "approve" if approves else "withdraw",
        "reason": None if "decisions" in place.path or "agreements" in place.path else "made up",
        **({"reason": "other_support"} if "partnerships" in place.path else {}),
        "state": None,
        "expires_at": None,
        "availability": "may_offer" if "availability" in place.path else None,
        "year": None,
        "parent": None,
    }
    body = {name: ours.get(name, value) for name, value in example.items()}
    if "/alliances" in place.path:
        body |= _of_alliance(body, place, asking)
    if place.path.endswith("/evidence"):
        body["offer"] = f"{half}-own-offer"
    if place.path.endswith("/outcomes"):
        body |= {"side": "giver", "what_worked": "made up"}
    if place.path.endswith("/offers"):
        body["availability"] = "not_answered"
    if "/support" in place.path:
        body["state"] = "ended"
    if place.path.endswith("/circumstance-rules"):
        body["kind"] = "made_up"
    if place.path.endswith("/requests/answers"):
        said = {"side": "taker", "says": "yes", "said_by": "headteacher"}
        body = {"answers": [{"proposal": asking.proposals[half]} | said]}
    if "/pots" in place.path:
        body |= {"areas": [], "expertise": [], "holder_kind": "trust"}
    if "/claims" in place.path and "action" in body:
        body["action"] = "approve"
    if "settlement" in place.path:
        body = {"to": asking.school}
    return body


def _of_alliance(body: dict[str, Any], place: Place, asking: Asking) -> dict[str, Any]:
    mine = {"lead": str(asking.school), "leader": str(asking.school), "ends": None}
    said = {name: value for name, value in mine.items() if name in body}
    if place.path.endswith(("/actions", "/targets")):
        said |= {"need": None} if "need" in body else {}
        said |= {"due": "2027-07-23"} if "due" in body else {"by_date": "2027-07-23"}
    if place.path.endswith(("/end", "/answer")) and "state" in body:
        said["state"] = "done"
    if place.path.endswith("/members"):
        said["participant"] = str(asking.school + 1)
    return said


def form_of(place: Place, asking: Asking, proposal_version: int) -> dict[str, Any]:
    """What a form of the portal sends."""
    half, path = asking.half, place.path
    item = {
        "reference": "new",
        "participant": str(asking.school),
        "expertise": "maths",
        "period": rows.YEAR,
        "days": "2",
        "mode": "either",
        "version": "1",
    }
    open_offer = {"kind": "open_day", "title": "made up", "starts": "1/9/2026"}
    open_offer |= {"ends": "31/8/2027"}
    declared = {
        **{"reference": "new", "kind": "other", "evidence": "made up", "declared_by": "clerk"},
        **{"holder": str(asking.school), "about": str(asking.school + 1)},
        "declared_on": "2025-09-01",
    }
    support = {"agency": "made up", "giver_name": "made up", "state": "ended", "version": "1"}
    target = {"measure": "attendance_pct", "direction": "raise", "value": "90", "version": "1"}
    need = {"priority": "3", "max_givers": "1", "evidence": "self_evaluation"}
    day, role = told()["said_on"], "headteacher"
    approves = asking.caller and asking.caller.kind.role == Role.APPROVER
    ally = {
        **{"reference": "new", "name": "made up", "kind": "family", "aims": "made up"},
        **{"starts": "2026-09-01", "lead": str(asking.school), "as_role": "member"},
        **{"joins": "yes", "role": role, "reason": "made up", "what": "made up"},
        **{"leader": str(asking.school), "due": "2027-07-23", "state": "done"},
        **{"participant": str(asking.school), "rating": "green", "on_day": day, "over_on": day},
        **{"said_on": day, "channel": "telephone"},
    }
    chosen = f"{asking.proposals[half]}:{proposal_version}"
    decided = {"action": "approve" if approves else "withdraw", "note": "made up"}
    answered = {"answer": "none", "answered_by": role, "answered_on": "2025-09-02", "version": "1"}
    of_both = {f"says-{asking.proposals[half]}-taker": "yes", "said_by": role} | told()
    pot = {
        **{"reference": "new", "name": "new", "holder": str(asking.school), "open": "yes"},
        **{"holder_kind": "trust", "budget": "2000", "day_rate": "500", "version": "1"},
        **{"starts": "1/9/2026", "ends": "31/8/2027"},
    }
    forms: list[tuple[str, dict[str, Any]]] = [
        (
            "/find/need",
            item | {"step": "check", "use": "new", "agreed_by": role, "kind": "introduction"},
        ),
        ("/find/open/", item | open_offer),
        ("/introductions/", {"reason": "made up", "version": "1"}),
        ("/pots/", pot),
        ("/claims/new", {"visits": str(asking.school + 20)}),
        ("/claims/", {"action": "approve", "version": "1"}),
        ("/portal/answers", of_both),
        ("/interests/asked", {"asked_role": role, "asked_on": "2025-09-01"}),
        ("/interest-questions/", answered),
        ("/alliances/{alliance_id:id}/members/new", ally | {"participant": str(asking.school + 1)}),
        ("/alliances/{alliance_id:id}/targets/", target | {"by_date": "2027-07-23"}),
        ("/alliances", ally),
        ("/evidence/new", {"kind": "claim", "strength": "3", "on_day": day, "role": role}),
        ("/evidence/", {"answer": "made up", "reason": "made up", "role": role}),
        ("/users/new", {"label": "another", "role": "viewer", "scope_kind": "all"}),
        ("/grant", {"role": "analyst", "scope_kind": "all"}),
        ("/label", {"label": "renamed"}),
        ("/sign-in", {"key": asking.caller.key if asking.caller else ""}),
        ("/agreements/", {"says": "yes", "said_by": "headteacher"} | told()),
        ("/publication/", {"said_by": "headteacher"} | told()),
        ("/exceptions/", {"reason": "made up"}),
        ("/public-money", {"pounds": "1800"}),
        ("/direction", {"legal_basis": "section_63", "governing_body": told()["said_on"]} | NOTICE),
        ("/needs/new", item | need),
        ("/offers/new", item | {"max_pairings": "1", "availability": "not_answered"}),
        ("/needs/{reference:path}/change", item | need | {"reference": f"{half}-need"}),
        (
            "/offers/{reference:path}/change",
            item | {"reference": f"{half}-own-offer", "max_pairings": "1"},
        ),
        ("/support/new", support | {"reference": "new"}),
        ("/support/{reference:path}/change", support),
        ("/targets/", target | {"by_date": "2027-07-23"}),
        *(
            (part, {"role": role} | form)
            for part, form in (
                ("/visits/new", {"on_day": day, "days": "0.5"}),
                ("/report", {"report": "made up"}),
                ("/signature", {"answer": "sign"}),
                ("/reviews/new", {"reviewer": "taker", "rating": "green", "on_day": day}),
                ("/outcomes/", {"result": "worked", "what_worked": "made up"}),
                ("/concerns/new", {"text": "made up"}),
                ("/pause", {"reason": "giver_capacity"}),
                (
                    "/{partnership_id:id}/change",
                    {"aims": "x", "taker_role": role, "giver_role": role},
                ),
                ("/end", {"reason": "completed", "over_on": day, "need_becomes": "met"}),
                ("/partnership", {"starts": day, "ends": day, "aims": "x", "taker_role": role}),
                ("/concerns/", {"answer": "made up"}),
            )
        ),
        (
            "/answer/{token}",
            {"says": "yes", "role": "headteacher", "token": proof_of(1 if half == OWN else 2)},
        ),
        ("/requests", {"taker": "1" if half == OWN else "2"}),
        ("/release", {"says": "yes", "said_by": "headteacher"} | told()),
        ("/answer", {"availability": "may_offer", "version": "1", "confirmed": "1"}),
        ("/confirm", {"by_role": "headteacher", "agreed_by": "headteacher", "version": "1"}),
        ("/interests/new", declared),
        ("/withdraw", {"version": "1", "reason": "made up"}),
        ("/batches/new", {"areas": asking.area, "period": rows.YEAR}),
        ("/runs/new", {"area": asking.area, "period": rows.YEAR, **RUN_FORM}),
        ("/proposals/decide", {"chosen": chosen, "confirmed": "1", **decided}),
        ("/card", {"action": "decline", "reason": "capacity", "version": str(proposal_version)}),
        ("/successions/", {"how": str(asking.school)}),
        ("/portal/embed", {"origins": "https://www.example.org", "days": "90"}),
        ("/imports/new", {"kind": "needs"}),
        ("contact", CONTACT.model_dump() | {"name": "Another", "version": "1"}),
    ]
    return next((form for part, form in forms if part in path), {})


NOTICE = {"notice_on": told()["said_on"]}
RUN_FORM = {
    "reciprocity": "balanced",
    "max_loop": "3",
    "balance_held_by": "school",
    "travel_limit_miles": "30",
    "max_taken": "3",
    "max_given": "3",
    "refuse_failed_support_years": "0",
    "minutes": "1",
}


def needs_file(asking: Asking) -> dict[str, Any]:
    line = f"new,{asking.school},maths,{rows.YEAR},1,self_evaluation"
    return {
        "file": ("needs.csv", f"reference,participant,expertise,period,days,evidence\n{line}\n")
    }
