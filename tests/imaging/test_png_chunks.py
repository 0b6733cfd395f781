"""PNG chunks as bytes: found by structure, text read and put in, cut files refused."""

import io
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from graphrun import PictureError
from graphrun.imaging import check_png, insert_text, is_keyword, png_chunk, png_size, read_text
from graphrun.imaging.png import LONG_TEXT, MAX_CHUNKS, MAX_TEXT, SIGNATURE, chunks, pixel_chunks

keywords = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=79)


def chunk(kind: bytes, body: bytes, *, crc: int | None = None) -> bytes:
    checksum = zlib.crc32(kind + body) if crc is None else crc
    return len(body).to_bytes(4, "big") + kind + body + checksum.to_bytes(4, "big")


def header(width: int = 3, height: int = 2) -> bytes:
    return chunk(b"IHDR", width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x00\x00\x00\x00")


PIXELS = chunk(b"IDAT", zlib.compress(b"\0abc\0def"))
END = chunk(b"IEND", b"")
WHOLE = SIGNATURE + header() + PIXELS + END


def png(*between: bytes, after: bytes = b"") -> bytes:
    return SIGNATURE + header() + b"".join(between) + PIXELS + after + END


def kinds(data: bytes) -> list[bytes]:
    return [found.kind for found in chunks(data)]


def test_text_stands_between_header_and_pixels() -> None:
    """Inserted texts come first, in their order, as readers that stop at the pixels need it."""
    data = insert_text(WHOLE, {"prompt": "{}", "workflow": "[]"})
    assert kinds(data) == [b"IHDR", b"tEXt", b"tEXt", b"IDAT", b"IEND"]
    assert list(read_text(data).items()) == [("prompt", "{}"), ("workflow", "[]")]


def test_pillow_reads_what_was_inserted() -> None:
    """Checksums and lengths are right: a strict reader sees the texts and the pixels."""
    with Image.open(io.BytesIO(insert_text(WHOLE, {"a": "x", "b": "grün"}))) as picture:
        assert picture.text == {"a": "x", "b": "grün"}
        assert picture.tobytes() == b"abcdef"


@given(st.dictionaries(keywords, st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))))
def test_inserted_text_is_read_back(texts: dict[str, str]) -> None:
    """What was put in comes out, and inserting it again changes nothing."""
    data = insert_text(WHOLE, texts)
    assert read_text(data) == texts
    assert insert_text(data, texts) == data


def test_everything_else_stays_byte_for_byte() -> None:
    """Only texts of the same keyword go, wherever they stand; wrong checksums and trailing bytes stay."""
    kept = chunk(b"tEXt", b"author\0me", crc=7)
    replaced = [
        chunk(b"tEXt", b"prompt\0old"),
        chunk(b"zTXt", b"prompt\0\0old"),
        chunk(b"iTXt", b"prompt\0\0\0\0\0old"),
    ]
    data = png(replaced[0], kept, replaced[1], after=replaced[2]) + b"trailing"
    bare = png(kept) + b"trailing"
    assert insert_text(data, {"prompt": "new"}) == insert_text(bare, {"prompt": "new"})
    assert insert_text(data, {"prompt": "new"}).replace(chunk(b"tEXt", b"prompt\0new"), b"") == bare


def test_no_text_changes_nothing() -> None:
    """Without texts the file stays as it is."""
    assert insert_text(WHOLE, {}) == WHOLE


@pytest.mark.parametrize("keyword", ["", "x" * 80, "a\0b", "kanji 漢"])
def test_a_name_that_is_no_keyword_is_refused(keyword: str) -> None:
    """A PNG can't carry a text under such a name."""
    assert not is_keyword(keyword)
    with pytest.raises(ValueError, match="can't name a text"):
        insert_text(WHOLE, {keyword: "x"})


@pytest.mark.parametrize(
    ("stored", "text"),
    [
        (chunk(b"tEXt", "k\0grün".encode()), "grün"),
        (chunk(b"tEXt", "k\0grün".encode("latin-1")), "grün"),
        (chunk(b"tEXt", b"k\0wrong checksum", crc=1), "wrong checksum"),
        (chunk(b"zTXt", b"k\0\0" + zlib.compress(b"packed")), "packed"),
        (chunk(b"iTXt", "k\0\0\0en\0kéy\0text".encode()), "text"),
        (chunk(b"iTXt", b"k\0\1\0\0\0" + zlib.compress("größe".encode())), "größe"),
        (chunk(b"comf", b"k\0{}"), "{}"),
    ],
)
def test_every_kind_of_text_is_read(stored: bytes, text: str) -> None:
    """Before the pixels or behind them."""
    assert read_text(png(stored)) == {"k": text}
    assert read_text(png(after=stored)) == {"k": text}


def test_the_first_text_of_a_keyword_wins() -> None:
    """A second one under the same name is left out."""
    assert read_text(png(chunk(b"tEXt", b"k\0one"), chunk(b"tEXt", b"k\0two"))) == {"k": "one"}


def test_texts_that_cannot_be_unpacked_are_left_out() -> None:
    """Damaged or enormous packed texts don't hide the others."""
    bomb = zlib.compress(bytes(MAX_TEXT + 1))
    data = png(chunk(b"zTXt", b"a\0\0junk"), chunk(b"zTXt", b"b\0\0" + bomb), chunk(b"tEXt", b"c\0ok"))
    assert read_text(data) == {"c": "ok"}


def test_packed_texts_share_one_limit() -> None:
    """A thousand small bombs are as bad as a large one; plain texts are read all the same."""
    half = zlib.compress(bytes(MAX_TEXT // 2 + 1))
    data = png(*(chunk(b"zTXt", bytes([65 + i]) + b"\0\0" + half) for i in range(20)), chunk(b"tEXt", b"z\0ok"))
    assert {keyword: len(text) for keyword, text in read_text(data).items()} == {"A": MAX_TEXT // 2 + 1, "z": 2}


def test_damaged_texts_count_by_what_they_might_have_held() -> None:
    """Nobody says how far unpacking came before it failed."""
    damaged = zlib.compress(bytes(MAX_TEXT))[:-4] + b"oops"
    data = png(chunk(b"zTXt", b"a\0\0" + damaged), chunk(b"zTXt", b"b\0\0" + zlib.compress(b"late")))
    assert read_text(data) == {}


def test_only_the_wanted_texts_are_read() -> None:
    """Others aren't even unpacked."""
    data = png(
        chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(MAX_TEXT))), chunk(b"zTXt", b"b\0\0" + zlib.compress(b"x"))
    )
    assert read_text(data, ["b"]) == {"b": "x"}


def test_texts_of_a_cut_file_are_read() -> None:
    """What came before the cut is there; a length beyond the end of the file isn't believed."""
    whole = png(chunk(b"tEXt", b"a\0one"), chunk(b"tEXt", b"b\0two"))
    assert read_text(whole[: whole.index(b"two") + 1]) == {"a": "one"}
    assert read_text(SIGNATURE + header() + b"\xff\xff\xff\xfftEXtk\0text") == {}


def test_pixel_chunks_are_those_that_pixels_depend_on() -> None:
    """Texts, profiles and times go; transparency, orientation and animation stay where they are."""
    needed = png(*(chunk(kind, b"x") for kind in (b"PLTE", b"tRNS", b"eXIf", b"acTL")), after=chunk(b"fdAT", b"x"))
    assert pixel_chunks(needed) is needed
    assert pixel_chunks(png(chunk(b"iCCP", b"x"), chunk(b"tIME", b"x", crc=0), chunk(b"caBX", b"x"))) == WHOLE
    assert pixel_chunks(png(chunk(b"tEXt", b"a\0b"), after=chunk(b"zTXt", b"c\0\0d"))) == WHOLE
    assert pixel_chunks(WHOLE) is WHOLE


def test_texts_that_are_wanted_stay_with_the_pixels() -> None:
    """With a right checksum, unless it is long."""
    wanted = chunk(b"tEXt", b"keep\0this", crc=0)
    long = chunk(b"tEXt", b"long\0" + b"x" * (LONG_TEXT + 1))
    data = png(chunk(b"tEXt", b"a\0b"), wanted, long)
    assert pixel_chunks(data, texts=["keep", "long"]) == png(chunk(b"tEXt", b"keep\0this"))


def test_size_comes_from_the_header() -> None:
    """Width and height need the first 33 bytes only."""
    assert png_size(SIGNATURE + header(640, 480)) == (640, 480)


@pytest.mark.parametrize("data", [b"", b"GIF89a", SIGNATURE, SIGNATURE + header()[:-1], SIGNATURE + PIXELS])
def test_what_does_not_begin_as_a_png_is_refused(data: bytes) -> None:
    """Every function says so with the same error."""
    for function in (png_size, check_png, read_text, lambda png: insert_text(png, {"a": "b"})):
        with pytest.raises(PictureError, match="no PNG"):
            function(data)


@given(st.integers(0, len(WHOLE) - 1))
def test_a_png_cut_anywhere_is_refused(length: int) -> None:
    """Whatever is missing, be it one byte, is noticed without decoding."""
    check_png(WHOLE)
    with pytest.raises(PictureError):
        check_png(WHOLE[:length])


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (SIGNATURE + header(0, 5) + PIXELS + END, "0 × 5"),
        (SIGNATURE + header(20_000, 20_000) + PIXELS + END, "20000 × 20000 pixels"),
        (png(chunk(b"acTL", (10**8).to_bytes(4, "big") + bytes(4))), "× 100000000 frames"),
        (SIGNATURE + header() + END, "cut short"),
        (png(*[chunk(b"tEXt", b"k\0v")] * MAX_CHUNKS), "chunks"),
    ],
)
def test_impossible_pictures_are_refused(data: bytes, reason: str) -> None:
    """No pixels, too many, too many frames, or none of the chunks that hold them."""
    with pytest.raises(PictureError, match=reason):
        check_png(data)


@given(st.binary(max_size=300))
def test_junk_is_refused_and_never_crashes(junk: bytes) -> None:
    """Any bytes behind a header are walked or refused."""
    data = SIGNATURE + header() + junk
    assert isinstance(read_text(data), dict)
    assert insert_text(data, {"k": "v"}).endswith(junk) or b"tEXt" in junk
    with pytest.raises(PictureError):
        check_png(data)


def test_a_chunk_has_its_length_and_checksum() -> None:
    """Over kind and body."""
    assert png_chunk(b"comf", b"a") == b"\0\0\0\1comfa" + zlib.crc32(b"comfa").to_bytes(4, "big")
