"""The map's own labels are those of the portal: a script cannot import them."""

import re
from pathlib import Path

import pytest

from app.insight.report import Symbol
from app.maps import site
from app.portal.labels import LABELS, Kind
from models.vocabulary import Ladder, ProposalState, Side

TEXT = (Path(site.__file__).parent / "static" / "labels.js").read_text()


@pytest.mark.parametrize(
    ("name", "kind"),
    [("KINDS", Symbol), ("LADDER", Ladder), ("STATES", ProposalState), ("SIDES", Side)],
)
def test_each_member_has_the_portal_s_label(name: str, kind: Kind) -> None:
    """None is missing, and none differs."""
    body = re.search(rf"export const {name} = {{\n(.*?)\n}};", TEXT, re.DOTALL)
    assert body is not None
    assert dict(re.findall(r'^  (\w+): "(.+)",$', body[1], re.MULTILINE)) == LABELS[kind]
