"""A form is the same document to codegen, which is the oracle, and to what is generated; and it comes back the same."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from payments_contracts import forms

from codegen import form as oracle

LIMITS = [(5, 1, "refused"), (5, 1, "last"), (6, 3, "refused"), (6, 3, "last"), (100, 6, "refused")]
KEY = st.text("ab0123é ", max_size=3)
PIECE = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["a", "b", "a[b]", "a[]", "a[0]", "a[1]", "a[b][c]", "a[b][]", "a[0][b]", "%5B", "%", "%zz", "="]),
    st.text("ab[]=&%0+.;", max_size=10),
)
TEXT = st.lists(st.tuples(PIECE, st.sampled_from(["=", "", "=="]), PIECE).map("".join), max_size=8).map("&".join)
LEAF = st.text(max_size=5)
DOCUMENT = st.dictionaries(
    st.text("abc", min_size=1, max_size=3),
    st.recursive(
        LEAF,
        lambda inner: (
            st.lists(inner, min_size=1, max_size=3)
            | st.dictionaries(st.text("abcü", min_size=1, max_size=2), inner, min_size=1, max_size=3)
        ),
        max_leaves=6,
    ),
    max_size=3,
)


def read(body: bytes, limits: tuple[int, int, Any]) -> tuple[Any, Any]:
    """Return what the oracle and the generated code make of a body: a document, or the reason against it."""
    found: list[Any] = []
    try:
        found.append(oracle.document(oracle.Form(*limits), body))
    except oracle.FormError as error:
        found.append(error.code)
    try:
        found.append(forms.document(body, forms.Form(*limits)))
    except forms.FormError as error:
        found.append(error.code)
    return found[0], found[1]


@settings(deadline=None, max_examples=400)
@given(TEXT | st.binary(max_size=30), st.sampled_from(LIMITS))
def test_both_read_the_same_and_raise_nothing_else(text: str | bytes, limits: tuple[int, int, Any]) -> None:
    body = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    one, other = read(body, limits)
    if isinstance(one, str) or isinstance(other, str):
        # Of several reasons they may tell another one.
        assert isinstance(one, str), (one, other)
        assert isinstance(other, str), (one, other)
    else:
        assert one == other


@settings(deadline=None, max_examples=200)
@given(DOCUMENT)
def test_a_document_comes_back_as_it_was(content: dict[str, Any]) -> None:
    limits: tuple[int, int, Any] = (1000, 20, "refused")
    for body in (oracle.written(oracle.Form(*limits), content), forms.body_of(content, forms.Form(*limits))):
        assert read(body, limits) == (content, content)


@pytest.mark.parametrize(
    ("body", "limits", "found"),
    [
        (b"id=tr_1", (5, 1, "refused"), {"id": "tr_1"}),
        (b"a[b]=1", (5, 1, "refused"), {"a[b]": "1"}),
        (b"a[b]=1&a[c]=2", (5, 2, "refused"), {"a": {"b": "1", "c": "2"}}),
        (b"a[]=1&a[]=2", (5, 2, "refused"), {"a": ["1", "2"]}),
        (b"a[1]=1&a[0]=2", (5, 2, "refused"), {"a": ["2", "1"]}),
        (b"a=1&a=2", (5, 1, "last"), {"a": "2"}),
        (b"a=1&a=2", (5, 1, "refused"), "not_form"),
        (b"a[1]=1", (5, 2, "refused"), "not_form"),
        (b"a[01]=1", (5, 2, "refused"), {"a": {"01": "1"}}),
        (b"a=1&a[b]=2", (5, 2, "refused"), "not_form"),
        (b"a[b]=1&a=2", (5, 2, "last"), "not_form"),
        (b"a[=1", (5, 2, "refused"), "not_form"),
        (b"a]b[=1", (5, 2, "refused"), "not_form"),
        (b"[a]=1", (5, 2, "refused"), "not_form"),
        (b"a[][b]=1", (5, 3, "refused"), "not_form"),
        (b"a[b][c]=1", (5, 2, "refused"), "form_too_complex"),
        (b"a=&b=&c=&d=&e=&f=", (5, 1, "refused"), "form_too_complex"),
        (b"a=%C3%28", (5, 1, "refused"), "not_utf8"),
        (b"a=\xff", (5, 1, "refused"), "not_utf8"),
        (b"a=%2", (5, 1, "refused"), "not_form"),
        (b"a=b+c%20d%2B", (5, 1, "refused"), {"a": "b c d+"}),
        (b"a", (5, 1, "refused"), {"a": ""}),
        (b"a;b=1", (5, 1, "refused"), {"a;b": "1"}),
        (b"&&a=1&", (5, 1, "refused"), {"a": "1"}),
    ],
)
def test_what_a_form_is_read_as(body: bytes, limits: tuple[int, int, Any], found: Any) -> None:
    assert read(body, limits) == (found, found)


def test_a_million_separators_cost_no_more_than_their_bytes() -> None:
    assert read(b"&" * 1_000_000, (5, 1, "refused")) == ({}, {})
    assert read(f"a{quote_plus('[a]' * 100_000)}=1".encode(), (5, 3, "refused"))[1] == "form_too_complex"
