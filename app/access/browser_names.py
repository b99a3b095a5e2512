"""A browser in a few plain words, from what it says of itself; nothing else of that is kept."""

from typing import Final

MOST_READ: Final = 500
"""Letters of a User-Agent that are looked at."""
BROWSERS: Final = (
    # In this order: most browsers also call themselves by the name of another.
    ("Edge", ("Edg/", "EdgA/", "EdgiOS/")),
    ("Opera", ("OPR/", "OPT/")),
    ("Samsung Internet", ("SamsungBrowser/",)),
    ("Firefox", ("Firefox/", "FxiOS/")),
    ("Chrome", ("Chrome/", "CriOS/")),
    ("Safari", ("Safari/",)),
)
SYSTEMS: Final = (
    ("iPhone", ("iPhone",)),
    ("iPad", ("iPad",)),
    ("Android", ("Android",)),
    ("ChromeOS", ("CrOS",)),
    ("Windows", ("Windows",)),
    ("macOS", ("Macintosh",)),
    ("Linux", ("Linux",)),
)


def browser_name(user_agent: str) -> str | None:
    """A name such as "Firefox on Windows", 40 letters at most; None where it is none we know."""
    read = user_agent[:MOST_READ]
    browser, system = (
        next((name for name, marks in names if any(mark in read for mark in marks)), None)
        for names in (BROWSERS, SYSTEMS)
    )
    if browser is None:
        return None
    return browser if system is None else f"{browser} on {system}"
