"""Networks and circumstances over HTTP: what of the register is kept here."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from sqlalchemy import RowMapping
from starlette.responses import Response

from app.access.callers import Caller, Reads, Writes
from app.access.declared import Reach, does
from app.access.names import with_names
from app.access.policy import Action
from app.files.csv_reading import Key as Code
from app.http.conditions import Known
from app.http.fields import Id, half_days, in_days
from app.http.idempotency import Key, once
from app.http.media import AS_CSV
from app.http.problems import PROBLEMS_OF_CHANGES
from app.http.replies import listed, place_of, shown
from app.register import list_queries, service
from app.register.circumstances import CircumstanceRow, CircumstanceRuleRow, Kind
from app.register.routes import area_of
from app.register.schemas import (
    CircumstanceContent,
    CircumstanceQuery,
    CircumstanceRules,
    Circumstances,
    CircumstanceShown,
    CircumstanceWithdrawal,
    NetworkContent,
    NetworkListed,
    NetworkQuery,
    Networks,
    NetworkShown,
    NewCircumstance,
    NewNetwork,
    NewRule,
    RuleContent,
    RuleQuery,
    RuleShown,
    WithdrawnCircumstances,
    WithdrawnQuery,
    WithdrawnShown,
)
from models.register import CircumstanceRule

router = APIRouter(tags=["register"])
NetworkKey = Annotated[Code, Path(examples=["made-up-family"])]
CircumstanceId = Annotated[Id, Path(examples=[1])]
RuleKind = Annotated[Kind, Path(examples=["new_head"])]


@router.get("/networks", response_model=Networks, responses=AS_CSV)
@does(Action.READ, reach=Reach.OPEN)
def list_networks(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[NetworkQuery, Query()]
) -> Response:
    """Search and filter families of schools, alliances and other networks, by key."""

    def read(limit: int | None) -> list[NetworkListed]:
        filters = wanted.model_dump(exclude={"limit"})
        found = list_queries.list_networks(session, principal, **filters, limit=limit)
        return [NetworkListed.model_validate(dict(row)) for row in found]

    return listed(request, wanted, Networks, read, lambda one: one.key)


@router.post("/networks", response_model=NetworkShown, status_code=201)
@does(Action.CHANGE_REGISTER)
def create_network(
    request: Request, principal: Caller, session: Writes, body: NewNetwork, key: Key
) -> Response:
    """Create a network with its members."""

    def create() -> Response:
        service.create_network(session, principal, key=body.key, **_network_content(body))
        return _network(request, session, principal, body.key, status=201)

    return once(request, session, principal.name, key, body, create)


@router.get("/networks/{key:path}", response_model=NetworkShown)
@does(Action.READ, reach=Reach.OPEN)
def get_network(request: Request, principal: Caller, session: Reads, key: NetworkKey) -> Response:
    """Read one network, with every participant that is or was in it."""
    return _network(request, session, principal, key)


@router.put("/networks/{key:path}", response_model=NetworkShown, responses=PROBLEMS_OF_CHANGES)
@does(Action.CHANGE_REGISTER)
def change_network(
    request: Request,
    principal: Caller,
    session: Writes,
    key: NetworkKey,
    version: Known,
    body: NetworkContent,
) -> Response:
    """Replace the name and members of a network."""
    service.change_network(session, principal, key=key, **_network_content(body), version=version)
    return _network(request, session, principal, key)


@router.post(
    "/networks/{key:path}/withdrawal", response_model=NetworkShown, responses=PROBLEMS_OF_CHANGES
)
@does(Action.CHANGE_REGISTER)
def withdraw_network(
    request: Request, principal: Caller, session: Writes, key: NetworkKey, version: Known
) -> Response:
    """End all memberships of a network today. The network is kept with its history."""
    service.withdraw_network(session, principal, key, version)
    return _network(request, session, principal, key)


@router.get("/circumstances", response_model=Circumstances, responses=AS_CSV)
@does(Action.READ)
def list_circumstances(
    request: Request,
    principal: Caller,
    session: Reads,
    wanted: Annotated[CircumstanceQuery, Query()],
) -> Response:
    """List circumstances, in the order they were created."""

    def read(limit: int | None) -> list[CircumstanceShown]:
        filters = wanted.model_dump(exclude={"limit", "area"})
        found = list_queries.list_circumstances(
            session, principal, **filters, area=area_of(wanted.area), limit=limit
        )
        return [_circumstance(row) for row in found]

    return listed(
        request,
        wanted,
        Circumstances,
        read,
        lambda one: one.id,
        [name for name in CircumstanceRow.model_fields],
    )


@router.post("/circumstances", response_model=CircumstanceShown, status_code=201)
@does(Action.CHANGE_REGISTER)
def create_circumstance(
    request: Request, principal: Caller, session: Writes, body: NewCircumstance, key: Key
) -> Response:
    """Create a circumstance, like a new head teacher."""

    def create() -> Response:
        made = service.create_circumstance(session, principal, CircumstanceRow(**body.model_dump()))
        row = list_queries.get_circumstance(session, principal, made.id)
        return shown(
            request,
            _circumstance(row),
            status=201,
            version=made.version,
            location=place_of(request, made.id),
        )

    return once(request, session, principal.name, key, body, create)


@router.get("/circumstances/{circumstance}", response_model=CircumstanceShown)
@does(Action.READ)
def get_circumstance(
    request: Request, principal: Caller, session: Reads, circumstance: CircumstanceId
) -> Response:
    """Read one circumstance."""
    row = list_queries.get_circumstance(session, principal, circumstance)
    return shown(request, _circumstance(row), version=row["version"])


@router.put(
    "/circumstances/{circumstance}",
    response_model=CircumstanceShown,
    responses=PROBLEMS_OF_CHANGES,
)
@does(Action.CHANGE_REGISTER)
def change_circumstance(
    request: Request,
    principal: Caller,
    session: Writes,
    circumstance: CircumstanceId,
    version: Known,
    body: CircumstanceContent,
) -> Response:
    """Change when a circumstance ended, or its source."""
    changed = service.change_circumstance(
        session, principal, circumstance, ends=body.ends, source=body.source, version=version
    )
    row = list_queries.get_circumstance(session, principal, circumstance)
    return shown(request, _circumstance(row), version=changed.version)


@router.post(
    "/circumstances/{circumstance}/withdrawal", status_code=204, responses=PROBLEMS_OF_CHANGES
)
@does(Action.CHANGE_REGISTER)
def withdraw_circumstance(
    principal: Caller,
    session: Writes,
    circumstance: CircumstanceId,
    version: Known,
    body: CircumstanceWithdrawal,
) -> None:
    """Withdraw a circumstance created by mistake. One that is over gets an end instead.

    It is listed no more; that it was, what it said and why it was withdrawn stay on record.
    """
    service.withdraw_circumstance(session, principal, circumstance, body.reason, version)


@router.get("/withdrawn-circumstances", response_model=WithdrawnCircumstances, responses=AS_CSV)
@does(Action.READ)
def list_withdrawn_circumstances(
    request: Request,
    principal: Caller,
    session: Reads,
    wanted: Annotated[WithdrawnQuery, Query()],
) -> Response:
    """List circumstances that were withdrawn, in that order, with the reasons."""

    def read(limit: int | None) -> list[WithdrawnShown]:
        filters = wanted.model_dump(exclude={"limit"})
        found = list_queries.list_withdrawn(session, principal, **filters, limit=limit)
        items = [WithdrawnShown.of(row) for row in found]
        return with_names(session, items, "withdrawn_by")

    return listed(request, wanted, WithdrawnCircumstances, read, lambda one: one.id)


@router.get("/circumstance-rules", response_model=CircumstanceRules, responses=AS_CSV)
@does(Action.READ, reach=Reach.OPEN)
def list_circumstance_rules(
    request: Request, principal: Caller, session: Reads, wanted: Annotated[RuleQuery, Query()]
) -> Response:
    """List what each kind of circumstance changes about giving and receiving."""

    def read(limit: int | None) -> list[RuleShown]:
        found = list_queries.list_circumstance_rules(
            session, principal, after=wanted.after, limit=limit
        )
        return [_rule_content(rule) for rule in found]

    columns = [name for name in RuleShown.model_fields if name != "version"]
    return listed(request, wanted, CircumstanceRules, read, lambda one: one.kind, columns)


@router.post("/circumstance-rules", response_model=RuleShown, status_code=201)
@does(Action.EDIT_RULES)
def create_circumstance_rule(
    request: Request, principal: Caller, session: Writes, body: NewRule, key: Key
) -> Response:
    """Add a kind of circumstance with its rule."""

    def create() -> Response:
        rule = service.create_rule(session, principal, _rule_row(body, body.kind))
        return shown(
            request,
            _rule_content(rule),
            status=201,
            version=rule.version,
            location=place_of(request, rule.kind),
        )

    return once(request, session, principal.name, key, body, create)


@router.get("/circumstance-rules/{kind}", response_model=RuleShown)
@does(Action.READ, reach=Reach.OPEN)
def get_circumstance_rule(
    request: Request, principal: Caller, session: Reads, kind: RuleKind
) -> Response:
    """Read what a kind of circumstance changes."""
    rule = list_queries.get_circumstance_rule(session, principal, kind)
    return shown(request, _rule_content(rule), version=rule.version)


@router.put("/circumstance-rules/{kind}", response_model=RuleShown, responses=PROBLEMS_OF_CHANGES)
@does(Action.EDIT_RULES)
def change_circumstance_rule(
    request: Request,
    principal: Caller,
    session: Writes,
    kind: RuleKind,
    version: Known,
    body: RuleContent,
) -> Response:
    """Replace what a kind of circumstance changes."""
    rule = service.change_rule(session, principal, _rule_row(body, kind), version)
    return shown(request, _rule_content(rule), version=rule.version)


@router.delete("/circumstance-rules/{kind}", status_code=204, responses=PROBLEMS_OF_CHANGES)
@does(Action.EDIT_RULES)
def withdraw_circumstance_rule(
    principal: Caller, session: Writes, kind: RuleKind, version: Known
) -> None:
    """Delete a kind of circumstance that was never used."""
    service.withdraw_rule(session, principal, kind, version)


def _network_content(body: NetworkContent) -> dict[str, Any]:
    members = [service.Member(**member.model_dump()) for member in body.members]
    return {"name": body.name, "kind": body.kind, "members": members}


def _network(
    request: Request, session: Any, principal: Caller, key: str, status: int = 200
) -> Response:
    row, members = list_queries.get_network(session, principal, key)
    content = {
        **row,
        "members": [
            {**member, "participant": member["reference"].partition(":")[2]} for member in members
        ],
    }
    location = place_of(request, key) if status == 201 else None
    return shown(
        request,
        NetworkShown.model_validate(content),
        status=status,
        version=row["version"],
        with_others=True,
        location=location,
    )


def _circumstance(row: RowMapping) -> CircumstanceShown:
    participant = row["reference"].partition(":")[2]
    return CircumstanceShown.model_validate({**row, "participant": participant})


def _rule_row(body: RuleContent, kind: str) -> CircumstanceRuleRow:
    return CircumstanceRuleRow(
        kind=kind,
        statement=body.statement,
        may_give=body.may_give,
        days_percent=body.days_percent,
        extra_allowance_half_days=half_days(body.extra_allowance_days),
        priority=body.priority,
    )


def _rule_content(rule: CircumstanceRule) -> RuleShown:
    return RuleShown(
        kind=rule.kind,
        statement=rule.statement,
        may_give=rule.may_give,
        days_percent=rule.days_percent,
        extra_allowance_days=in_days(rule.extra_allowance_half_days),
        priority=rule.priority,
        version=rule.version,
    )
