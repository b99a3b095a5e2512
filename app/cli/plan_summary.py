"""What came out of a run, as the terminal tells it."""

from typing import TYPE_CHECKING

from app.cli.console import out
from app.insight.report import Figures, ReportData, figures
from app.wording import counted, how_good
from models.vocabulary import miles_text

if TYPE_CHECKING:
    from solver.formats.plan import Plan

BEST_SHOWN = 10
CLOSING_SHOWN = 10
REASONS_SHOWN = 4


def why_no_plan(plan: "Plan") -> list[str]:
    """What keeps a plan from being, a sentence each; nothing where there is one."""
    if plan.status == "unknown":
        return ["No plan was found in time, but one may exist. Allow more time."]
    if plan.status != "infeasible":
        return []
    if not plan.conflict:
        return ["No plan is possible. Time ran out before the reason was found. Allow more time."]
    return [
        "No plan is possible. It would have to satisfy all of these:",
        *(f"- {part.sentence}" for part in plan.conflict),
    ]


def show_plan(data: ReportData) -> None:
    """Print the best pairings with their reasons, then what the plan comes to."""
    names = {each.reference: each.name for each in data.participants}
    shown = data.pairings[:BEST_SHOWN]
    for place, pairing in enumerate(shown, start=1):
        if place == 1:
            out.print(f"Best {len(shown):,} of {len(data.pairings):,} pairings:", style="bold")
        how = "remotely" if pairing.distance_miles is None else miles_text(pairing.distance_miles)
        out.print(
            f"{place:3}. {names[pairing.giver]} gives {names[pairing.taker]} "
            f"{counted(pairing.days, 'day')} of {pairing.expertise}, {how}, "
            f"{pairing.total_points:,} points:",
            markup=False,
            soft_wrap=True,
        )
        strongest = sorted(pairing.components, key=lambda each: (not each.once, -each.points))
        for each in strongest[:REASONS_SHOWN]:
            unit = "once" if each.once else "per half-day"
            out.print(f"     {each.points:+6,} {unit}: {each.sentence}", style="dim", markup=False)
    for line in summary(data, figures(data)):
        out.print(line, markup=False, soft_wrap=True)


def summary(data: ReportData, found: Figures) -> list[str]:
    """What the plan comes to, a sentence each."""
    lines = [
        f"{data.area}, {data.period}: {found.needs_met:,} of {found.needs:,} needs met, "
        f"{found.days_planned:,g} of {found.days_needed:,g} days, "
        f"{found.pairings:,} pairings between {found.givers:,} supporting organisations and "
        f"{found.takers:,} schools receiving support.",
        f"Balance: {found.both:,} both give and receive. Funded organisations, which do not have "
        f"to receive, give {found.days_by_exempt:,g} days.",
    ]
    if found.median_miles is not None and found.longest_miles is not None:
        lines.append(
            "Travel: half of the pairings on site are within "
            f"{miles_text(found.median_miles)}, and the longest is "
            f"{miles_text(found.longest_miles)}. {found.remote:,} pairings are remote."
        )
    if found.most_disadvantaged_days is not None:
        lines.append(
            f"The most disadvantaged quarter of schools with needs gets "
            f"{found.most_disadvantaged_days:.0%} of the days."
        )
    if closing := [pairing for pairing in data.pairings if pairing.closes]:
        names = {each.reference: each.name for each in data.participants}
        lines.append(f"In {counted(len(closing), 'pairing')} one side closes, or is proposed to:")
        lines += [
            f"- {names[one.giver]} to {names[one.taker]}, {counted(one.days, 'day')}. {one.closes}"
            for one in closing[:CLOSING_SHOWN]
        ]
        if len(closing) > CLOSING_SHOWN:
            lines.append(f"- {len(closing) - CLOSING_SHOWN:,} more, on their proposals' pages")
    lines.append(how_good(data.gap))
    if any(pairing.suggested for pairing in data.pairings):
        lines.append(
            "Pairings made from suggestions are for planning only. Before you contact anybody, the "
            "school must confirm its need and the supporting organisation its offer."
        )
    if data.drawn:
        lines.append(
            "Needs and offers were drawn at random. This plan shows the method, not real schools' "
            "needs."
        )
    return lines
