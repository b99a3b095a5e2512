"""`givetake why`: why a need was not met, and what would meet it; or who meets it."""

from typing import TYPE_CHECKING, Annotated

import typer

from app.access.policy import TERMINAL
from app.cli.console import err, only_ours, open_database, out

if TYPE_CHECKING:
    from app.explanations.schemas import BindingShown, NeedAnswer

CANDIDATES_SHOWN = 3
HOLDERS_SHOWN = 5


def why(
    need: Annotated[str, typer.Argument(help="Reference of a need.")],
    run: Annotated[
        int | None,
        typer.Option(
            min=1, max=2**31 - 1, help="Run to ask. Default: the newest that planned the need."
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Say why a need was not met and what would meet it, or who meets it."""
    from app.explanations import queries
    from app.explanations.schemas import NeedAnswer

    with open_database() as database:
        if run is None:
            with database.read() as session:
                run = queries.latest_run(session, TERMINAL, need)
        with err.status("Solving again around the need"), only_ours():
            answer = NeedAnswer.of(queries.why(database, TERMINAL, run, need))
    if as_json:
        out.print_json(answer.model_dump_json())
        return
    for line in lines(answer):
        out.print(line, markup=False, soft_wrap=True)


def lines(answer: "NeedAnswer") -> list[str]:
    """The answer in sentences."""
    from app.explanations import words
    from app.wording import counted

    about = (
        f"Need {answer.need} of {answer.name}: {counted(answer.days, 'day')} of "
        f"{answer.expertise}, priority {answer.priority}."
    )
    if answer.met_by:
        return [
            f"{about} Run {answer.run} meets it:",
            *(
                f"  {each.giver} gives {counted(each.days, 'day')} from offer {each.offer}."
                for each in answer.met_by
            ),
        ]
    said = [f"{about} Run {answer.run} does not meet it."]
    if answer.candidates:
        said.append(f"What keeps it from the {counted(len(answer.candidates), 'offer')} allowed:")
        told = set()
        for each in answer.candidates[:CANDIDATES_SHOWN]:
            said.append(f"- {each.giver}, offer {each.offer}: {each.why}")
            for limit in each.binding:
                if (limit.rule, limit.subject) not in told:
                    said += _limit(limit)
                told.add((limit.rule, limit.subject))
        if more := len(answer.candidates) - CANDIDATES_SHOWN:
            said += [f"- and {counted(more, 'offer')} more"] if more > 0 else []
        said.append(
            words.meeting_anyway(
                answer.loss,
                answer.left_out,
                impossible=answer.impossible,
                longer=answer.longer,
            )
        )
    elif not answer.reasons:
        said.append(words.NO_OFFER)
    if refused := [each for each in answer.reasons if each.of == "pair"]:
        said.append("Offers that the rules for pairs refused:")
        said += [f"- {counted(each.offers, 'offer')}: {each.why}" for each in refused]
    if answer.nearest_refused:
        said.append("The nearest of them:")
        said += [
            f"- {each.giver}, offer {each.offer}: {' '.join(each.why)}"
            for each in answer.nearest_refused
        ]
    if answer.change:
        said.append(f"Smallest change: {answer.change.words}.")
        said.append(answer.change.result)
    elif not answer.longer:
        said.append(words.NO_CHANGE)
    return said


def _limit(limit: "BindingShown") -> list[str]:
    from app.wording import counted

    said = [] if not limit.figures else [f"    {limit.figures}"]
    held = [
        f"{each.giver} gives {each.taker} {counted(each.days, 'day')} for need {each.need} "
        f"({counted(each.points, 'point')})"
        for each in limit.holders[:HOLDERS_SHOWN]
    ]
    if held:
        more = limit.holding - len(held)
        said.append(f"    Held by: {'; '.join(held)}{f'; {more:,} more' if more else ''}.")
    return said
