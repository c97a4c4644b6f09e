"""spaCy's DocBin is read without spaCy: files that spaCy 3.8.18 wrote, and files that it would not read."""

import base64
import json
import zlib
from pathlib import Path
from typing import Any

import pytest

from tests.trainer.data_files import zipped
from tests.trainer.test_data_uploads import rows_of
from trainer.data.inspect import inspect
from trainer.data.tables.docbin import hash_of, is_docbin
from trainer.data.tables.msgpack import MAX_DEPTH, unpack
from trainer.errors import DataError

# Twelve documents with ents and cats ("📦 Order 0 of Müller AG left Oslo , mark it _"), one that nobody has looked at, and one made of
# words without blanks, in which there is nothing.
ENTITIES = base64.b85decode(
    "c%1E<e@v8h9LKqk#Ylq21clVJG#P4~N>C|`A9})ZUV>7}IQ9q+ch?=yW6$#(Vr_&$t4x^ALfhoxIiBZkqiZNga#Udaa2itC5?WD>EF}wMu92gk4?KQrv}="
    "!kx9{!dzOQljX5aff-}iIRGhW9(_o}OmWLPszHO8-2iv-6pY<+5aW|lTvw?+TtfU0*u)i<Cz<K$=yNwIy&E2=Mibs-|<#v+gb3f%QS>nergwrbDbJFlj4>"
    "8eZ5+fQECzYE)=#4DSR#SR7+gn&fV)9KlMW@JP=7bL2lb@dmQnA)wAeYp)?6S_;smF5F)<_k(U<Ub_L4=?{QqGixC7Fy+LFP~7F2ixCn&v^1FZi%rr5v0;"
    "Q>~&Lfy11wNT4SCaQM(O;*T<CR!F8+3d@9P&w*K_3_IM(rU#l7W{XvjQ^RVy7rJ9|ndLEuXHuvL*1+^ei^_*4BPE<X2n%{~RexhBurav1bsvckYEjllBXx"
    "`x?b#bH7>R%0$Zz#=UzsX>~!GZne9e?p#ttO}`@}s8DK%(mLmEU3)kvon&@cKQ=ySpE+J^#?pO7qxnGT3i$V840CU;OsrH$%d)3_~zTR6V}(+h6(1_Ujtm"
    "AqgKWvpiFC`6s1$>^B+gH#o50yyGu^E8Ek1F{`6s6eOx1U-|7oL+wy{jOUO1=75N_)4BI6&11jGV86kE{pKBi@mq%F^C<qMz=a@D_4vwf*6I`d7w6oav0+"
    "ye@~OoMO7qxnGT3i$V840CU;H+)Np-Miz3V7QR6V}(TUb+j#fr{D`wlI?`?-QIgCdpYvEO8{-{8Q0^NzpxEx6t=9`?wpr65uD_{wjQ8T4@S`CmNzDR*B~o"
    "?D|dkNqZt{RRj2n|J)hZ}y67abk6#1|+H;U-_*=y>_&@t6BWP^u)K?Qu8}X^Vn}P*l%!Pzj?=B{FcVIX1shnc>zdNJ-+hWxVv@gN=Ti(^3R}i?``V-O=%w"
    "cO$Pf74(vDY_>13m@{6-OCKB^OqUyolUx4eueuD%14URj_Z(Up49baE7j|GXU2Y-J7t_S-K4(vBLGK?o9<83z*K|*e$=(o$Z&d@1G&V3+Zdz7dc%bYBlbD"
    "#<&s-BYI6C1+!U*$of>e0p3)qMJWOAJU<J=&}(!{in9Fi53&*v~m%`5<NWcaFUq!aG5t>aj3wJCD}11%X7><79UeMI_t%rs`h;{N?wVCzq9^jGT$>O`86&"
    "zn#bQMVli%Tr9_!DI+@^kkr7h<l}j@Lmlr>tNAtjT7Dg$z(2|-@=5$-j#Q19#t>Aoke<11hq%!yH4B?<Mq1P|gpCuj%~Y{V*Ym!#&NS+CG@_m<CK*A`T4_"
    "PgakQ9QYUWI0E=QUvA&+DTzR*D!9Rw%tn%-3;r#Eag5v*V$8B#DwJ3GvrXqnmEN|s1ZQiIb<(-yK=C?yz+t5j}tQuHpmc(041Ig|8G9CV3D&vet%-L%v#u"
    "p~)|?92(UGbbQTvO<}37Q)0^hn+$Z!Ljxio!fIX8@Fuh2e)5HPtDf#r`-Iv<DZwog8VWV#z(^(U0ErXSP3I*-`67D`a&CJq3AtSq5OB(jTdJx_Pi}6RcK^"
    "r+iuq0t2%g#KYs&$QsaC"
)
# Twelve documents with passages in doc.spans["sc"] ("parcel 0 is late in Oslo": THING, CITY); attrs: ORTH and ENT_IOB.
PASSAGES = base64.b85decode(
    "c%188UY1%^oSC1u*g(&4X<|u9QSl^4-(@BF*{ONOM_C#+tlw)JCYLyY0SY=i=4f8yh~<Luop!ttPbrJghw-}&Cv=vqc$Ey}CvUnvS$E$WO&H&>#8*4w=w@"
    "jcAKm<9+4J5yMyGvfWqzMK>ngERt1i*X{Db$dFPY;K$3ZLe%gT>j_1YEtf>!3cWM2_q*vc$REAv0NF-|yavwQ}v%;%UJ_l{p*SBX~U&#QZ{y|jhdomS>ME"
    "!^zVzQInCR^~@7l=s>7!91E)=I;;OvFPsm3b=Yo&0khrkeHlWe8hth1Q;kMm*=GBrI%zBA2DD98czydUR+X?nU`LChe33~LW6~diwq4G85%A$T4=n`WTEL"
    "ovxVjhEf!iXarO*}T;gAxlfN{?!_&`wQD)wv%;F_Ei6yB^@`0ku3KENwQ*)LiCzce?X+Q!?({d8ii{~_M%1A7ZFU`x&%P-H1hxq=`2oYQjr1Rp_i}Fhgis"
    "u|DYCMwNyd*C%H+4~QGNfv1SPD{6Jn4uA0~(kYSyicdCgVAj%LJu4FjXF~*%~Jv?%51vvO;541c)Uj0&N+!bJWgJJ4fxLx}BUv*(nOdk^^NY09ecT#s"
)


def read(data: bytes, place: Path, name: str = "train.spacy") -> tuple[dict[str, Any], list[dict[str, Any]]]:
    (place / name).write_bytes(data)
    result = inspect([place / name], place / "v1")
    return result, rows_of(place / "v1")


def test_entities_and_categories(tmp_path: Path) -> None:
    result, rows = read(ENTITIES, tmp_path)
    assert (result["rows"], result["suggestion"]["task"]) == (13, "token-classification")
    assert (result["source"][0]["format"], result["source"][0]["export"]) == ("docbin", "spacy")
    assert json.loads(rows[0]["tokens"]) == [
        "📦",
        "Order",
        "0",
        "of",
        "Müller",
        "AG",
        "left",
        "Oslo",
        ",",
        "mark",
        "it",
        "_",
    ]
    assert json.loads(rows[0]["tags"]) == ["O", "O", "O", "O", "B-ORG", "I-ORG", "O", "B-CITY", "O", "O", "O", "O"]
    assert [row["label"] for row in rows[:3]] == ["CALM", "URGENT", "CALM"]
    assert rows[12]["text"] == "seen , nothing here"
    assert [(entry["reason"], entry["count"]) for entry in result["left_out"]] == [("unlabelled", 1)]


def test_passages_that_may_overlap(tmp_path: Path) -> None:
    _result, rows = read(PASSAGES, tmp_path)
    assert json.loads(rows[1]["tags"]) == ["B-THING", "I-THING", "O", "O", "O", "B-CITY"]


def test_train_and_dev_are_a_split(tmp_path: Path) -> None:
    place = zipped(tmp_path / "corpus.zip", {"corpus/train.spacy": ENTITIES, "corpus/dev.spacy": PASSAGES})
    result = inspect([place], tmp_path / "v1")
    assert (result["rows"], result["split"]["validation"], result["split"]["given"]) == (25, 12, True)


def test_a_docbin_by_another_name(tmp_path: Path) -> None:
    assert is_docbin(ENTITIES)
    assert not is_docbin(zlib.compress(b"text,label"))
    assert read(ENTITIES, tmp_path, "corpus.bin")[0]["rows"] == 13


def test_words_that_no_string_explains_are_told(tmp_path: Path) -> None:
    lost = zlib.compress(zlib.decompress(ENTITIES).replace(b"\xa7M\xc3\xbcller", b"\xa7M\xc3\xa4ller"))
    result, rows = read(lost, tmp_path)
    assert (len(rows), {entry["reason"]: entry["count"] for entry in result["left_out"]}) == (
        11,
        {"unlabelled": 1, "unreadable": 2},
    )


@pytest.mark.parametrize(
    "data",
    [
        b"x\x9c" + bytes(200),
        ENTITIES[:-20],
        zlib.compress(b"\x81\xa5attrs\x91\x41"),
        zlib.compress(zlib.decompress(ENTITIES).replace(b"\xa7lengths", b"\xa7lengthz")),
        zlib.compress(zlib.decompress(ENTITIES) + b"\0"),
    ],
    ids=["zeros", "cut short", "attributes alone", "no lengths", "more behind"],
)
def test_what_spacy_would_not_read_is_said_with_what_to_do(data: bytes, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="DocBin") as refused:
        read(data, tmp_path)
    assert (refused.value.code, "JSON lines" in (refused.value.hint or "")) == ("damaged", True)


@pytest.mark.parametrize(
    ("data", "value"),
    [
        (b"\x82\xa1a\x07\xa1b\xe0", {"a": 7, "b": -32}),
        (b"\x94\xc0\xc2\xc3\xcb\x3f\xf8" + bytes(6), (None, False, True, 1.5)),
        (b"\x93\xcd\x01\x00\xd1\xff\xfe\xc4\x02ab", (256, -2, b"ab")),
        (b"\xdc\x00\x01\xd9\x03\xe4\xb8\xad", ("中",)),
    ],
)
def test_messagepack(data: bytes, value: object) -> None:
    assert unpack(data) == value


@pytest.mark.parametrize(
    "data", [b"", b"\x92\x01", b"\xc6\xff\xff\xff\xff", b"\xc7\x01\x00\x00", b"\x81\x80\x00", b"\x91" * (MAX_DEPTH + 2) + b"\0", b"\xdd\xff\xff\xff\xff"]
)  # fmt: skip
def test_what_is_no_messagepack_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        unpack(data)


@pytest.mark.parametrize(
    ("text", "number"),
    [("Müller", 17756770188198780212), ("a", 11901859001352538922), ("order number one", 283135302199036193)],
)
def test_hashes_are_those_of_spacy(text: str, number: int) -> None:
    """As `StringStore.add` of spaCy 3.8.18 gives them."""
    assert hash_of(text) == number
