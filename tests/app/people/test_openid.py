"""Signing in at a real issuer over HTTP, and every way in which its answer proves nothing."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.people.openid import (
    CLOCK_SKEW_S,
    KEYS_EVERY_S,
    Begun,
    Issuer,
    IssuerUnavailable,
    OpenIdClient,
    Person,
    SignInRefused,
)
from app.settings import Settings
from tests.issuing import IssuerProcess

BACK = "http://localhost/portal/sign-in/callback"


def client_of(issuer: IssuerProcess, **changes: Any) -> OpenIdClient:
    issuer.control(redirects=[BACK])
    known = Issuer.of(Settings(**issuer.settings))
    assert known is not None
    return OpenIdClient(replace(known, **changes))


def sign_in(issuer: IssuerProcess, client: OpenIdClient, subject: str = "kim") -> Person:
    begun = Begun.anew()
    given = issuer.sign_in(client.begin(BACK, begun), subject)
    return client.finish(BACK, begun, given, datetime.now(UTC))


def reason(issuer: IssuerProcess, client: OpenIdClient) -> str:
    with pytest.raises(SignInRefused) as refused:
        sign_in(issuer, client)
    return refused.value.reason


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_who_signs_in_is_who_the_issuer_says(issuer: IssuerProcess, method: str) -> None:
    """By the code flow, with the issuer's way of knowing its clients."""
    organisation = {"urn": "100000"}
    issuer.control(
        people={
            "kim": {"given_name": "Kim", "email": "k@example.org", "organisation": organisation}
        },
        settings={"auth": [method]},
    )
    found = sign_in(issuer, client_of(issuer, scope="openid email organisation"))
    assert (found.issuer, found.subject) == (issuer.url, "kim")
    assert (found.name, found.email) == ("Kim", "k@example.org")
    assert found.organisation == organisation
    assert found.id_token.count(".") == 2


def test_user_info_is_asked_where_the_token_says_too_little(issuer: IssuerProcess) -> None:
    """Some issuers say who it is in the token, and more only on request, of the same person."""
    issuer.control(people={"kim": {"email": "k@example.org"}}, settings={"claims_in": "user_info"})
    client = client_of(issuer, scope="openid email")
    assert sign_in(issuer, client).email == "k@example.org"
    issuer.behave(claims_in="user_info", user_info={"sub": "another"})
    assert reason(issuer, client) == "subject_of_user_info"
    issuer.behave(claims_in="user_info")
    issuer.control()
    assert sign_in(issuer, client_of(issuer)).email is None
    assert "me" not in issuer.control()["asked"]


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        ({"claims": {"nonce": "another"}}, "claim_nonce"),
        ({"claims": {"nonce": None}}, "claim_nonce"),
        ({"claims": {"iss": "https://evil.example"}}, "claim_iss"),
        ({"claims": {"iss": None}}, "claim_iss"),
        ({"claims": {"aud": "another"}}, "claim_aud"),
        ({"claims": {"aud": ["another", "givetake"], "azp": "another"}}, "claim_azp"),
        ({"claims": {"exp": None}}, "claim_exp"),
        ({"claims": {"sub": None}}, "claim_sub"),
        ({"claims": {"sub": 7}}, "claim_sub"),
        ({"claims": {"sub": ""}}, "subject"),
        ({"claims": {"sub": "x" * 256}}, "subject"),
        ({"claims": {"at_hash": "another"}}, "claim_at_hash"),
        ({"forged": True}, "bad_signature"),
        ({"unsigned": True}, "unsupported_algorithm"),
        ({"answer": {"state": "another"}}, "state"),
        ({"answer": {"state": "\N{SNOWMAN}"}}, "state"),
        ({"answer": {"iss": "https://evil.example"}}, "issuer_of_answer"),
        ({"answer": {"code": "another"}}, "code"),
        ({"answer": {"code": ""}}, "no_code"),
        ({"answer": {"error": "server_error"}}, "no_code"),
        ({"token_answer": {"status": 200, "body": {"access_token": "x"}}}, "no_id_token"),
        ({"token_answer": {"status": 200, "body": {"id_token": "x.y.z"}}}, "decode_error"),
        ({"token_answer": {"status": 400, "body": {"error": "invalid_grant"}}}, "code"),
    ],
)
def test_an_answer_that_proves_nothing_is_refused(
    issuer: IssuerProcess, behaviour: dict[str, Any], code: str
) -> None:
    """Each with a code of its own in the log, and the same words for whoever reads them."""
    client = client_of(issuer)
    issuer.behave(**behaviour)
    assert reason(issuer, client) == code


def test_a_code_is_good_once_and_for_who_began(issuer: IssuerProcess) -> None:
    """Neither a second use nor another browser's proof of PKCE gets anything for it."""
    client, begun = client_of(issuer), Begun.anew()
    given = issuer.sign_in(client.begin(BACK, begun), "kim")
    stolen = replace(Begun.anew(), state=begun.state, nonce=begun.nonce)
    with pytest.raises(SignInRefused, match="try again"):
        client.finish(BACK, stolen, given, datetime.now(UTC))
    given = issuer.sign_in(client.begin(BACK, begun), "kim")
    client.finish(BACK, begun, given, datetime.now(UTC))
    with pytest.raises(SignInRefused):
        client.finish(BACK, begun, given, datetime.now(UTC))


def test_who_does_not_want_to_is_not_signed_in(issuer: IssuerProcess) -> None:
    """The issuer says that access was denied."""
    client, begun = client_of(issuer), Begun.anew()
    given = issuer.sign_in(client.begin(BACK, begun), "nobody")
    with pytest.raises(SignInRefused) as refused:
        client.finish(BACK, begun, given, datetime.now(UTC))
    assert refused.value.reason == "denied"


@pytest.mark.parametrize("ahead_s", [-CLOCK_SKEW_S + 20, CLOCK_SKEW_S - 20])
def test_clocks_may_differ_a_little(issuer: IssuerProcess, ahead_s: int) -> None:
    """A token that has just expired here, or is not made yet, is taken."""
    client = client_of(issuer)
    issuer.behave(clock_ahead_s=ahead_s, valid_s=1)
    assert sign_in(issuer, client).subject == "kim"


@pytest.mark.parametrize(("ahead_s", "code"), [(-400, "claim_exp"), (400, "claim_iat")])
def test_clocks_may_not_differ_by_minutes(issuer: IssuerProcess, ahead_s: int, code: str) -> None:
    """What was made long ago or is made in the future is refused."""
    client = client_of(issuer)
    issuer.behave(clock_ahead_s=ahead_s)
    assert reason(issuer, client) == code


@pytest.mark.parametrize("kind", ["RS256", "ES256"])
@pytest.mark.parametrize("called_as_before", [False, True])
def test_the_issuer_may_change_its_keys(
    issuer: IssuerProcess, kind: str, called_as_before: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """New ones are read when a token is not signed by those known, whatever they are called."""
    monkeypatch.setattr("app.people.openid.KEYS_EVERY_S", 0.0)
    client = client_of(issuer)
    sign_in(issuer, client)
    kid = issuer.control()["kid"]
    sign_in(issuer, client)
    assert issuer.control()["asked"] == ["token"]
    issuer.control(key={"kind": kind, "kid": kid if called_as_before else None})
    sign_in(issuer, client)
    assert issuer.control()["asked"] == ["token", "discovery", "keys"]


def test_forgeries_do_not_make_us_ask_again_and_again(issuer: IssuerProcess) -> None:
    """Keys are read anew no sooner than after a while."""
    client = client_of(issuer)
    issuer.behave(forged=True)
    issuer.control()
    for _ in range(3):
        assert reason(issuer, client) == "bad_signature"
    assert KEYS_EVERY_S > 5
    assert issuer.control()["asked"].count("keys") == 1


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": None},
        {"token_endpoint": "http://evil.example/token"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": "file:///etc/passwd"},
        {"end_session_endpoint": "http://["},
        {"userinfo_endpoint": 7},
    ],
)
def test_an_issuer_that_leads_astray_is_not_used(
    issuer: IssuerProcess, metadata: dict[str, Any]
) -> None:
    """What it publishes must be its own, complete, and safe from others' eyes."""
    client = client_of(issuer)
    issuer.behave(metadata=metadata)
    with pytest.raises(IssuerUnavailable):
        client.begin(BACK, Begun.anew())


def test_an_issuer_that_cannot_be_asked_is_named_so(
    issuer: IssuerProcess, log_lines: list[Any]
) -> None:
    """No answer, no address, or one that does not know us: an error for whoever operates this."""
    client = client_of(issuer, client_secret="wrong")
    with pytest.raises(IssuerUnavailable):
        sign_in(issuer, client)
    for url in ("http://127.0.0.1:9", f"{issuer.url}/nothing"):
        with pytest.raises(IssuerUnavailable):
            client_of(issuer, url=url).begin(BACK, Begun.anew())
    issuer.behave(token_answer={"status": 502, "body": {}})
    with pytest.raises((IssuerUnavailable, SignInRefused)):
        sign_in(issuer, client_of(issuer))
    reasons = [line["reason"] for line in log_lines if line["log_level"] == "error"]
    assert reasons[:3] == ["client_refused", "no_answer", "unreadable"]


def test_signing_out_leads_to_the_issuer_and_back(issuer: IssuerProcess) -> None:
    """Where it has an address for that; with the token that says whose session ends."""
    client = client_of(issuer)
    address = client.end_session("a.b.c", BACK)
    assert address is not None
    assert issuer.client.get(address).headers["location"] == BACK
    (ended,) = issuer.control()["ended"]
    assert ended["id_token_hint"] == "a.b.c"
    issuer.behave(metadata={"end_session_endpoint": None})
    assert client_of(issuer).end_session(None, BACK) is None


def test_a_token_lasts_no_longer_than_it_says(issuer: IssuerProcess) -> None:
    """By the clock that is given: the database's."""
    client, begun = client_of(issuer), Begun.anew()
    given = issuer.sign_in(client.begin(BACK, begun), "kim")
    with pytest.raises(SignInRefused):
        client.finish(BACK, begun, given, datetime.now(UTC) + timedelta(minutes=10))
