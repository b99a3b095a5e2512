"""The service: every room's routes under one application."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from functools import partial
from importlib.metadata import version
from typing import Final

from fastapi import Depends, FastAPI
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app import health
from app.access.callers import admit, caller
from app.access.declared import public, require_declared, signed_in
from app.access.key_routes import router as keys
from app.access.routes import router as access
from app.access.secret import signing_secret
from app.access.session_routes import router as sessions
from app.alliances.routes import router as alliances
from app.batches.routes import router as batches
from app.batches.schedule_routes import router as schedules
from app.cases.routes import router as cases
from app.catalogue.routes import router as catalogue
from app.consent.routes import router as consent
from app.contacts.routes import router as contacts
from app.database import Database
from app.evidence.routes import router as evidence
from app.exchange.limits_routes import router as limits
from app.exchange.open_routes import router as open_offers
from app.exchange.routes import router as exchange
from app.explanations.routes import router as explanations
from app.graph.routes import router as graph
from app.http import document, problems
from app.http.door import Door
from app.http.media import negotiate
from app.http.middleware import Requests
from app.imports.routes import router as imports
from app.insight.routes import router as insight
from app.interests.question_routes import router as interest_questions
from app.interests.routes import router as interests
from app.introductions.routes import router as introductions
from app.jobs.setup import make_worker
from app.jobs.worker import embedded
from app.maps.embed_routes import router as embeds
from app.maps.site import create_maps
from app.money.routes import router as money
from app.partnerships.partnership_routes import router as partnerships
from app.partnerships.routes import router as support
from app.partnerships.visit_routes import router as visits
from app.portal.application import portal
from app.portal.sessions import BASE
from app.proposals import flags
from app.proposals.approval_routes import router as approval
from app.proposals.flag_routes import router as flagging
from app.proposals.publication_routes import router as publication
from app.proposals.routes import router as matching
from app.proposals.statement_routes import router as statements
from app.register.network_routes import router as networks
from app.register.routes import router as register
from app.repairs.routes import router as repairs
from app.runs.diff_routes import router as diffs
from app.runs.routes import router as runs
from app.settings import Settings
from app.successions.routes import router as successions
from app.webhooks.routes import router as webhooks
from app.work.routes import router as work
from solver.formats.bounded import MIB

PREFIX: Final = "/api/v1"
DESCRIPTION: Final = """\
What a broker portal calls: the register, needs and offers, runs, proposals and decisions.
Conventions are in `docs/http.md`."""


signed_in(document.openapi)


@public
def _to_portal(request: Request) -> Response:
    return RedirectResponse(f"{BASE}/")


def create_app(
    settings: Settings, database: Database | None = None, here: str | None = None
) -> FastAPI:
    """The application over `database`, or over that of the settings, opened with it.

    `here` is the address it listens on: emailed links lead there if there is no public one.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        at_once = settings.workers
        worker = make_worker(app.state.database, settings, at_once=max(1, at_once), here=here)
        with embedded(worker) if at_once else nullcontext():
            yield
        if database is None:
            app.state.database.dispose()

    app = FastAPI(
        title="Givetake",
        version=version("givetake"),
        summary="Brokerage of give-and-take support between schools.",
        description=DESCRIPTION,
        lifespan=lifespan,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
        responses=problems.PROBLEMS,
    )
    app.state.database = database or Database(settings.database_url)
    app.state.database.before_commit = flags.review
    app.state.database.secret = partial(signing_secret, settings)
    app.state.settings = settings
    app.state.callers = {}
    app.state.keys_noted = {}
    problems.install(app)
    files = (f"{PREFIX}{imports.prefix}/", f"{BASE}/imports/")
    app.add_middleware(
        Requests,
        guarded=f"{PREFIX}/",
        files=files,
        admit=admit,
        most_file_bytes=settings.file_mib * MIB,
    )
    app.add_middleware(Door, public_url=settings.public_url, trusted=settings.trusted_proxies)
    app.include_router(health.router, dependencies=[Depends(negotiate)])
    guards = [Depends(caller), Depends(negotiate)]
    for router in (
        document.router,
        register,
        networks,
        interests,
        interest_questions,
        catalogue,
        limits,
        cases,  # before needs, whose references may hold slashes
        evidence,
        open_offers,
        exchange,
        support,
        partnerships,
        money,
        visits,
        alliances,
        introductions,
        graph,
        runs,
        diffs,
        batches,
        schedules,
        explanations,
        insight,
        matching,
        approval,
        consent,
        publication,
        statements,
        successions,
        flagging,
        repairs,
        imports,
        access,
        contacts,
        keys,
        sessions,
        embeds,
        webhooks,
        work,
    ):
        # Each by itself: a router within a router is searched twice on every request.
        app.include_router(router, prefix=PREFIX, dependencies=guards)
    app.mount("/maps", create_maps(settings, app.state))
    for path in ("/", BASE):
        app.add_route(path, _to_portal, include_in_schema=False)
    app.mount(BASE, portal(settings, app.state.database))
    require_declared(app.routes)
    app.openapi = lambda: document.document(app)  # type: ignore[method-assign]  # FastAPI's way
    return app
