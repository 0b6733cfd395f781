"""Forms are read byte for byte."""

from __future__ import annotations

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from graphrun.providers.multipart import BadForm, Part, read_form, write_form

binary = st.binary(max_size=2000) | st.text("\r\n-\0abc", max_size=50).map(str.encode)


@given(st.lists(binary, max_size=5), st.dictionaries(st.sampled_from("abc"), st.text(max_size=50), max_size=3))
@example([b"", b"\r\n", b"\r\n--", b"--", b"\n\n\r\r\n\r\n", bytes(range(256))], {"a": "\r\n"})
def test_what_the_client_sends_arrives_unchanged(files: list[bytes], fields: dict[str, str]) -> None:
    """Any bytes, line breaks and dashes at either end included, in the order they were sent."""
    uploads = [("image[]", (f"{index}.png", data, "image/png")) for index, data in enumerate(files)]
    request = httpx.Request(
        "POST", "http://x/", data=fields, files=uploads or [("image[]", ("0.png", b"", "image/png"))]
    )
    parts = read_form(request.headers["content-type"], request.read())
    sent = [Part(name, text.encode()) for name, text in fields.items()]
    sent += [Part("image[]", data, f"{i}.png", "image/png") for i, data in enumerate(files or [b""])]
    assert list(parts) == sent


names = st.text("abcäö _.;=/", min_size=1, max_size=12).map(str.strip).filter(bool)
written = st.builds(Part, names, binary, st.none() | names, st.none() | st.sampled_from(["image/png", "text/plain"]))


@given(st.lists(written, max_size=5))
def test_what_is_written_is_read_again(parts: list[Part]) -> None:
    """Names, files and types, and the same bytes each time."""
    body = write_form(parts, "b0undary")
    assert body == write_form(parts, "b0undary")
    assert read_form("multipart/form-data; boundary=b0undary", body) == tuple(parts)


def test_a_name_breaks_out_of_no_header() -> None:
    """Quotes and line breaks are written as browsers write them."""
    body = write_form([Part('a"b', b"", "x\r\nEvil: 1")], "b")
    assert (
        body == b'--b\r\nContent-Disposition: form-data; name="a%22b"; filename="x%0D%0AEvil: 1"\r\n\r\n\r\n--b--\r\n'
    )


@given(st.binary(max_size=300))
def test_any_bytes_are_a_form_or_a_bad_form(body: bytes) -> None:
    """Nothing else happens, whatever comes in, and no part holds a byte that did not come."""
    try:
        parts = read_form("multipart/form-data; boundary=b", body)
    except BadForm:
        return
    assert all(part.data in body for part in parts)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("multipart/form-data", b"--b--"),
        ("multipart/form-data; boundary=b", b""),
        ("multipart/form-data; boundary=b", b'--b\r\ncontent-disposition: form-data; name="a"\r\n\r\ncut off'),
        ("multipart/form-data; boundary=b", b"--b\r\ncontent-disposition: form-data\r\n\r\nx\r\n--b--"),
        ("multipart/form-data; boundary=b", b'--bb\r\ncontent-disposition: form-data; name="a"\r\n\r\nx\r\n--b--'),
        ("multipart/form-data; boundary=b", b"--b\r\nno blank line\r\n--b--"),
    ],
)
def test_an_incomplete_form_is_refused(content_type: str, body: bytes) -> None:
    """A cut-off upload is never taken for a shorter one."""
    with pytest.raises(BadForm):
        read_form(content_type, body)


def test_a_boundary_in_quotes_counts() -> None:
    """Some clients quote it."""
    body = b'--b c\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--b c--\r\n'
    assert read_form('multipart/form-data; boundary="b c"', body) == (Part("a", b"1"),)
