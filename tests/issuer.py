"""An OpenID Connect issuer in a process of its own, for tests: `python -m tests.issuer`.

It keeps the standard by itself, without the code that it tests: discovery, code flow with PKCE,
single sign-on, user info, new keys, and the end of a session. `/control` changes how it behaves.
"""

import base64
import hashlib
import json
import secrets
import socket
import sys
import time
from html import escape
from typing import Any
from urllib.parse import parse_qs, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet, RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT, SECRET = "givetake", "a secret of the tests: 1/2+3"


class Issuer:
    def __init__(self, url: str) -> None:
        self.url = url
        self.people: dict[str, dict[str, Any]] = {}
        self.codes: dict[str, dict[str, Any]] = {}
        self.access: dict[str, str] = {}
        self.sessions: dict[str, str] = {}
        self.redirects: list[str] = []
        self.ended: list[dict[str, str]] = []
        self.asked: list[str] = []
        self.settings: dict[str, Any] = {}
        self.keys: list[Any] = []
        self.new_key()

    def new_key(self, kid: str | None = None, kind: str = "RS256") -> None:
        """Sign with another key from now on, called as one before or not."""
        parameters = {"kid": kid or secrets.token_hex(4), "use": "sig", "alg": kind}
        made = RSAKey if kind.startswith(("RS", "PS")) else ECKey
        size: Any = 2048 if made is RSAKey else "P-256"
        self.keys = [made.generate_key(size, parameters, private=True)]

    def set(self, name: str, usual: Any = None) -> Any:
        return self.settings.get(name, usual)

    def metadata(self) -> dict[str, Any]:
        told = {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/me",
            "jwks_uri": f"{self.url}/keys",
            "end_session_endpoint": f"{self.url}/session/end",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "ES256", "HS256", "none"],
            "token_endpoint_auth_methods_supported": self.set("auth", ["client_secret_basic"]),
            "code_challenge_methods_supported": ["S256"],
        }
        told |= self.set("metadata", {})
        return {name: value for name, value in told.items() if value is not None}

    def redirect_of(self, code: dict[str, Any]) -> Response:
        made = secrets.token_urlsafe(24)
        self.codes[made] = code | {"until": time.time() + 60}
        answer = {"code": made, "state": code["state"], "iss": self.url}
        answer |= self.set("answer", {})
        return RedirectResponse(f"{code['redirect_uri']}?{urlencode(answer)}", 303)

    def id_token(self, code: dict[str, Any], access: str) -> str:
        now = int(time.time()) + self.set("clock_ahead_s", 0)
        half = hashlib.sha256(access.encode()).digest()[:16]
        claims = {
            "iss": self.url,
            "aud": CLIENT,
            "sub": code["subject"],
            "iat": now,
            "exp": now + self.set("valid_s", 300),
            "nonce": code["nonce"],
            "at_hash": base64.urlsafe_b64encode(half).rstrip(b"=").decode(),
        }
        if self.set("claims_in", "id_token") == "id_token":
            claims |= self.people.get(code["subject"], {})
        claims |= self.set("claims", {})
        claims = {name: value for name, value in claims.items() if value is not None}
        key = self.keys[0]
        header = {"alg": key.alg, "kid": key.kid} | self.set("header", {})
        token = jwt.encode({k: v for k, v in header.items() if v is not None}, claims, key)
        if self.set("forged"):
            head, body, signature = token.split(".")
            return ".".join((head, body, signature[:-6] + "AAAAAA"))
        if self.set("unsigned"):
            head = base64.urlsafe_b64encode(b'{"alg":"none"}').rstrip(b"=").decode()
            return f"{head}.{token.split('.')[1]}."
        return token


class Answers:
    """What it answers at each of its addresses."""

    def __init__(self, issuer: Issuer) -> None:
        self.issuer = issuer

    def discovery(self, request: Request) -> Response:
        self.issuer.asked.append("discovery")
        return JSONResponse(self.issuer.metadata())

    def keys(self, request: Request) -> Response:
        self.issuer.asked.append("keys")
        return JSONResponse(KeySet(self.issuer.keys).as_dict(private=False))

    async def authorize(self, request: Request) -> Response:
        given = dict(request.query_params)
        if request.method == "POST":
            form = parse_qs((await request.body()).decode())
            given |= {name: values[0] for name, values in form.items()}
        if (
            given.get("client_id") != CLIENT
            or given.get("redirect_uri") not in self.issuer.redirects
        ):
            return HTMLResponse("unknown client or address", 400)
        wrong = (
            given.get("response_type") != "code"
            or given.get("code_challenge_method") != "S256"
            or len(given.get("code_challenge", "")) != 43
            or "openid" not in given.get("scope", "").split()
            or not given.get("nonce")
        )
        if wrong or given.get("subject") == "nobody":
            error = "invalid_request" if wrong else "access_denied"
            query = urlencode({"error": error, "state": given.get("state", "")})
            return RedirectResponse(f"{given['redirect_uri']}?{query}", 303)
        subject = self.issuer.sessions.get(request.cookies.get("issuer", ""))
        if subject is None and not given.get("subject"):
            hidden = "".join(
                f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
                for name, value in given.items()
            )
            return HTMLResponse(
                '<!doctype html><html lang="en"><title>Issuer</title><main><h1>Issuer</h1>'
                f'<form method="post" action="/authorize">{hidden}<label>Who are you?'
                ' <input name="subject"></label><button>Continue</button></form></main></html>'
            )
        given["subject"] = subject or given["subject"]
        response = self.issuer.redirect_of(given)
        session = secrets.token_urlsafe(16)
        self.issuer.sessions[session] = given["subject"]
        response.set_cookie("issuer", session, httponly=True, samesite="lax")
        return response

    async def token(self, request: Request) -> Response:
        self.issuer.asked.append("token")
        if found := self.issuer.set("token_answer"):
            return JSONResponse(found["body"], found["status"])
        form = {k: v[0] for k, v in parse_qs((await request.body()).decode()).items()}
        if self.issuer.set("auth", ["client_secret_basic"]) == ["client_secret_basic"]:
            wanted = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
            known = request.headers.get("authorization") == f"Basic {wanted}"
        else:
            known = (form.get("client_id"), form.get("client_secret")) == (CLIENT, SECRET)
        if not known:
            return JSONResponse({"error": "invalid_client"}, 401)
        code = self.issuer.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            code is None
            or code["until"] < time.time()
            or form.get("grant_type") != "authorization_code"
            or form.get("redirect_uri") != code["redirect_uri"]
            or challenge != code["code_challenge"]
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        access = secrets.token_urlsafe(16)
        self.issuer.access[access] = code["subject"]
        told = {"access_token": access, "token_type": "Bearer", "expires_in": 300}
        return JSONResponse(told | {"id_token": self.issuer.id_token(code, access)})

    def me(self, request: Request) -> Response:
        self.issuer.asked.append("me")
        subject = self.issuer.access.get(request.headers.get("authorization", "")[7:])
        if subject is None:
            return JSONResponse({"error": "invalid_token"}, 401)
        told = {"sub": subject} | self.issuer.people.get(subject, {})
        return JSONResponse(told | self.issuer.set("user_info", {}))

    def end(self, request: Request) -> Response:
        given = dict(request.query_params)
        self.issuer.ended.append(given)
        self.issuer.sessions.pop(request.cookies.get("issuer", ""), None)
        back = given.get("post_logout_redirect_uri")
        if given.get("client_id") != CLIENT or back not in self.issuer.redirects:
            return HTMLResponse("signed out of the issuer")
        return RedirectResponse(back, 303)

    async def control(self, request: Request) -> Response:
        """What is to be otherwise from now on; answers what was seen."""
        wanted = json.loads(await request.body() or "{}")
        self.issuer.people |= wanted.get("people", {})
        self.issuer.redirects += wanted.get("redirects", [])
        self.issuer.settings = wanted.get("settings", self.issuer.settings)
        if "key" in wanted:
            self.issuer.new_key(**wanted["key"])
        seen = {
            "asked": self.issuer.asked,
            "ended": self.issuer.ended,
            "kid": self.issuer.keys[0].kid,
        }
        self.issuer.asked, self.issuer.ended = [], []
        return JSONResponse(seen)


def app_of(issuer: Issuer) -> Starlette:
    answers = Answers(issuer)
    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", answers.discovery),
            Route("/keys", answers.keys),
            Route("/authorize", answers.authorize, methods=["GET", "POST"]),
            Route("/token", answers.token, methods=["POST"]),
            Route("/me", answers.me),
            Route("/session/end", answers.end),
            Route("/control", answers.control, methods=["POST"]),
        ]
    )


def main() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        config = uvicorn.Config(app_of(Issuer(url)), log_level="warning", access_log=False)
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()
        uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
