"""Charts and cards in a real browser: in any font, no word is cut and none covers another."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page

from app.database import Database
from app.insight import rendered
from app.insight.report_page import render
from tests.browser.conftest import SHOTS, Open
from tests.reports import EVERY_CHART

WIDE = "* { font-family: monospace, monospace !important; letter-spacing: .3em !important; }"
"""Letters about one and a half times as wide as Arial's, which no machine has to have."""
WIDTHS = (1280, 900, 360)
FAULTS = """() => {
  const faults = [];
  for (const chart of document.querySelectorAll(".chart, .card")) {
    const room = chart.getBoundingClientRect(), texts = [];
    for (const part of [chart, ...chart.querySelectorAll(":not(svg *)")]) {
      const hidden = part.closest(".hush, .govuk-visually-hidden");
      if (hidden || part.matches(".chart-along span, summary")) continue;
      if (part.clientWidth && part.scrollWidth > part.clientWidth)
        faults.push(`${part.outerHTML.slice(0, 90)} is wider than its room`);
      for (const node of part.childNodes) {
        if (node.nodeType !== Node.TEXT_NODE || !node.data.trim()) continue;
        const range = document.createRange();
        range.selectNodeContents(node);
        const boxes = [...range.getClientRects()];
        if (!boxes.some((b) => b.width)) faults.push(`${node.data} is not shown`);
        texts.push(...boxes.map((box) => ({ box, node })));
      }
    }
    for (const { box, node } of texts)
      if (box.left < room.left - 1 || box.right > room.right + 1)
        faults.push(`${node.data} is cut`);
    texts.forEach((a, i) => texts.slice(i + 1).forEach((b) => {
      const across = Math.min(a.box.right, b.box.right) - Math.max(a.box.left, b.box.left);
      const down = Math.min(a.box.bottom, b.box.bottom) - Math.max(a.box.top, b.box.top);
      if (a.node !== b.node && across > 1 && down > 1)
        faults.push(`${a.node.data} covers ${b.node.data}`);
    }));
  }
  return faults;
}"""
LENGTH_OF_LABEL = """() => {
  const range = document.createRange();
  range.selectNodeContents(document.querySelector(".chart-bars--histogram .chart-bar span"));
  return [...range.getClientRects()].reduce((sum, box) => sum + box.width, 0);
}"""


def look(page: Page, name: str) -> None:
    """In the page's font and in a very wide one, on large and small screens, all rows unfolded."""
    page.evaluate("document.querySelectorAll('.chart details').forEach((d) => { d.open = true; })")
    titles = page.locator(".chart h3").all_inner_texts()
    assert len(titles) == 5
    page.set_viewport_size({"width": WIDTHS[0], "height": 900})
    usual = page.evaluate(LENGTH_OF_LABEL)
    for font in ("usual", "wide"):
        if font == "wide":
            page.add_style_tag(content=WIDE)
            page.set_viewport_size({"width": WIDTHS[0], "height": 900})
            assert page.evaluate(LENGTH_OF_LABEL) > 1.25 * usual
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 900})
            page.locator(".charts").screenshot(path=SHOTS / f"charts-{name}-{font}-{width}.png")
            assert page.evaluate(FAULTS) == [], (font, width)


def test_no_label_of_a_report_is_cut(
    open_page: Open, tmp_path: Path, complaints: list[str]
) -> None:
    """The report as one file, from the folder where it lies."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    file = tmp_path / "report.html"
    file.write_text(render(EVERY_CHART))
    look(open_page(file.as_uri()), "report")
    assert complaints == []


def test_no_label_of_the_portal_is_cut(
    broker: Callable[..., Page], exchange: Database, run_id: int
) -> None:
    """The same charts beside the portal's styles."""
    SHOTS.mkdir(parents=True, exist_ok=True)
    with exchange.write() as session:
        rendered.keep(session, run_id, rendered.draw(EVERY_CHART))
    # Only the test's own font breaks the policy of pages.
    look(broker(f"/runs/{run_id}", bypass_csp=True), "portal")
