"""What was likely entered twice: noted in the report, never refused."""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Set

from app.wording import counted

LISTED = 5


def note_duplicates(
    one: str, entries: Iterable[tuple[Hashable, str, str]], of_file: Set[str]
) -> list[str]:
    """A note of entries that say the same under several references, one of them in the file.

    Each entry is what it says, its reference, and what it is about in words.
    """
    alike: dict[Hashable, dict[str, str]] = defaultdict(dict)
    for said, reference, about in entries:
        alike[said][reference] = about
    found = [held for held in alike.values() if len(held) > 1 and not of_file.isdisjoint(held)]
    if not found:
        return []
    listed = [
        f"{' and '.join(sorted(held))} ({next(iter(held.values()))})" for held in found[:LISTED]
    ]
    if len(found) > LISTED:
        listed.append(f"{len(found) - LISTED:,} more")
    same = counted(len(found), f"{one} looks", f"{one}s look")
    return [
        f"{same} to have been entered more than once: {'; '.join(listed)}. If so, keep one of each."
    ]
