"""Whatever is asked, answered, changed and left to lapse, in whatever order, stays consistent."""

import random
from contextlib import suppress
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from app.access.policy import TERMINAL
from app.consent import answers
from app.consent.service import Choice, Whom
from app.database import Database
from app.errors import Problem
from app.events import audit
from app.events.verify import verify
from app.proposals import agreements, decisions
from app.proposals.agreements import void_changed
from app.proposals.decisions import Said
from app.proposals.heard import Heard
from app.proposals.pair_check import NoException
from app.proposals.states import ENDED, LAPSING
from app.proposals.succession import keep_up
from app.proposals.terms import standing, terms_today
from models.consent import ConsentRequest, Mail
from models.exchange import Need, Offer
from models.matching import Proposal
from models.vocabulary import (
    PENDING_REQUESTS,
    Channel,
    DecisionAction,
    DeclineReason,
    Party,
    ProposalState,
    Reply,
    RequestState,
    Says,
    Side,
)
from tests.consent import NOW, answer, ask, preferred

STEPS = 80
UNLIKE = {"id", "state", "version", "held_until", "alternate_due", "follows_id"}
CAPACITY = DeclineReason.CAPACITY
CONTACTS = {True: (1, 2, 4), False: (1, 3, None)}
"""Of the taker, the giver and the home head, by whether the nearer giver is proposed."""


def step(database: Database, dice: random.Random, now: datetime) -> None:
    """One thing that somebody does, allowed or not."""
    with database.read() as session:
        requests = session.scalars(select(ConsentRequest.id)).all()
        proposals = session.scalars(select(Proposal.id)).all()
        alive = session.scalars(select(Proposal.id).where(Proposal.state.not_in(ENDED))).all()
        offer_id = dict(session.execute(select(Proposal.id, Proposal.offer_id)).all())
    number = dice.choice(alive if alive and dice.random() < 0.9 else proposals)
    taker, giver, home = CONTACTS[offer_id[number] == offer_id[1]]
    what = dice.randrange(9)
    if what <= 1:
        choices = (Choice("far", 3),) if dice.random() < 0.3 else ()
        whom = Whom(
            taker,
            giver if dice.random() < 0.8 else None,
            home if dice.random() < 0.5 else None,
            choices,
        )
        ask(database, whom, proposal_id=number, now=now)
    elif what <= 4 and requests:
        answer(
            database,
            dice.choice(requests[-4:]),
            dice.choice([*[Reply.YES] * 6, Reply.NO, Reply.TALK_FIRST]),
            now=now,
            reason=CAPACITY,
            chosen=dice.choice([None, *proposals]),
        )
    elif what == 5:
        side, says = dice.choice(list(Side)), dice.choice([*[Says.YES] * 4, Says.NO])
        with database.write() as session:
            said = Said(CAPACITY) if says is Says.NO else Said()
            word = Heard("headteacher", now.date(), Channel.TELEPHONE)
            agreements.agree(
                session, TERMINAL, number, side, says, word, said, hold_days=14, now=now
            )
    elif what == 6:
        with database.write() as session:
            pounds = dice.randrange(3) * 1_000
            agreements.set_public_money(session, TERMINAL, number, pounds, hold_days=14, now=now)
    elif what == 7:
        with database.write() as session:
            word = Heard("headteacher", now.date(), Channel.TELEPHONE)
            answers.record_release(
                session,
                TERMINAL,
                number,
                dice.choice([*[Reply.YES] * 3, *Reply]),
                word,
                hold_days=14,
                now=now,
            )
    else:
        with database.write() as session:
            prefer = DecisionAction.PREFER
            decisions.decide(session, TERMINAL, number, prefer, hold_days=14, now=now)


def begin_again(database: Database, now: datetime) -> None:
    """Once everything has ended, the first pair is proposed and preferred again."""
    with database.write() as session:
        if session.scalar(select(Proposal.id).where(Proposal.state.not_in(ENDED)).limit(1)):
            return
        first = session.get_one(Proposal, 1)
        made = {
            each.key: getattr(first, each.key)
            for each in Proposal.__table__.columns
            if each.key not in UNLIKE
        }
        again = Proposal(**made, state="proposed")
        session.add(again)
        session.flush()
        audit.record(
            session, actor="test", action="proposal.offered", subject=f"proposal:{again.id}"
        )
        with suppress(NoException):
            # A side that declined before is asked all the same.
            decisions.allow_exception(session, TERMINAL, again.id, "declined", "made up", now=now)
        prefer = DecisionAction.PREFER
        decisions.decide(session, TERMINAL, again.id, prefer, hold_days=14, now=now)


def check(database: Database) -> None:
    """What must hold after every step."""
    with database.read() as session:
        for proposal in session.scalars(select(Proposal)):
            need = session.get_one(Need, proposal.need_id)
            offer = session.get_one(Offer, proposal.offer_id)
            found = session.scalars(
                select(ConsentRequest)
                .where(ConsentRequest.proposal_id == proposal.id)
                .order_by(ConsentRequest.id)
            ).all()
            pending = [each for each in found if each.state in PENDING_REQUESTS]
            assert len({each.party for each in pending}) == len(pending)
            says = {each.side: each.says for each in standing(session, proposal.id)}
            assert not {each.party for each in pending} & set(says), "answered, and still asked"
            held = LAPSING | {ProposalState.AGREED}
            assert not pending or proposal.state in held, "asked about what is decided"
            assert (proposal.state == ProposalState.AGREED) <= (
                says == {Side.TAKER: Says.YES, Side.GIVER: Says.YES}
            )
            terms = terms_today(session, proposal, need, offer)
            assert all(each.terms == terms for each in pending), "asked on old terms"
            homes = [
                each for each in found if each.party == Party.HOME_HEAD and each.voided_at is None
            ]
            opened = [each for each in pending if each.state == RequestState.OPEN]
            if homes and homes[-1].state == RequestState.WAITING:
                assert not [each for each in opened if each.party == Party.GIVER]
            mails = session.scalars(
                select(Mail.request_id).where(Mail.request_id.in_([each.id for each in opened]))
            ).all()
            assert set(mails) == {each.id for each in opened}, "open, and no email was written"


@pytest.mark.parametrize("seed", range(4))
def test_any_order_of_anything(sqlite_database: Database, seed: int) -> None:
    """Refused or not, nothing contradicts anything, and the audit is whole."""
    preferred(sqlite_database)
    dice, now = random.Random(seed), NOW
    taken = 0
    for _ in range(STEPS):
        begin_again(sqlite_database, now)
        with suppress(Problem):
            step(sqlite_database, dice, now)
            taken += 1
        check(sqlite_database)
        now += timedelta(hours=dice.choice([0, 1, 12]))
        void_changed(sqlite_database, 14, now)
        if dice.random() < 0.1:
            now += timedelta(days=3)
        keep_up(sqlite_database, None, now)
        check(sqlite_database)
    with sqlite_database.snapshot() as session:
        assert verify(session).fault is None
        found = set(session.scalars(select(ConsentRequest.state)))
    assert taken >= STEPS // 4, "most of what was tried was refused"
    assert len(found) >= 4, found
