"""What a run has to do with others, for the terminal."""

from sqlalchemy.orm import Session

from app.access.policy import TERMINAL
from app.planning.options import MatchOptions
from app.planning.standing import price_in_words
from app.runs import queries
from app.wording import counted, nothing_changed, number


def about_others(session: Session, run_id: int) -> list[str]:
    """Whose plan a run kept, what it replaced, and who else proposes for its needs."""
    run = queries.get_run(session, TERMINAL, run_id)
    lines = [] if run.kept_run_id is None else [nothing_changed(run.kept_run_id)]
    summary = run.summary or {}
    if stood := summary.get("stood"):
        kept = stood - summary["moved"]
        lines.append(
            f"{number(kept)} of {counted(stood, 'pairing')} of the last plan that nobody had "
            f"decided on {'is' if kept == 1 else 'are'} kept. "
            f"{price_in_words(MatchOptions.model_validate(run.options))}"
        )
    lines += [
        f"Replaced {counted(count, 'proposal')} of run {earlier} that nobody had decided on."
        for earlier, count in queries.replaces(session, TERMINAL, run_id)
    ]
    return lines + [
        f"Run {each.run.id} ({each.run.scope['name']}) also has open proposals for "
        f"{counted(each.needs, 'need')} of this run. Agree with whoever works on it before you "
        "decide."
        for each in queries.overlaps(session, TERMINAL, run_id)
    ]
