"""The rows of a plan's pairings: what is proposed, and why."""

from dataclasses import replace
from typing import Any, Final

from app.exchange.queries import confirmed
from app.planning.build import Built
from models.vocabulary import Ladder
from solver.arrays import IntArray
from solver.pairing.findings import figures_of
from solver.pairing.point_reasons import explain_points
from solver.pairing.travel import MatrixTravelTimes

LADDER: Final = tuple(Ladder)


def proposal_rows(
    run_id: int, built: Built, candidates: IntArray, half_days: IntArray
) -> list[dict[str, Any]]:
    """A row of each pairing, with the reasons it was made for.

    `candidates` are positions of the problem's candidates.
    """
    found, problem = built.candidates, built.problem
    need, offer, remote = found.need[candidates], found.offer[candidates], found.remote[candidates]
    # Journeys are not asked for again: the router may be gone by now.
    known = MatrixTravelTimes.of_pairs(
        built.pairs.participants.places.id,
        built.pairs.giver(offer),
        built.pairs.taker(need),
        found.minutes[candidates],
    )
    rows = []
    for each in zip(
        need.tolist(),
        offer.tolist(),
        half_days.tolist(),
        problem.candidates.points[candidates].tolist(),
        problem.candidates.bonus[candidates].tolist(),
        found.distance_m[candidates].tolist(),
        found.ladder[candidates].tolist(),
        remote.tolist(),
        explain_points(built.points, candidates),
        figures_of(replace(built.pairs, travel=known), need, offer, remote),
        strict=True,
    ):
        of_need, of_offer, days, points, once, distance_m, step, is_remote, reasons, figures = each
        wanted, offered = built.loaded.needs[of_need], built.loaded.offers[of_offer]
        rows.append(
            {
                "run_id": run_id,
                "need_id": wanted.id,
                "offer_id": offered.id,
                "half_days": days,
                "points": points,
                "points_once": once,
                "components": [
                    {
                        "name": reason.component,
                        "points": reason.points,
                        "sentence": reason.sentence,
                        "once": reason.once,
                    }
                    for reason in reasons
                ],
                "distance_m": None if is_remote else distance_m,
                "ladder": LADDER[step],
                "remote": is_remote,
                "rule_figures": figures,
                "sendable": confirmed(wanted, offered),
            }
        )
    return rows
