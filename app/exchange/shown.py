"""Needs and offers as they are shown, with whose they are."""

from collections.abc import Sequence

from app.database import ReadSession, WriteSession
from app.exchange.limits import named
from app.exchange.progress import progress_of
from app.exchange.queries import load
from app.exchange.rows import outcomes_text
from app.exchange.schemas import NeedInFile, NeedListed, NeedShown, OfferShown
from models.exchange import Need, Offer

AnySession = ReadSession | WriteSession


def needs_shown(session: AnySession, needs: Sequence[Need]) -> list[NeedShown]:
    names = named(session, (need.participant_id for need in needs))
    return [NeedShown.of(need, *names[need.participant_id]) for need in needs]


def offers_shown(session: AnySession, offers: Sequence[Offer]) -> list[OfferShown]:
    names = named(session, (offer.participant_id for offer in offers))
    return [OfferShown.of(offer, *names[offer.participant_id]) for offer in offers]


def needs_listed(session: ReadSession, ids: Sequence[int]) -> list[NeedListed]:
    """Needs by their ids, with what has come of them."""
    found = load(session, Need, ids)
    came = progress_of(session, found)
    return [
        NeedListed.model_construct(**dict(each), progress=came[need.id])
        for need, each in zip(found, needs_shown(session, found), strict=True)
    ]


def needs_in_file(session: ReadSession, ids: Sequence[int]) -> list[NeedInFile]:
    """The same as an import reads them back."""
    return [
        NeedInFile.model_construct(
            **dict(each) | {"looked_outcomes": outcomes_text(each.looked_outcomes)}
        )
        for each in needs_listed(session, ids)
    ]


def offers_listed(session: ReadSession, ids: Sequence[int]) -> list[OfferShown]:
    return offers_shown(session, load(session, Offer, ids))
