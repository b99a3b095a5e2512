"""What templates call is there: a page that nobody opens in a test would fail otherwise."""

import re
from pathlib import Path

import pytest

import app.portal

TEMPLATES = Path(app.portal.__file__).parent / "templates"
IMPORT = re.compile(r'{% import "([\w.]+)" as (\w+)')
PAGES = [each for each in TEMPLATES.glob("*.html") if IMPORT.search(each.read_text())]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_macro_that_a_page_calls_is_there(page: Path) -> None:
    """Of each file that the page imports."""
    text = page.read_text()
    for file, name in IMPORT.findall(text):
        there = set(re.findall(r"{%-? macro (\w+)", (TEMPLATES / file).read_text()))
        called = set(re.findall(rf"\b{name}\.(\w+)\(", text))
        assert there, file
        assert called <= there, f"{page.name}: {called - there} not in {file}"
