"""The whole of a broker's work by HTTP alone, against the service as it is started."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.access.policy import TERMINAL
from app.database import Database
from app.demo.county_exchange import PERIOD, write_county
from app.demo.draw import draw, write_drawn
from app.demo.queries import to_draw
from models.vocabulary import NeedState
from tests.serving import givetake_serve

DAY = PERIOD.starts.isoformat()
GAP = 0.02


@pytest.fixture
def service(tmp_path: Path) -> Iterator[httpx.Client]:
    """`givetake serve` with a new database, and a client with a new key."""
    with (
        Database(f"sqlite:///{tmp_path / 'givetake.sqlite3'}") as database,
        givetake_serve(database, tmp_path / "serve.log") as client,
    ):
        yield client


def sent(answer: httpx.Response, status: int) -> Any:
    assert answer.status_code == status, answer.text
    return answer.json()


def take_in(client: httpx.Client, kind: str, **files: Path) -> dict[str, Any]:
    parts = {part: (path.name, path.read_bytes(), "text/csv") for part, path in files.items()}
    answer: dict[str, Any] = sent(client.post(f"/api/v1/imports/{kind}", files=parts), 201)
    return answer


def run(client: httpx.Client, area: str) -> dict[str, Any]:
    """Submit a run, follow its events to the end, and return what it became."""
    body = {"area": area, "period": PERIOD.code}
    body |= {"options": {"as_of": DAY, "time_limit_s": 600, "gap": GAP}}
    submitted = client.post("/api/v1/runs", json=body)
    assert submitted.status_code == 202, submitted.text
    location = submitted.headers["location"]
    kinds = followed(client, f"{location}/events")
    done: dict[str, Any] = sent(client.get(location), 200)
    assert done["state"] == "solved", done
    assert kinds[-1] == "solved"
    assert done["gap"] <= GAP
    return done


def followed(client: httpx.Client, url: str) -> list[str]:
    """Every event to the last, as a browser follows: again from the last one seen."""
    kinds: list[str] = []
    seen = "0"
    while True:
        with client.stream("GET", url, headers={"Last-Event-ID": seen}) as events:
            if events.status_code == 204:
                return kinds
            for line in events.iter_lines():
                name, _, value = line.partition(": ")
                seen = value if name == "id" else seen
                kinds += [value] if name == "event" else []


def proposals(client: httpx.Client, **filters: Any) -> list[dict[str, Any]]:
    """Every proposal, page by page as the links lead."""
    page = client.get("/api/v1/proposals", params={"limit": 100, **filters})
    found = list(sent(page, 200)["items"])
    while following := page.links.get("next"):
        page = client.get(following["url"])
        found += sent(page, 200)["items"]
    return found


def decide(client: httpx.Client, proposal: int, **decision: str) -> None:
    url = f"/api/v1/proposals/{proposal}"
    tag = client.get(url).headers["etag"]
    sent(client.post(f"{url}/decisions", json=decision, headers={"If-Match": tag}), 201)


def review(client: httpx.Client, area: str) -> None:
    """Run, prefer one, decline one, pin one, run again: what was decided is kept."""
    first = run(client, area)
    made = [each for each in proposals(client, run=first["id"]) if each["sendable"]]
    preferred, declined, pinned = made[0], made[1], made[2]
    decide(client, preferred["id"], action="prefer")
    decide(client, declined["id"], action="decline", reason="capacity")
    pin = {"need": pinned["need"], "offer": pinned["offer"], "reason": "Both sides asked for it."}
    sent(client.post("/api/v1/pins", json=pin), 201)
    second = run(client, area)
    pairs = {(each["need"], each["offer"]) for each in proposals(client, run=second["id"])}
    assert (pinned["need"], pinned["offer"]) in pairs
    assert (declined["need"], declined["offer"]) not in pairs
    assert preferred["need"] not in {need for need, _ in pairs}, "it holds its days already"
    assert sent(client.get(f"/api/v1/proposals/{preferred['id']}"), 200)["state"] == "preferred"
    table = client.get(
        "/api/v1/proposals", params={"run": second["id"]}, headers={"Accept": "text/csv"}
    )
    assert len(table.text.splitlines()) == len(pairs) + 1


def enter(client: httpx.Client, taker: str, giver: str) -> None:
    """Enter one need and one offer by hand, as a broker at a portal."""
    expertise = sent(client.get("/api/v1/expertise", params={"limit": 1}), 200)["items"][0]["code"]
    common = {"expertise": expertise, "period": PERIOD.code}
    need = {"reference": "JOURNEY-N", "participant": taker, "days": 2.5, **common}
    need |= {"evidence": "self_evaluation", "state": NeedState.IDENTIFIED, "agreed_by": "head"}
    offer = {"reference": "JOURNEY-O", "participant": giver, "days": 5, **common}
    offer |= {"availability": "can_offer", "availability_updated": DAY}
    sent(client.post("/api/v1/needs", json=need), 201)
    sent(client.post("/api/v1/offers", json=offer), 201)


def test_a_broker_works_by_http_alone(service: httpx.Client, tmp_path: Path) -> None:
    """From the register's files to a second run that keeps what was decided on the first."""
    folder = tmp_path / "county"
    folder.mkdir()
    county = write_county(folder, seed=1)
    take_in(
        service,
        "gias",
        establishments=folder / "edubasealldata.csv",
        groups=folder / "allgroupsdata.csv",
        links=folder / "alllinksdata.csv",
        successors=folder / "links_edubasealldata.csv",
        memberships=folder / "academiesmatmembership.csv",
    )
    for kind in ("organisations", "networks", "circumstances", "support", "needs", "offers"):
        take_in(service, kind, file=folder / f"{kind}.csv")
    take_in(service, "limits", file=folder / "limits.csv")
    schools = sent(
        service.get("/api/v1/institutions", params={"phase": "primary", "in_scope": True}), 200
    )["items"]
    enter(service, str(schools[0]["urn"]), str(schools[1]["urn"]))
    review(service, county.local_authority)


@pytest.mark.national
def test_a_broker_of_a_region_works_on_the_national_register(
    service: httpx.Client, national_data: Path, tmp_path: Path
) -> None:
    """The same on the real register, with drawn needs and offers, for a whole region."""
    gias = national_data / "gias"
    report = take_in(
        service,
        "gias",
        establishments=gias / "edubasealldata.csv",
        groups=gias / "allgroupsdata.csv",
        links=gias / "alllinksdata.csv",
    )
    assert report["things"]["institutions"]["added"] == 24_518
    with Database(f"sqlite:///{tmp_path / 'givetake.sqlite3'}") as database, database.read() as s:
        given = to_draw(s, TERMINAL, "North East", PERIOD.code, PERIOD.starts)
    write_drawn(draw(given.takers, given.givers, given.subjects, given.period, 1), tmp_path)
    for kind in ("needs", "offers", "limits"):
        take_in(service, kind, file=tmp_path / f"{kind}.csv")
    review(service, "North East")
