"""The characters that HTML's references stand for, in a text of any origin."""

import html
import re

# int() refuses more than 4,300 digits; no character has nearly as many.
_LONG_NUMBER = re.compile(r"&#(?:[0-9]{100,}|[xX][0-9a-fA-F]{100,});?")


def decode_entities(text: str) -> str:
    r"""Returns a text with HTML's references decoded, as by `html.unescape`, which some texts stop.

    A number that is no character's becomes U+FFFD.

    >>> decode_entities("it&#39;s &lt;3"), decode_entities("&#" + "1" * 5000 + ";")
    ("it's <3", '\ufffd')
    """
    try:
        return html.unescape(text)
    except ValueError:
        return html.unescape(_LONG_NUMBER.sub("\ufffd", text))
