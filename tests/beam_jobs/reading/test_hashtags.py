"""Hashtags of a text by X's own rules, and of fields as programs write them."""

import json
import string
import time

import pytest
import regex
from hypothesis import given
from hypothesis import strategies as st

from beam_jobs.items.elements import Item
from beam_jobs.reading.hashtags import find_hashtags, normalise, parse_list
from tests.support.item_reading import read

CASES = {
    # Where a tag starts, and what it holds.
    "we meet at the #river today": ["river"],
    "#river1 and #1river": ["river1", "1river"],
    "platform #16, #0, #122": [],
    "#_ #1_2 #〃 #·": [],
    "#tag_x #_x #x_": ["tag_x", "_x", "x_"],
    "# apart #": [],
    "a#b é#c 7#d 語#e": [],
    "&#tag &amp;#tag": [],
    "##double ###": ["double"],
    "#one#two": [],
    "#one #two": ["one", "two"],
    # What stands around it.
    "(#one )#two [#three ]#four ’#five’#six": ["one", "two", "three", "four", "five", "six"],
    ":#one ;#two ,#three .#four !#five ?#six /#seven": [
        *("one", "two", "three", "four", "five", "six", "seven"),
    ],
    "#one: #two; #three, #four. #five! #six?": ["one", "two", "three", "four", "five", "six"],
    "#day's end": ["day"],
    "#river-bank": ["river"],
    "#one\nthen\n#two\n#three": ["one", "two", "three"],
    "great！#one 本当。#二 ！＃三": ["one", "二", "三"],
    "🎉#party ❤️#love #sun🌞": ["party", "love", "sun"],
    "#️⃣ 1️⃣ #⃣": [],
    # Languages and scripts.
    "#mañana #café #münchen #Čeština #ştu #İn #ın #mûǁae": [
        *("mañana", "café", "münchen", "Čeština", "ştu", "İn", "ın", "mûǁae"),
    ],
    "#cafe\u0301": ["cafe\u0301"],
    "#город, #ашок!": ["город", "ашок"],
    "#Ελλάδα_σήμερα ήταν": ["Ελλάδα_σήμερα"],
    "#Հայ #ქართ": ["Հայ", "ქართ"],
    "#트위터 #ﾣﾦﾰ": ["트위터", "ﾣﾦﾰ"],
    "見て #漢字 #ひらがな #カタカナ": ["漢字", "ひらがな", "カタカナ"],
    "#サッカー #ｻｯｶｰ #ﾊﾟﾝ #ラーメン": ["サッカー", "ｻｯｶｰ", "ﾊﾟﾝ", "ラーメン"],
    "#云々 #いすゞ #各〻 #各〃": ["云々", "いすゞ", "各〻", "各〃"],
    "#メ～テレ #メ〜テレ #ア・イ": ["メ～テレ", "メ〜テレ", "ア・イ"],
    "#日本語。続く 日本語#無": ["日本語"],
    "全角 ＃ｔａｇ１２": ["ｔａｇ１２"],
    "#السياسة #سیاست #ثبت_نام،": ["السياسة", "سیاست", "ثبت_نام"],
    "#می\u200cخواهم #ශ්\u200dරී": ["می\u200cخواهم", "ශ්\u200dරී"],
    "#۳۴۵هشتگ #سـلام_٤٠٦ #١٢٣": ["۳۴۵هشتگ", "سـلام_٤٠٦"],
    "#עַל־יְדֵי #וכו׳ #מ״כ": ["עַל־יְדֵי", "וכו׳", "מ״כ"],
    "#ผู้เริ่ม #การเมือง": ["ผู้เริ่ม", "การเมือง"],
    "#हिन्दी #महात्मा_१२३४ #१२३४": ["हिन्दी", "महात्मा_१२३४"],
    "#বাংলা #ಕನ್ನಡ #தமிழ் #తెలుగు #ଓଡ଼ିଆ": ["বাংলা", "ಕನ್ನಡ", "தமிழ்", "తెలుగు", "ଓଡ଼ିଆ"],
    "#བོད་སྐད་ #မြင့်မြတ်သော #ຊີວະ #ខ្មែរ": ["བོད་སྐད་", "မြင့်မြတ်သော", "ຊີວະ", "ខ្មែរ"],
    "#አማርኛ": ["አማርኛ"],
    "#il·lusió": ["il·lusió"],
    "#\U00020021 #\U00016f04\U00016f51 #A\U000104a0": [
        *("\U00020021", "\U00016f04\U00016f51", "A\U000104a0"),
    ],
    # Links.
    "https://a.example/page#part and #tag": ["tag"],
    "http://a.example/#part a.example/#part": [],
    "http://a.example/#!/someone": [],
    "https://пример.example/#a https://日本.example/#b": [],
    "#http://a.example #https://a.example": [],
    "http://a.example#part": [],
    "http://t.co/8t7G3ddS#a": [],
    "see http://a.example/b #tag": ["tag"],
    "see (http://a.example/b) (#tag)": ["tag"],
    "(http://a.example/b)(#tag)": ["tag"],
    "http://a.example/b,続き #tag": ["tag"],
    "and/or #tag, a/#frag": ["tag", "frag"],
    "https://a.example/?q=#x #y": ["y"],
    # Entities of HTML, once or twice escaped.
    "she&#39;s here, &amp;#8217;so&amp;#8217; &#x1F602;": [],
    "#tag&amp;more #über-cool &lt;#x&gt;": ["tag", "über", "x"],
    "&#35;tag": ["tag"],
    "no sign at all": [],
}


@pytest.mark.parametrize("text", CASES)
def test_hashtags_of_a_text(text: str) -> None:
    assert find_hashtags(text) == CASES[text]


@pytest.mark.parametrize(
    ("field", "hashtags"),
    [
        ("\"['Happy', 'day']\"", ("happy", "day")),
        ('"[\\"Happy\\", \\"day\\"]"', ("happy", "day")),
        ('"Happy;day"', ("happy", "day")),
        ('"Happy; day|#Fun, Happy"', ("happy", "day", "fun")),
        ('"[Happy, day]"', ("happy", "day")),
        ('"{Happy,day}"', ("happy", "day")),
        ("\"('Happy', 'day')\"", ("happy", "day")),
        ("\"[{'text': 'Happy', 'indices': [0, 6]}]\"", ("happy",)),
        ("\"['Happy' 'day']\"", ("happy", "day")),
        ("\"array(['Happy', 'day'], dtype=object)\"", ("happy", "day")),
        ('"c(\\"Happy\\", \\"day\\")"', ("happy", "day")),
        ('"#Happy#day"', ("happy", "day")),
        ('"[nan]"', ()),
        ('"[]"', ()),
        ('"None"', ()),
        ('"＃全角"', ("全角",)),
        ('[{"tag": "Happy"}, {"text": "day"}, {"name": "fun"}]', ("happy", "day", "fun")),
        ('[{"type": "Mention", "name": "@a"}, {"type": "Hashtag", "name": "#Day"}]', ("day",)),
    ],
)
def test_lists_as_programs_write_them(field: str, hashtags: tuple[str, ...]) -> None:
    line = f'{{"id": "1", "text": "#ignored", "hashtags": {field}}}'
    [item] = read("t.jsonl", line.encode())
    assert isinstance(item, Item)
    assert (item.hashtags, item.warnings) == (hashtags, ())


@pytest.mark.parametrize("field", ["array(['a'", "list(a='b')", "{'a': 1, 'b'}"])
def test_what_is_no_list_of_tags_is_told(field: str) -> None:
    line = json.dumps({"id": "1", "text": "#ignored", "hashtags": field})
    [item] = read("t.jsonl", line.encode())
    assert isinstance(item, Item)
    assert (item.hashtags, item.warnings) == ((), ("hashtags_unread",))


def test_too_many_and_too_long_tags_are_left_out() -> None:
    tags = [f"tag{n}" for n in range(1_005)]
    assert normalise(tags) == (tuple(tags[:1_000]), False)
    assert normalise(["a" * 4_097, "b"]) == (("b",), False)


@given(st.text(st.sampled_from("#＃ab1_é\u0301&/.:; 日\u200d️🎉") | st.characters(), max_size=40))
def test_any_text(text: str) -> None:
    for tag in find_hashtags(text):
        assert regex.search(r"[\p{L}\p{M}]", tag)
        assert not regex.search(r"[#＃\s&/]", tag)


@given(st.lists(st.text(string.ascii_letters + "é日", min_size=1, max_size=8), max_size=6))
def test_tags_between_blanks_are_all_found(tags: list[str]) -> None:
    assert find_hashtags(" ".join(f"#{tag}" for tag in tags)) == tags
    assert parse_list(repr(tags)) == tags


@pytest.mark.parametrize(
    "text",
    [
        *("#" * 100_000, "#_" * 50_000, "a." * 50_000 + "/#a", "(#a)" * 25_000 + "/"),
        *("[" * 100_000, "http://x/ ,#a" + "a.\u0301" * 33_000, "x/ ,#a " + "k.हि" * 23_000),
        *("x/ ,#a " + "日a.h-" * 19_000, "#a &#" + "1" * 99_000, "#a &#x" + "1" * 99_000),
    ],
)
def test_no_text_takes_long(text: str) -> None:
    started = time.process_time()
    find_hashtags(text)
    parse_list(text)
    assert time.process_time() - started < 5
