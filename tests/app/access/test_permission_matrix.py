"""Every route and page, asked by every kind of caller about its own and what is elsewhere."""

import json
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update

from app.access import matrix
from app.access.declared import Place, Reach, places, require_declared
from app.database import Database
from app.main import create_app
from app.portal import sessions
from app.settings import Settings
from models.access import ApiKey
from models.matching import Proposal
from tests import rows
from tests.matrix import (
    ELSEWHERE,
    OURS,
    OWN,
    Asked,
    Asking,
    Caller,
    Undone,
    address,
    body_of,
    callers,
    fill,
    form_of,
    needs_file,
)

DOCUMENT = Path(__file__).parents[3] / "docs" / "people.md"
CLASHES = {
    "allow_exception": "no rule is broken",
    "withdraw_direction": "none is in force",
    "allow": "no rule is broken",
    "start_partnership": "it is not approved",
    "resume_partnership": "it is not paused",
    "propose_introduction": "the offer does not cover the need",
    "create_period": "it is there already",
    "change_period": "needs lie within it",
    "withdraw_period": "it is in use",
    "withdraw_expertise": "it is in use",
    "withdraw_circumstance_rule": "it is in use",
    "preview_gias": "the file is no register",
    "import_gias": "the file is no register",
    "answer_many": "it speaks for no side",
}
"""Routes whose request, allowed as it is, is refused for the state of things: why."""
UNSET = {"sign_in_by_password", "join", "start", "come_back", "signed_out"}
"""Ways in that are closed until settings name an issuer or allow passwords."""
OF_ONE = ("/dependents", "/contacts", "/graph/swaps", "/api/v1/graph/families")
"""Lists of one thing, which a parameter names."""
GONE_AGAIN = {"add", "answer_concern", "ask_answer"}
"""Pages that show what they made, which here was undone before, and what approvers of one area are
not shown."""
NONE_OF_THEIRS = {("list_my_work", "auditor"), ("show_work", "auditor")}
"""Lists of what callers have to do, of those who have nothing to do."""
EMPTY = {
    *("list_isolated", "list_loops", "list_families", "get_communities", "show_communities"),
    *("count_needs", "count_offers", "count_proposals", "count_partnerships"),
}
"""Lists that have nothing to show of this exchange, and sums; tests of their own limit callers."""
MARKERS = {
    "/api/v1/limits": '"participant":"4"',
    **dict.fromkeys(("/api/v1/batches", "/api/v1/schedules", "/portal/batches"), rows.TERM),
    **dict.fromkeys(
        (f"/portal/{name}" for name in ("needs", "offers", "proposals", "partnerships")),
        "elsewhere school",  # their filters name all areas
    ),
}
"""What a list shows of what is elsewhere, if not that word."""


class Matrix:
    """The service over one database, and what its callers are answered."""

    def __init__(self, folder: Path, template: Path) -> None:
        path = folder / "givetake.sqlite3"
        shutil.copy(template, path)
        with Database(f"sqlite:///{path}") as database:
            fill(database)
            self.callers: dict[str, Caller | None] = {"nobody": None}
            self.callers |= {one.kind.name: one for one in callers(database)}
            with database.write() as session:
                spare = session.scalars(select(ApiKey)).first()
                assert spare is not None
                copied = {"label": "spare", "owner": "x", "digest": "0" * 64}
                session.add(ApiKey(prefix="0a1b2c3d", created_at=spare.created_at, **copied))
                session.execute(update(ApiKey).values(last_used_at=spare.created_at))
            with database.read() as session:
                runs = {OWN: 1, ELSEWHERE: 2}
                found = {
                    half: session.scalars(select(Proposal).where(Proposal.run_id == run)).first()
                    for half, run in runs.items()
                }
                assert all(found.values()), "each half has a proposal"
                self.proposals = {half: one.id for half, one in found.items() if one}
                self.version = max(one.version for one in found.values() if one)
        self.database = Undone(f"sqlite:///{path}")
        settings = Settings(workers=0, secret="made-up secret of forty characters or so")
        self.app: Any = create_app(
            settings.model_copy(update={"data_folder": folder}), self.database
        )
        self.app.state.database.before_commit = None
        self.client = TestClient(
            self.app,
            base_url="http://localhost",
            follow_redirects=False,
            raise_server_exceptions=False,
        )
        self.document = self.app.openapi()["paths"]
        self.places = list(places(self.app.routes))

    def ask(self, place: Place, name: str, half: str) -> Asked:
        caller = self.callers[name]
        asking = Asking(caller, half, self.proposals)
        if place.path.startswith("/portal"):
            return self._ask_portal(place, asking)
        headers = {"If-Match": "*"}
        if caller is not None:
            headers["Authorization"] = f"Bearer {caller.key}"
        method = place.methods[0]
        path = re.sub(r":\w+}", "}", place.path)
        operation = self.document.get(path, {}).get(method.lower(), {})
        content = operation.get("requestBody", {}).get("content", {})
        sent: dict[str, Any] = {}
        if "multipart/form-data" in content:
            files = needs_file(asking)
            sent["files"] = {"establishments": files["file"]} if "gias" in place.path else files
        elif content:
            sent["json"] = body_of(content["application/json"]["example"], place, asking)
        if place.path.endswith("/events"):
            # What there is so far: a batch that nobody works on would be waited for.
            sent["params"] = {"wait_s": 0}
        if place.path.endswith("/dependents"):
            sent["params"] = {"need": f"{half}-need"}
        if method == "GET" and place.path.endswith("/contacts"):
            sent["params"] = {"participant": str(asking.school)}
        if "/graph/path/" in place.path:
            sent["params"] = {"to": str(asking.school)}
        if place.path.endswith("/v1/search"):
            sent["params"] = {"q": "school"}
        if place.path.endswith(("/graph/swaps", "/graph/families")):
            sent["params"] = {"area": asking.area, "period": rows.YEAR}
        path = address(place, asking)
        return _asked(self.client.request(method, path, headers=headers, **sent))

    def _ask_portal(self, place: Place, asking: Asking) -> Asked:
        caller = asking.caller
        self.client.cookies.clear()
        if caller is not None:
            self.client.cookies.set(sessions.LOOPBACK_COOKIE, caller.visit)
        if "{name}" in place.path and "waiting" not in place.path:
            return _asked(self.client.get("/portal/static/portal.css"))
        shelved = ""
        if "waiting" in place.path or place.path.endswith("/take"):
            shelved = self._shelve(asking if asking.half == OWN else None)
        if "waiting" in place.path:
            return _asked(self.client.get(f"/portal/imports/waiting/{shelved}"))
        path = address(place, asking)
        if place.methods[0] == "GET":
            asks_for_part = {"HX-Request": "true"} if path.endswith("/card") else {}
            return _asked(self.client.get(path, headers=asks_for_part))
        form = form_of(place, asking, self.version) | ({"file": shelved} if shelved else {})
        return self._send(path, form, asking, files="imports/new" in path)

    def _send(self, path: str, form: dict[str, Any], asking: Asking, *, files: bool) -> Asked:
        caller = asking.caller
        if caller is not None:
            who = sessions.Visitor(None, caller.visit, None)  # type: ignore[arg-type]
            form = {"token": who.token(path)} | form
        sent: dict[str, Any] = {"files": needs_file(asking)} if files else {}
        return _asked(self.client.post(path, data=form, headers=OURS, **sent))

    def _shelve(self, asking: Asking | None) -> str:
        """The name under which a file that was looked at waits; of another's, none of ours."""
        if asking is None or asking.caller is None:
            return "0" * 32
        looked = self._send("/portal/imports/new", {"kind": "needs"}, asking, files=True)
        found = re.search(r'name="file"[^>]*value="([0-9a-f]+)"|waiting/([0-9a-f]+)', looked.text)
        return (found[1] or found[2]) if found else "0" * 32


def _asked(response: Any) -> Asked:
    headers = response.headers
    # To sign out leads there too, and clears what the browser kept.
    sent_away = "/sign-in" in headers.get("location", "") and "clear-site-data" not in headers
    return Asked(401 if sent_away else response.status_code, response.text)


@pytest.fixture(scope="module")
def asked(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Matrix]:
    made = Matrix(tmp_path_factory.mktemp("matrix"), migrated_sqlite)
    with made.database, made.client:
        yield made


def _is_list(place: Place) -> bool:
    return place.methods == ("GET",) and "{" not in place.path and not place.path.endswith(OF_ONE)


def _not_asked(place: Place, said: str) -> bool:
    """Whether what is allowed is asked by other tests, or not to be had without settings."""
    return place.endpoint.__name__ in UNSET and said == matrix.YES


def _lists_wrong(place: Place, kind: matrix.Kind, said: str, text: str) -> bool:
    """Whether a list holds what is elsewhere although it should not, or the other way round."""
    name = place.endpoint.__name__
    if name in EMPTY or (name, kind.name) in NONE_OF_THEIRS:
        return False
    return (MARKERS.get(place.path, "lsewhere") in text) is (said == matrix.OWN)


def _wrong(asked: Matrix, place: Place, kind: matrix.Kind) -> Iterator[str]:
    """What of a cell is not as the table has it."""
    declared = place.declared
    assert declared is not None
    said = matrix.cell(declared, kind)
    mine = asked.ask(place, kind.name, OWN)
    if said == matrix.MAP_ONLY:
        # The maps' own tests show a token; here nobody has one, whatever else they hold.
        if mine.status < 400:
            yield f"{place.path} by {kind.name}: answered {mine.status} without a token"
        return
    if _not_asked(place, said):
        return
    if place.endpoint.__name__ in GONE_AGAIN and said != matrix.NO and mine.status == 404:
        return
    where = f"{place.methods[0]} {place.path} by {kind.name}"
    if mine.status >= 500 and mine.status != 503:  # the parts of pages may not be in place
        yield f"{where}: {mine.status} {mine.text[-300:]}"
    if (said == matrix.NO) != mine.refused:
        yield f"{where}, {said}: its own is answered {mine.status} {mine.text[-200:]}"
    allowed = said != matrix.NO and place.endpoint.__name__ not in CLASHES
    if kind.name == "administrator" and allowed and mine.status >= 400:
        yield f"{where}: the request is wrong: {mine.status} {mine.text[-300:]}"
    if said == matrix.NO or declared.reach is not Reach.OWN or declared.public:
        return
    if _is_list(place):
        if _lists_wrong(place, kind, said, mine.text):
            yield f"{where}, {said}: the list holds what it should not, or lacks what it should"
        return
    other = asked.ask(place, kind.name, ELSEWHERE)
    if (said == matrix.OWN) != other.refused:
        yield f"{where}, {said}: what is elsewhere is answered {other.status} {other.text[-200:]}"


def test_permission_matrix_as_asked(asked: Matrix, capsys: pytest.CaptureFixture[str]) -> None:
    """Whoever may is answered, whoever may not is refused, by every route and page."""
    routes, kinds = len(asked.places), len(matrix.KINDS)
    with capsys.disabled():
        said = f"permission matrix: {routes} routes x {kinds} callers = {routes * kinds} cells"
        sys.stdout.write(f"\n{said}\n")
    wrong = [
        each
        for place in asked.places
        for kind in matrix.KINDS
        for each in _wrong(asked, place, kind)
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("kind", ["needs", "offers", "proposals", "partnerships"])
def test_sums_count_what_a_caller_may_read(asked: Matrix, kind: str) -> None:
    """As much as their list has, and less than there is of all."""
    places = {place.path: place for place in asked.places if place.methods == ("GET",)}
    numbers = []
    for caller in ("broker", "broker of all"):
        sums = json.loads(asked.ask(places[f"/api/v1/totals/{kind}"], caller, OWN).text)
        total = sums.get("total", sums)
        listed = json.loads(asked.ask(places[f"/api/v1/{kind}"], caller, OWN).text)["items"]
        assert total["number"] == len(listed)
        numbers.append(total["number"])
    assert 0 < numbers[0] < numbers[1]


def test_permission_matrix_is_written_down(asked: Matrix) -> None:
    """The table in the docs has every route, as `givetake permissions` prints it."""
    lines = re.findall(r"^\|.*\|$", DOCUMENT.read_text(), re.MULTILINE)
    written = {line.split("|")[1].strip(): line for line in lines if "| `" in line}
    for row in matrix.rows(asked.places):
        assert row[0] in written, f"{row[0]} is missing: run `givetake permissions`"
        cells = [each.strip() for each in written[row[0]].strip("|").split("|")]
        assert cells == list(row), f"{row[0]} is out of date: run `givetake permissions`"
    assert len(list(matrix.rows(asked.places))) == len([1 for name in written if "/" in name])


def test_a_route_without_an_action_stops_the_service(sqlite_database: Database) -> None:
    """Whoever adds a page says who may open it."""
    app = create_app(Settings(workers=0), sqlite_database)
    app.add_api_route("/forgotten", lambda: None)
    with pytest.raises(RuntimeError, match="/forgotten"):
        require_declared(app.routes)
