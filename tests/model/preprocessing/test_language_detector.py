"""The language of a text: told where it is clear, and not guessed where there is none."""

import pytest

from model.preprocessing.language_detector import detect_language


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("the trains are late again and nobody says why", "en"),
        ("ich kann es kaum erwarten, euch alle wiederzusehen", "de"),
        ("no puedo creer que ya se acabó el verano", "es"),
        ("je ne sais pas encore si je viendrai demain", "fr"),
        ("сегодня у меня отличное настроение", "ru"),
        ("сьогодні в мене чудовий настрій, дякую всім", "uk"),
        ("आज मैं बहुत खुश हूँ और सब अच्छा है", "hi"),
        ("今天天气真好我很开心", "zh"),
        ("今日はとても楽しかったです", "ja"),
        ("não acredito que perdemos o jogo outra vez", "pt"),
    ],
)
def test_clear_texts_are_told(text: str, code: str) -> None:
    assert detect_language(text) == code
    assert detect_language(f"@ada_l {text} https://t.co/a1B2 😀😀") == code


@pytest.mark.parametrize(
    "text", ["", " ", "12:30", "😀😀", "@ada https://t.co/x", "!!! ???", "lol"]
)
def test_texts_without_a_clear_language_have_none(text: str) -> None:
    assert detect_language(text) is None
