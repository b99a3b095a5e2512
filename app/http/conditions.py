"""Which version a caller knows (RFC 9110): If-Match on changes, If-None-Match on reads."""

import hashlib
import re
from typing import Annotated, Final

from fastapi import Depends, Header, Request

from app.errors import Stale

# Weak also: a proxy that compresses makes a tag weak, and the version behind it is the same.
_OUR_TAG = re.compile(r'(?:W/)?"([0-9]{1,9})(?:-[0-9a-f]{24})?"')
ANY: Final = "*"


def known_version(
    if_match: Annotated[
        str,
        Header(
            alias="If-Match",
            min_length=1,
            max_length=200,
            description="the `ETag` of the version that you read, or several, "
            "or `*` for any version",
            examples=['"1"'],
        ),
    ],
) -> int | None:
    """The version a change was made from; None: any."""
    if if_match.strip() == ANY:
        return None
    ours = [_OUR_TAG.fullmatch(tag.strip()) for tag in if_match.split(",")]
    versions = [int(tag[1]) for tag in ours if tag is not None]
    if not versions:
        raise Stale("If-Match is not an ETag of this resource. Read it again and send its ETag.")
    return max(versions)  # versions only grow: of several the newest alone can be the one


Known = Annotated[int | None, Depends(known_version)]


def tag_of_version(version: int) -> str:
    return f'"{version}"'


def tag_of_content(content: bytes) -> str:
    return f'"{_digest(content)}"'


def tag_of_both(version: int, content: bytes) -> str:
    """For what is shown together with things that change without it."""
    return f'"{version}-{_digest(content)}"'


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=12).hexdigest()


def is_known(request: Request, tag: str) -> bool:
    """Whether the caller holds what `tag` names, so that it need not be sent again."""
    held = request.headers.get("if-none-match")
    if held is None or request.method not in ("GET", "HEAD"):
        return False
    tags = {one.strip().removeprefix("W/") for one in held.split(",")}
    return tag in tags or ANY in tags
