"""What personal data looks like: patterns, the words beside them, and invented names. The rules that use them are in
`trainer.data.personal`."""

import ipaddress
import re
from collections.abc import Callable
from typing import NamedTuple

from stdnum.cn import ric
from stdnum.de import idnr
from stdnum.es import dni
from stdnum.fr import nir
from stdnum.gb import nhs
from stdnum.it import codicefiscale
from stdnum.nl import bsn
from stdnum.us import ssn

# Python counts Chinese characters as letters and full-width figures as digits: 电话13800138000 begins a number.
BEFORE = r"(?<![0-9A-Za-z_])(?<![0-9][.-])"
AFTER = r"(?![0-9A-Za-z_])(?![.-][0-9])"
LATIN = "0-9A-Za-zÀ-ÖØ-öø-ɏ"
HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff]")

EMAIL = re.compile(
    rf"(?<![{LATIN}._%+@-])[{LATIN}_][{LATIN}._%+'-]{{0,63}}@(?:[{LATIN}-]{{1,63}}\.){{1,8}}([A-Za-z]{{2,24}})(?![{LATIN}_@])"
)
FILE_ENDS = frozenset({"png", "jpg", "jpeg", "gif", "webp", "svg", "css", "js", "json", "html"})
"""logo@2x.png is a file."""
MADE_EMAIL = re.compile(r"person-[0-9a-f]{8}@example\.com")

IBAN = re.compile(rf"{BEFORE}(?=([A-Za-z]{{2}}[0-9]{{2}}(?:[ \u00a0-]?[0-9A-Za-z]){{11,30}}))")
"""Looked ahead for, since words before one may look like its beginning."""
CARD = re.compile(
    rf"{BEFORE}(?:[0-9]{{13,19}}|[0-9]{{4}}([ -])[0-9]{{4}}\1[0-9]{{4}}\1[0-9]{{1,4}}(?:\1[0-9]{{1,3}})?|[0-9]{{4}}([ -])[0-9]{{6}}\2[0-9]{{4,5}}){AFTER}"
)
ISSUED = (
    ("4", (13, 16, 19)),
    ("5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", (16,)),
    ("3[47]", (15,)),
    ("30[0-5]|3[689]", (14, 15, 16, 17, 18, 19)),
    ("6011|64[4-9]|65|62|352[89]|35[3-8]", (16, 17, 18, 19)),
    ("5018|5020|5038|6304|6759|676[1-3]", (13, 14, 15, 16, 17, 18, 19)),
)
"""Visa, Mastercard, American Express, Diners, Discover with UnionPay and JCB, Maestro: first digits and lengths."""
ISSUERS = tuple((re.compile(first), frozenset(lengths)) for first, lengths in ISSUED)

IP = re.compile(
    r"(?<![0-9A-Za-z_.])(?<![0-9A-Za-z]/)(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9A-Za-z_]|\.[0-9])"
    r"|(?<![0-9A-Za-z_:.])[0-9A-Fa-f]{1,4}(?:::?[0-9A-Fa-f]{1,4}){1,7}(?:::)?(?![0-9A-Za-z_:])"
)
HOSTS = tuple(map(ipaddress.IPv6Network, ("2000::/3", "fc00::/7", "fe80::/10")))
IP_WORD = re.compile(r"\b(?:ip|ipv4|ipv6|host|address|addr)\b|地址", re.I)
VERSION_WORD = re.compile(r"(?:\bv|\bver|version|release|build|firmware|driver|section|chapter|§|版本)[\s.:=]*$", re.I)

PHONE = re.compile(
    rf"(?<![$€£¥￥#])(?:(?<![0-9A-Za-z_])(?P<abroad>(?:\+|{BEFORE}00)[1-9](?:[ \u00a0./()-]{{0,3}}[0-9]){{6,14}})"
    rf"|{BEFORE}(?:(?P<us>(?:1[ .-])?(?:\([2-9][0-9]{{2}}\)[ .-]?|[2-9][0-9]{{2}}[ .-])[2-9][0-9]{{2}}[ .-][0-9]{{4}})"
    r"|(?P<cn>1[3-9][0-9](?:[ -]?[0-9]{4}){2})"
    r"|(?P<trunk>\(?0[1-9][0-9]{0,4}(?:\)|(?:[ \u00a0./-]{0,3}[0-9]))(?:[ \u00a0./-]{0,3}[0-9]){5,9})"
    rf"|(?P<bare>[0-9]{{9,11}}))){AFTER}"
)
PHONE_COLUMN = re.compile(
    r"\b(?:tele)?(?:phones?|fax)\b|\b(?:mobile|cell|tel|tél|whatsapp|handy|telefon|mobil|téléphone|portable)\b|电话|手机|联系方式",
    re.I,
)
PHONE_WORD = re.compile(PHONE_COLUMN.pattern + r"|\b(?:call|ring|rang|anrufen|appelez)\b|致电|拨打", re.I)
NO_PHONE_WORD = re.compile(
    r"(?:order|invoice|ref|reference|ticket|serial|sku|isbn|account|model|\bid|订单号?|单号|编号|发票号?)(?: (?:no|number|nr))?[\s.:#=-]*$",
    re.I,
)
DATE = re.compile(r"[0-9]{1,2}([ ./-])[0-9]{1,2}\1(?:19|20)[0-9]{2}(?![0-9])|(?:19|20)[0-9]{2}([./-])[0-9]{1,2}\2")
REGIONS = ("CN", "US", "GB", "DE", "FR")
LANGUAGES = {
    "CN": HAN,
    "DE": re.compile(r"[äöüÄÖÜß]|\b(?:und|ist|nicht|bitte|straße|ich)\b"),
    "FR": re.compile(r"[éèàçêôûœ]|\b(?:est|vous|les|pour|une|bonjour)\b"),
}
"""What a glance must show for a region to be tried, and first, without its country code or a word like “phone”."""


class Rule(NamedTuple):
    """National numbers; without words they are looked for everywhere, else beside one of the words or in a column so named."""

    words: tuple[str, ...]
    context: "re.Pattern[str]"
    shape: "re.Pattern[str]"
    valid: Callable[[str], bool]


def rule(words: str, shape: str, valid: Callable[[str], bool]) -> Rule:
    context = re.compile(rf"\b(?:{words})\b", re.I)
    return Rule(tuple(words.split("|")), context, re.compile(BEFORE + shape + AFTER, re.I), valid)


BORN = "[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9X]"
ALWAYS = (
    rule("", BORN, ric.is_valid),
    rule("", "[0-9]{3}-[0-9]{2}-[0-9]{4}", ssn.is_valid),
)
"""A Chinese number proves itself by date, place and check digit; 123-45-6789 is how an American one is written."""
GERMAN_ID = "idnr|steuer id|steuer-id|steueridnr|steuer-idnr|steueridentifikationsnummer|steuer-identifikationsnummer"
FRENCH_ID = "nir|insee|sécurité sociale|securite sociale|numéro de sécu|numero de secu"
ITALIAN_ID = "[A-Z]{6}[0-9L-NP-V]{2}[A-Z][0-9L-NP-V]{2}[A-Z][0-9L-NP-V]{3}[A-Z]"
ASKED = {
    "us": rule("ssn|social security", "[0-9]{3}[ -]?[0-9]{2}[ -]?[0-9]{4}", ssn.is_valid),
    "gb": rule("nhs", "[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}", nhs.is_valid),
    "de": rule(GERMAN_ID, "[0-9]{2}(?: ?[0-9]{3}){3}", idnr.is_valid),
    "fr": rule(FRENCH_ID, "[12](?: ?[0-9AB]){12}(?: ?[0-9]{2})", nir.is_valid),
    "es": rule("dni|nif", "[0-9]{8}[ -]?[A-Z]", dni.is_valid),
    "it": rule("codice fiscale|codicefiscale", ITALIAN_ID, codicefiscale.is_valid),
    "nl": rule("bsn|burgerservicenummer", r"(?:[0-9]{9}|[0-9]{4}[. ][0-9]{2}[. ][0-9]{3})", bsn.is_valid),
}
ASKED_WORDS = tuple(word for rule in ASKED.values() for word in rule.words)

NAMES = {
    "full": "name|names|full name|fullname|person|person name|customer name|client name|contact name|contact person|"
    "patient name|employee name|student name|nombre|nombre completo|nom|nom complet|nome|naam|фио|姓名|名字|客户姓名|联系人|氏名",
    "first": "first name|firstname|given name|forename|fname|vorname|prénom|prenom|имя",
    "last": "last name|lastname|surname|family name|lname|nachname|apellido|apellidos|cognome|nom de famille|фамилия",
}
NAME_COLUMNS = {title: part for part, titles in NAMES.items() for title in titles.split("|")}
VAGUE = frozenset({"name", "names", "nom", "nome", "nombre", "naam", "名字"})
"""May name products, too: only a column of which nearly every cell looks like a person counts."""
LETTER = r"[^\W\d_]"
CAPITAL = "[A-ZÀ-ÖØ-ÞĀČĐĘŁŃŚŠŹŻŽА-Я]"
WORD = rf"{CAPITAL}{LETTER}*(?:['’-]{LETTER}+)*"
TITLES = "(?:Mrs?|Ms|Mx|Dr|Prof|Mme|Mlle)"
INITIALS = rf"(?:{CAPITAL}\. ?){{0,3}}"
BEGINS = "And|But|Or|So|The|This|That|These|It|He|She|We|You|They|I|My|Our|Your|If|In|On|At|As|For|To|When|What|Why|How|Please|Can|Could|Is|Are|Was|No|Not|Yes|Et|Mais|Le|La|Les"
"""Words that begin a sentence, and are not names: “… should be Ms. And the street …”."""
TITLE = re.compile(rf"\b{TITLES}\.?[ \u00a0]+(?!(?:{BEGINS})\b(?!\.))({INITIALS}{WORD}(?: {INITIALS}{WORD})?)")
"""No “Frau” and “Herr”: as often as not they are a woman and a man."""
PERSON = re.compile(rf"[\"'(]?{LETTER}+(?:[ .,'’\"()/-]{{1,3}}{LETTER}+){{0,11}}[.)\"']{{0,2}}")
SURNAMES = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林郑谢罗梁宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方"
    "白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤温康施文牛樊葛邢安齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷盛曲翁冉骆蓝路游辛靳欧管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜冷晏席卫米柏宗瞿桂全佟应臧闵苟邬边卞姬师和仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟邝"
)
CHINESE = re.compile(rf"(?:欧阳|司马|上官|诸葛|司徒|东方|皇甫|尉迟|公孙|慕容|令狐|[{SURNAMES}])[\u4e00-\u9fff]{{1,2}}")
MADE_NAMES = {
    "first": "Arvelle Belisa Corvan Darinda Elvaro Fennic Galiane Hesper Idrion Jorvan Kaleva Lorwin Mirelo Nevane Orlis "
    "Perowen Quillan Rosmar Selwen Tavish Ulvena Verrin Wendrel Ysolde",
    "last": "Aldermoor Birchwell Cloverby Dunmarsh Elmstowe Fernwicke Glenhollow Heathcombe Ivorfield Juniperley Kestrelby "
    "Larkmoor Mossgate Nettleham Oakenby Pinecombe Quarrymead Rushwell Stonebeck Thistleby Underhay Vinehollow "
    "Willowmarch Yarrowdale",
}
"""Invented, so that a stand-in is told from a person."""
MADE = {part: tuple(names.split()) for part, names in MADE_NAMES.items()}
MADE_WORDS = frozenset(MADE["first"] + MADE["last"])
MADE_SURNAMES, STEMS = "赵钱孙李周吴郑王冯陈", "甲乙丙丁戊己庚辛壬癸"
MADE_CHINESE = re.compile(f"[{MADE_SURNAMES}]某[{STEMS}]")

# In the syntax of RE2, which Arrow uses: it knows no look-around, so these let too much through, never too little.
WIDE_FORMS = str.maketrans("０１２３４５６７８９＋－（）．／＠\u3000", "0123456789+-()./@ ")
"""Digits and signs as Chinese and Japanese keyboards write them, one for one, so that places stay what they are."""
WIDE = "[０-９＠]"
"""One of these stands in whatever only WIDE_FORMS makes a find."""
PREFILTERS = {
    "email": r"@[^\s@]+\.[A-Za-z]",
    "iban": r"[A-Za-z]{2}[0-9]{2}(?:[ \x{a0}-]?[0-9A-Za-z]){11}",
    "id": rf"[1-9][0-9]{{16}}[0-9Xx]|[0-9]{{3}}-[0-9]{{2}}-[0-9]{{4}}|(?i:{'|'.join(ASKED_WORDS)})",
    "card": r"[0-9](?:[ -]?[0-9]){12}",
    "ip": r"[0-9]\.[0-9]{1,3}\.[0-9]{1,3}\.[0-9]|[0-9A-Fa-f]:[0-9A-Fa-f:]*:",
    "phone": r"[0-9](?:[ ().\x{a0}/-]{0,4}[0-9]){6}",
    "name": rf"{TITLES}\.?[ \x{{a0}}]+\p{{Lu}}",
}
