"""The maps as an application of their own under `/maps`: public, with its own description."""

import json
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import State
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.access.secret import signing_secret
from app.http import problems
from app.maps import basemap, feature_routes, widget_routes
from app.maps.basemap import VENDOR
from app.maps.layer import Kept
from app.settings import Settings

STATIC: Final = Path(__file__).parent / "static"


class OpenFiles(StaticFiles):
    """Files that any page may load: a module is fetched across origins only where that is said."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        answer = await super().get_response(path, scope)
        answer.headers["Access-Control-Allow-Origin"] = "*"
        answer.headers["Cross-Origin-Resource-Policy"] = "cross-origin"
        answer.headers["Cache-Control"] = "public, max-age=300"
        return answer


def create_maps(settings: Settings, state: State) -> FastAPI:
    """The maps over the database of the service whose `state` this is."""
    app = FastAPI(
        title="Givetake maps",
        version=version("givetake"),
        description="Layers for map programs (OGC API Features).",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state = state
    state.layers = Kept()
    state.basemaps = basemap.Kept()
    state.signing_secret = cache(lambda: signing_secret(settings))
    problems.install(app)
    _refuse_as_standard(app)
    app.add_middleware(GZipMiddleware, minimum_size=2_000, compresslevel=5)
    # A frame without an origin reads its data, and what is wrong with them, across origins.
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "POST"],
        allow_headers=["Authorization"],
        max_age=86_400,
    )
    app.include_router(feature_routes.router)
    app.include_router(widget_routes.router, include_in_schema=False)
    app.mount("/static", OpenFiles(directory=STATIC))
    app.mount("/vendor", OpenFiles(directory=VENDOR, check_dir=False))
    return app


def _refuse_as_standard(app: FastAPI) -> None:
    """OGC API Features wants 400 where a query is not valid."""
    of_validation = app.exception_handlers[RequestValidationError]

    def of_query(request: Request, invalid: Exception) -> Response:
        answer = of_validation(request, invalid)
        assert isinstance(answer, Response)
        content = json.loads(bytes(answer.body)) | {"status": 400}
        return Response(
            json.dumps(content), 400, {"Access-Control-Allow-Origin": "*"}, problems.MEDIA_TYPE
        )

    app.add_exception_handler(RequestValidationError, of_query)
