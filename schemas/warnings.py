"""What of a labelled item was not understood: codes of a fixed list, and what each means."""

from enum import StrEnum


class WarningCode(StrEnum):
    """What could not be made out of an item that was labelled all the same."""

    CREATED_AT_UNREAD = "created_at_unread"
    AUTHOR_ID_UNREAD = "author_id_unread"
    LANG_UNREAD = "lang_unread"
    HASHTAGS_UNREAD = "hashtags_unread"
    REPOST_OF_UNREAD = "repost_of_unread"
    ORIGINAL_UNREAD = "original_unread"
    KEPT_FIELD_UNREAD = "kept_field_unread"
    TEXT_CUT = "text_cut"
    ID_ROUNDED = "id_rounded"
    LANGUAGE_NOT_LEARNED = "language_not_learned"
    CLIP_CUT_SHORT = "clip_cut_short"
    CLIP_END_UNMARKED = "clip_end_unmarked"


WARNING_MEANINGS: dict[WarningCode, str] = {
    WarningCode.CREATED_AT_UNREAD: "created_at is no time that can be told; it is null",
    WarningCode.AUTHOR_ID_UNREAD: "the author's id is of a wrong type, too long or rounded; it is "
    "null",
    WarningCode.LANG_UNREAD: "lang is of a wrong type or too long; it is null",
    WarningCode.HASHTAGS_UNREAD: "some hashtags are no texts, too long or too many; they are left "
    "out",
    WarningCode.REPOST_OF_UNREAD: "the id of the post that is reposted is of a wrong type or "
    "rounded; it is null",
    WarningCode.ORIGINAL_UNREAD: "the text of the post that is reposted is of a wrong type, too "
    "long or deleted; the repost's own is scored",
    WarningCode.KEPT_FIELD_UNREAD: "a field that --keep names is too long, or may show "
    "what the run hides; it is null",
    WarningCode.TEXT_CUT: "a program has cut the text, and the file has not the whole",
    WarningCode.ID_ROUNDED: "the id has zeros from its 16th digit on, as a spreadsheet rounds it",
    WarningCode.LANGUAGE_NOT_LEARNED: "the text is in a language that the model has not learned",
    WarningCode.CLIP_CUT_SHORT: "up to 2 % and 0.5 s of the clip are missing",
    WarningCode.CLIP_END_UNMARKED: "the clip's stream has no last page: nobody can tell whether it "
    "is whole",
}


def meaning_of_warning(code: str) -> str:
    """Returns what a code means; nothing for one that this version does not know.

    >>> meaning_of_warning("lang_unread"), meaning_of_warning("of another version")
    ('lang is of a wrong type or too long; it is null', '')
    """
    return WARNING_MEANINGS[WarningCode(code)] if code in set(WarningCode) else ""
