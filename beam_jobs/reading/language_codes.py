"""A language as programs name it, to its code: `eng`, `English` and `en` are one language."""

import re
from functools import lru_cache

_LANGUAGES = """
aa aar afar · ab abk abkhazian abkhaz · ae ave avestan · af afr afrikaans · ak aka akan
am amh amharic · an arg aragonese · ar ara arb arabic · as asm assamese · av ava avaric
ay aym aymara · az aze azj azerbaijani · ba bak bashkir · be bel belarusian · bg bul bulgarian
bi bis bislama · bm bam bambara · bn ben bengali bangla · bo bod tib tibetan · br bre breton
bs bos bosnian · ca cat catalan valencian · ce che chechen · ch cha chamorro · co cos corsican
cr cre cree · cs ces cze czech · cu chu church_slavic · cv chv chuvash · cy cym wel welsh
da dan danish · de deu ger german · dv div divehi dhivehi maldivian · dz dzo dzongkha · ee ewe ewe
el ell gre greek modern_greek · en eng english · eo epo esperanto · es spa spanish castilian
et est ekk estonian · eu eus baq basque · fa fas per pes persian farsi · ff ful fulah fula
fi fin finnish · fj fij fijian · fo fao faroese · fr fra fre french
fy fry western_frisian frisian · ga gle irish · gd gla scottish_gaelic · gl glg galician
gn grn guarani · gu guj gujarati · gv glv manx · ha hau hausa · he heb hebrew · hi hin hindi
ho hmo hiri_motu · hr hrv croatian · ht hat haitian haitian_creole · hu hun hungarian
hy hye arm armenian · hz her herero · ia ina interlingua · id ind indonesian · ie ile interlingue
ig ibo igbo · ii iii sichuan_yi · ik ipk inupiaq · io ido ido · is isl ice icelandic
it ita italian · iu iku inuktitut · ja jpn japanese · jv jav javanese · ka kat geo georgian
kg kon kongo · ki kik kikuyu · kj kua kuanyama · kk kaz kazakh · kl kal kalaallisut greenlandic
km khm khmer · kn kan kannada · ko kor korean · kr kau kanuri · ks kas kashmiri · ku kur kurdish
kv kom komi · kw cor cornish · ky kir kyrgyz kirghiz · la lat latin · lb ltz luxembourgish
lg lug ganda luganda · li lim limburgish limburgan · ln lin lingala · lo lao lao
lt lit lithuanian · lu lub luba-katanga · lv lav lvs latvian · mg mlg malagasy
mh mah marshallese · mi mri mao maori · mk mkd mac macedonian · ml mal malayalam
mn mon khk mongolian · mr mar marathi · ms msa may zsm malay · mt mlt maltese
my mya bur burmese myanmar · na nau nauru · nb nob norwegian_bokmål · nd nde north_ndebele
ne nep npi nepali · ng ndo ndonga · nl nld dut dutch flemish · nn nno norwegian_nynorsk nynorsk
no nor norwegian · nr nbl south_ndebele · nv nav navajo · ny nya chichewa nyanja · oc oci occitan
oj oji ojibwa · om orm oromo · or ori ory odia oriya · os oss ossetian · pa pan punjabi panjabi
pi pli pali · pl pol polish · ps pus pashto pushto · pt por portuguese · qu que quechua
rm roh romansh · rn run rundi kirundi · ro ron rum romanian moldavian moldovan · ru rus russian
rw kin kinyarwanda · sa san sanskrit · sc srd sardinian · sd snd sindhi · se sme northern_sami
sg sag sango · si sin sinhala sinhalese · sk slk slo slovak · sl slv slovenian slovene
sm smo samoan · sn sna shona · so som somali · sq sqi alb albanian · sr srp serbian
ss ssw swati swazi · st sot southern_sotho sotho · su sun sundanese · sv swe swedish
sw swa swh swahili · ta tam tamil · te tel telugu · tg tgk tajik · th tha thai · ti tir tigrinya
tk tuk turkmen · tl tgl tagalog · tn tsn tswana setswana · to ton tonga tongan · tr tur turkish
ts tso tsonga · tt tat tatar · tw twi twi · ty tah tahitian · ug uig uyghur uighur
uk ukr ukrainian · ur urd urdu · uz uzb uzn uzbek · ve ven venda · vi vie vietnamese
vo vol volapük · wa wln walloon · wo wol wolof · xh xho xhosa · yi yid yiddish · yo yor yoruba
za zha zhuang · zh zho chi cmn chinese mandarin mandarin_chinese · zu zul zulu · ceb cebuano
fil filipino pilipino · haw hawaiian · pcm nigerian_pidgin · yue cantonese
"""
"""Of each language: its code in ISO 639-1 (in 639-3, where it has none), those of 639-2 and 639-3,
and English names. Of codes for a part of a language, those that programs write for the whole."""
_CODES = {
    name.replace("_", " "): code
    for row in _LANGUAGES.replace("·", "\n").strip().splitlines()
    for code, *names in [row.split()]
    for name in names
}
_NO_LANGUAGES = frozenset({"", "nan", "none", "null", "<na>"})
"""What programs write where they have none; of Min Nan, whose code is `nan`, few posts are."""
_SUBTAGS = re.compile(r"[-_]")


@lru_cache(maxsize=1024)
def language_code(name: str) -> str | None:
    """Returns the shortest code of a language; what is not known as it is, and None of none.

    >>> [language_code(name) for name in ("eng", "English", "en", "nan", " ")]
    ['en', 'en', 'en', None, None]
    >>> [language_code(name) for name in ("pt-BR", "zho_Hant", "Chinese (Simplified)", "und")]
    ['pt-BR', 'zh_Hant', 'zh', 'und']
    """
    bare = name.strip()
    known = bare.casefold()
    if known in _NO_LANGUAGES:
        return None
    if code := _CODES.get(known.partition("(")[0].rstrip()):
        return code
    head = _SUBTAGS.split(known, maxsplit=1)[0]
    # Of a longer tag the first part alone is the language: of `spa-MX` Spanish.
    return _CODES[head] + bare[len(head) :] if len(head) == 3 and head in _CODES else bare
