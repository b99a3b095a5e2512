"""Each member of each enum that a page shows has a label, and pages show nothing else."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import pytest
from jinja2 import nodes
from pydantic import StringConstraints

from app.files.csv_reading import RowModel
from app.import_kit.misfits import Misfit
from app.portal import labels
from app.portal.choices import AllianceStep, ReviewAction
from app.portal.forms import Field, Filled, read, take
from app.portal.labels import LABELS, Kind
from app.portal.rendering import environment
from models.vocabulary import Availability, ProposalState, RunState

TEMPLATES = sorted((Path(labels.__file__).parent / "templates").glob("*.html"))
ASKED_AFTER = frozenset(ReviewAction) - {ReviewAction.PREFER, ReviewAction.START_DUE_DILIGENCE}


def enums_shown(template: Path) -> Iterator[str]:
    """The enum that each label, colour, tag and list of choices of a template names."""
    tree = environment().parse(template.read_text())
    for filtered in tree.find_all(nodes.Filter):
        if filtered.name in ("label", "colour"):
            yield _name(filtered.args[0])
    for call in tree.find_all(nodes.Call):
        called = call.node
        if isinstance(called, nodes.Name) and called.name == "choices":
            yield _name(call.args[0])
        elif isinstance(called, nodes.Getattr | nodes.Name) and "tag" in (
            getattr(called, "attr", ""),
            getattr(called, "name", ""),
        ):
            yield _name(call.args[1])


def _name(argument: nodes.Expr) -> str:
    assert isinstance(argument, nodes.Name)
    return argument.name


@pytest.mark.parametrize("kind", LABELS, ids=lambda kind: kind.__name__)
def test_each_member_has_a_label(kind: Kind) -> None:
    """In words, and none twice: two choices of one form must differ."""
    assert set(LABELS[kind]) == set(kind)
    shown = list(LABELS[kind].values())
    assert all(text[0].isupper() and "_" not in text for text in shown)
    assert len(set(shown)) == len(shown)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_every_enum_that_a_template_shows_has_labels(template: Path) -> None:
    """`kind` is what a macro was given by whoever calls it."""
    known = {kind.__name__ for kind in LABELS} | {"kind"}
    if template.stem == "items":
        known |= {"field_kind"}
    assert set(enums_shown(template)) <= known


@pytest.mark.parametrize("more", [labels.HINTS, labels.COLOURS])
def test_hints_and_colours_are_of_members(more: Mapping[Kind, Mapping[Any, str]]) -> None:
    """Of enums that have labels, and of no other enum's members."""
    for kind, texts in more.items():
        assert kind in LABELS
        assert all(type(member) is kind for member in texts)


def test_each_action_says_what_it_does_and_what_was_done() -> None:
    """Also those that ask for more first say what follows, and what their note is called."""
    assert set(labels.DONE) == set(ReviewAction)
    assert set(labels.CONSEQUENCES) == set(labels.NOTES) == ASKED_AFTER


def test_a_stored_word_is_shown_by_its_enum() -> None:
    """The same word may be several enums'; one that is no member is an error, not a guess."""
    assert labels.label("unknown", RunState) == "No plan found"
    assert labels.label(None, RunState) == ""
    with pytest.raises(ValueError, match="'no_such'"):
        labels.label("no_such", RunState)
    assert labels.colour("proposed", ProposalState) == "govuk-tag--blue"


def test_a_form_offers_each_member_but_one() -> None:
    """In the order of the enum."""
    values = [value for value, _, _ in labels.choices(Availability, besides="not_answered")]
    assert values == ["can_offer", "may_offer", "not_offering"]


def test_each_step_of_an_alliance_says_that_it_is_done() -> None:
    """A page that shows nothing of what was just done leaves people in doubt."""
    assert set(labels.ALLIANCE_DONE) == set(AllianceStep)


def test_errors_do_not_say_that_a_field_is_optional() -> None:
    """That is for its label alone: what was entered is wrong."""
    filled = Filled({"role": "headteacher", "note": "n" * 4_000})
    fields = {"note": Field("Note (optional)", "Enter a note")}

    class Row(RowModel):
        role: str
        note: Annotated[str, StringConstraints(max_length=300)] | None = None

    assert read(Row, filled, fields) is None
    take(filled, [Misfit("note", "x", "must be shorter")], fields)
    assert filled.errors == {"note": "Note must be 300 characters or fewer"}
    again = Filled()
    take(again, [Misfit("note", "x", "must be shorter")], fields)
    assert again.errors == {"note": "Note “x” must be shorter"}
