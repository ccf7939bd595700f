"""The report page as people see it, in a real browser."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

from beam_jobs.reports.page.render import render_page
from tests.support import report_samples as samples
from tests.support.browser import Browser, open_browser

NAMES = ("ordinary", "empty", "hostile", "many_emotions")
PHONE, DESK = 375, 1280

OPEN_ALL = "for (const each of document.querySelectorAll('details')) each.open = true;"

# Text against what is behind it: backgrounds of elements, and bars of a chart below its words.
CONTRAST = """
const parse = (text) => text.match(/[\\d.]+/g).map(Number);
const linear = (c) => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
const over = (top, below, a) => [0, 1, 2].map((i) => top[i] * a + below[i] * (1 - a));
const contrast = (a, b) => {
  const [dark, light] = [luminance(a), luminance(b)].sort((x, y) => x - y);
  return (light + 0.05) / (dark + 0.05);
};
const backgroundOf = (element) => {
  for (let at = element; at; at = at.parentElement) {
    const [r, g, b, a = 1] = parse(getComputedStyle(at).backgroundColor);
    if (a > 0) return [r, g, b];
  }
  return null;
};
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const found = [];
let seen = 0;
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.textContent.trim() || !element.checkVisibility()) continue;
  const style = getComputedStyle(element);
  const svg = element.ownerSVGElement;
  let background = backgroundOf(element);
  if (svg) {
    const box = element.getBoundingClientRect();
    const x = box.x + box.width / 2, y = box.y + box.height / 2;
    for (const mark of svg.querySelectorAll('path')) {
      const m = mark.getBoundingClientRect();
      const fill = getComputedStyle(mark).fill;
      if (!fill.startsWith('rgb') || !(m.left <= x && x <= m.right && m.top <= y && y <= m.bottom))
        continue;
      const [r, g, b, a = 1] = parse(fill);
      background = over([r, g, b], background, a * getComputedStyle(mark).fillOpacity);
    }
  }
  const ratio = contrast(parse(svg ? style.fill : style.color), background);
  const size = parseFloat(style.fontSize);
  const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
  seen += 1;
  if (ratio < (large ? 3 : 4.5)) found.push([element.textContent.slice(0, 40), ratio, size]);
}
return {seen, found};
"""

# What sticks out of the window, but for what scrolls in a region of its own or is off on purpose.
STICKING_OUT = """
const width = document.documentElement.clientWidth;
return [...document.body.querySelectorAll('*')].filter((element) => {
  if (!element.checkVisibility() || element.closest('.scroll table, .skip, .hidden')) return false;
  const box = element.getBoundingClientRect();
  return box.width > 0 && (box.right > width + 0.5 || box.left < -0.5);
}).map((element) => element.outerHTML.slice(0, 120));
"""

# Words of a chart that leave it, or that lie over each other.
WORDS_IN_CHARTS = """
const cut = [], overlapping = [], small = [];
for (const svg of document.querySelectorAll('.picture svg')) {
  if (!svg.checkVisibility()) continue;
  const frame = svg.getBoundingClientRect();
  const words = [...svg.querySelectorAll('text')].filter((text) => text.textContent.trim());
  const boxes = words.map((text) => text.getBoundingClientRect());
  const turned = words.map((text) => text.getAttribute('transform').includes('rotate'));
  const scale = frame.width / svg.viewBox.baseVal.width;
  words.forEach((text, i) => {
    const box = boxes[i];
    // Marks upon marks reach as high as a font likes.
    const above = /\\p{M}/u.test(text.textContent) ? 26 : 3;
    if (box.left < frame.left - 1 || box.right > frame.right + 1 ||
        box.top < frame.top - above || box.bottom > frame.bottom + 3)
      cut.push(text.textContent);
    if (parseFloat(getComputedStyle(text).fontSize) * scale < 10) small.push(text.textContent);
    for (let j = 0; j < i; j++) {
      const other = boxes[j];
      if (!turned[i] && !turned[j] && box.left < other.right - 1 && other.left < box.right - 1 &&
          box.top < other.bottom - 4 && other.top < box.bottom - 4)
        overlapping.push([text.textContent, words[j].textContent]);
    }
  });
}
return {cut, overlapping, small};
"""

CHARTS = """
return [...document.querySelectorAll('.picture')].filter((each) => each.checkVisibility()).map(
  (each) => ({
    role: each.getAttribute('role'),
    label: each.getAttribute('aria-label'),
    width: each.querySelector('svg').getBoundingClientRect().width,
    height: each.querySelector('svg').getBoundingClientRect().height,
    marks: [...each.querySelectorAll('.mark-rect path, .mark-symbol path, .mark-line path')]
      .filter((mark) => {
        const box = mark.getBoundingClientRect();
        const style = getComputedStyle(mark);
        return box.width + box.height > 2 && style.fill + style.stroke !== 'nonenone';
      }).length,
  }));
"""


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with open_browser(tmp_path_factory.mktemp("profile")) as opened:
        yield opened


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("pages")
    paths = {name: folder / f"{name}.html" for name in NAMES}
    for name, path in paths.items():
        path.write_text(render_page(getattr(samples, name)()), encoding="utf-8")
    return paths


@pytest.mark.parametrize("width", [PHONE, DESK])
@pytest.mark.parametrize("name", NAMES)
def test_the_page_asks_for_nothing_and_has_no_fault(
    browser: Browser, pages: dict[str, Path], name: str, width: int
) -> None:
    browser.show(pages[name], width=width)
    browser.run(OPEN_ALL)
    assert browser.messages() == []
    assert {address for address in browser.requests() if not address.startswith("data:")} == {
        pages[name].as_uri()
    }
    assert (
        browser.run("return document.querySelectorAll('script, img, iframe, object').length") == 0
    )
    # Nothing sticks out, with all tables open.
    assert browser.run("return document.documentElement.scrollWidth") <= width
    assert browser.run(STICKING_OUT) == []
    words = browser.run(WORDS_IN_CHARTS)
    assert words["cut"] == []
    assert words["small"] == []
    if name != "hostile":
        assert words["overlapping"] == []


@pytest.mark.parametrize("width", [PHONE, DESK])
def test_charts_are_drawn(browser: Browser, pages: dict[str, Path], width: int) -> None:
    browser.show(pages["ordinary"], width=width)
    charts = browser.run(CHARTS)
    # The mix, change, items a day, seven emotions over time, language, hashtag, lift, author,
    # modality, text against audio, confidence, refused items, warnings: each once, whatever the
    # width.
    assert len(charts) == 19
    for chart in charts:
        assert chart["role"] == "img"
        assert chart["label"].strip()
        assert chart["marks"] >= 1, chart
        assert chart["width"] >= 150, chart
        assert chart["height"] >= 80, chart
    browser.show(pages["empty"], width=width)
    assert browser.run(CHARTS) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", NAMES)
def test_every_word_can_be_read(
    browser: Browser, pages: dict[str, Path], name: str, scheme: str
) -> None:
    browser.show(pages[name], width=DESK, scheme=scheme)
    browser.run(OPEN_ALL)
    read = browser.run(CONTRAST)
    assert read["found"] == []
    assert read["seen"] > (20 if name == "empty" else 300)
    page_colour = browser.run("return getComputedStyle(document.body).backgroundColor")
    assert page_colour == ("rgb(21, 24, 28)" if scheme == "dark" else "rgb(255, 255, 255)")


def test_the_first_screen_holds_what_matters(browser: Browser, pages: dict[str, Path]) -> None:
    browser.show(pages["ordinary"], width=DESK)
    bottoms = browser.run(
        "return ['.tiles', '.mix .picture.wide', '.alerts', '.reasons'].map("
        "(each) => document.querySelector(each).getBoundingClientRect().bottom)"
    )
    assert max(bottoms) <= 800


def test_the_keyboard_reaches_everything_in_order(browser: Browser, pages: dict[str, Path]) -> None:
    browser.show(pages["ordinary"], width=DESK)
    expected = browser.run(
        "return [...document.querySelectorAll('a, summary, [tabindex=\"0\"]')]"
        ".filter((each) => each.checkVisibility()).length"
    )
    reached = []
    for _ in range(expected):
        ActionChains(browser.driver).send_keys(Keys.TAB).perform()
        reached.append(
            browser.run(
                "const at = document.activeElement;"
                "const style = getComputedStyle(at);"
                "return [at.tagName, at.textContent.trim().slice(0, 20), at.className,"
                " style.outlineStyle !== 'none',"
                " [...document.querySelectorAll('*')].indexOf(at)]"
            )
        )
    assert reached[0][:3] == ["A", "Skip to the report", "skip"]
    assert all(outlined for *_, outlined, _ in reached)
    positions = [position for *_, position in reached]
    assert positions == sorted(set(positions))
    assert len(positions) == expected
    assert {tag for tag, *_ in reached} == {"A", "SUMMARY", "DIV"}
    # The last one is the table of runs, which the enter key opens.
    ActionChains(browser.driver).send_keys(Keys.ENTER).perform()
    assert browser.run("return document.activeElement.parentElement.open")


def test_a_screen_reader_finds_its_way(browser: Browser, pages: dict[str, Path]) -> None:
    for name in NAMES:
        browser.show(pages[name], width=DESK)
        levels = browser.run(
            "return [...document.querySelectorAll('h1,h2,h3,h4')].map((h) => +h.tagName[1])"
        )
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels)), levels
        assert browser.run("return document.documentElement.lang") == "en"
        assert browser.run(
            "return ['header', 'nav', 'main', 'footer'].map("
            "(each) => document.querySelectorAll('body ' + each).length)"
        ) == [1, 1, 1, 1]
        assert (
            browser.run(
                "const ids = [...document.querySelectorAll('[id]')].map((each) => each.id);"
                "return ids.length - new Set(ids).size"
            )
            == 0
        )
        assert (
            browser.run(
                "return [...document.querySelectorAll('table')].filter((table) =>"
                " !table.caption.textContent.trim() ||"
                " !table.closest('[tabindex=\"0\"][role=region][aria-label]') ||"
                " [...table.querySelectorAll('th')].some((th) => !th.scope)).length"
            )
            == 0
        )


def test_paper_is_light_and_shows_the_tables(browser: Browser, pages: dict[str, Path]) -> None:
    browser.show(pages["ordinary"], width=700, scheme="dark")
    tables = "return [...document.querySelectorAll('details table')].map((t) => t.getClientRects()"
    hidden = tables + ".length && t.checkVisibility({contentVisibilityAuto: true}))"
    assert not any(browser.run(hidden))
    browser.prefer("dark", media="print")
    shown = browser.run(tables + "[0].height)")
    assert len(shown) == 13
    assert min(shown) > 50
    assert browser.run("return getComputedStyle(document.body).backgroundColor") == (
        "rgb(255, 255, 255)"
    )
    assert browser.run("return document.querySelector('.wide').checkVisibility()")
    assert not browser.run("return document.querySelector('.narrow').checkVisibility()")
