"""The text of a post that is written in HTML."""

import re

from selectolax.lexbor import LexborHTMLParser

from model.preprocessing.entities import decode_entities

# Mastodon puts `.quote-inline`, a link, before a post that quotes another.
_HIDDEN = "script, style, template, .quote-inline"
_HIDDEN_TAGS = frozenset({"script", "style", "template"})
_BLOCKS = "p, div, li, blockquote, pre, h1, h2, h3, h4, h5, h6, tr"
_BREAKING = f"{_HIDDEN}, {_BLOCKS}, br"
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<!--")


def html_to_text(source: str) -> str:
    r"""Returns what a reader sees of HTML: paragraphs and `<br>` are line breaks.

    The text of a link stays, also what Mastodon hides of an address, so that it is one still. A
    text without tags has only its entities decoded: `a < b` is no HTML.

    >>> html_to_text("<p>So happy<br>it&#39;s <a href='https://m.example/tags/a'>#<span>a</span></a>")
    "So happy\nit's #a"
    >>> html_to_text("2 < 3 &amp; true")
    '2 < 3 & true'
    """
    if not _TAG.search(source):
        return decode_entities(source)
    tree = LexborHTMLParser(source)
    body = tree.body
    if body is None:
        return ""
    for node in body.css(_BREAKING):
        if (
            node.tag == "br"
            or node.tag in _HIDDEN_TAGS
            or "quote-inline" in (node.attributes.get("class") or "").split()
        ):
            node.replace_with("\n")
        else:
            node.insert_before("\n")
            node.insert_after("\n")
    return "\n".join(filter(None, map(str.strip, body.text().split("\n"))))
