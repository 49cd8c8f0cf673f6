"""The match page: everything that it must say, escaped, from one file, in order and readable without eyes."""

from __future__ import annotations

import datetime as dt
import re
import struct
import zlib
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain import RESEARCH_BANNER
from core.errors import PolypTraceError
from core.report.match_report import (
    OVERLAY_CAPTION,
    Answer,
    DemoScore,
    Explanation,
    MatchPage,
    Picture,
    Query,
    RankedRow,
    render_match_page,
    write_match_page,
)

VOID = {"meta", "img", "br", "link", "input", "hr"}


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


PNG = b"".join(
    [
        b"\x89PNG\r\n\x1a\n",
        _chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)),
        _chunk(b"IDAT", zlib.compress(b"\0\xaa\x55\x33")),
        _chunk(b"IEND", b""),
    ]
)


def picture(alt: str, caption: str = "") -> Picture:
    return Picture(PNG, alt, caption)


def row(rank: int | None, clip: int, **known: Any) -> RankedRow:
    return RankedRow(rank=rank, clip=clip, exam_date=dt.date(2023, 5, 2), **known)


def page(**changes: Any) -> MatchPage:
    query = Query(
        clip=17,
        patient="P-0007",
        exam_date=dt.date(2024, 3, 12),
        place="sigmoid, 8 mm, Is",
        report="A sessile polyp, Paris Is, 8 mm.",
        evidence="5 crops of the lesion box",
        picture=picture("Crop of the lesion asked about", "best of 5"),
    )
    full = MatchPage(
        query=query,
        model="starter-7f3a",
        device="cpu",
        device_reason="No CUDA device was found.",
        earlier=(
            row(
                1,
                4,
                segment="sigmoid",
                size="9 mm",
                paris="Isp",
                score=0.8734,
                probability=0.83,
                band="strong",
                note="linked: same lesion",
                lesion=4,
                source="lesion box",
                picture=picture("Crop of clip 4"),
            ),
            row(2, 5, segment="descending", size="12 mm", paris="IIa", score=-0.081, band="weak"),
            row(None, 6, note="The video is missing."),
        ),
        answer=Answer(False, "The best score, 0.873, is at or above 0.620."),
        catalogue=(
            row(1, 31, patient="P-0019", score=0.7, band="moderate"),
            row(2, 4, patient="P-0007", same_patient=True),
        ),
        explanation=Explanation(
            query=picture("Map over this clip"),
            candidate=picture("Map over clip 4"),
            query_strength="strong",
            candidate_strength="no clear region",
            candidate_clip=4,
            similarity=0.873,
        ),
        warnings=("Clip 6: the video is missing.",),
        made=dt.datetime(2024, 3, 12, 14, 5),
    )
    return msgspec.structs.replace(full, **changes)


class Outline(HTMLParser):
    """Elements with their attributes, the text, and whether every element is closed in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text: list[str] = []
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join(" ".join(self.text).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def read(**changes: Any) -> Outline:
    return Outline(render_match_page(page(**changes)))


def test_the_page_says_what_a_match_is() -> None:
    words = read().words
    for said in (
        "P-0007",
        "2024-03-12",
        "sigmoid, 8 mm, Is",
        "A sessile polyp, Paris Is, 8 mm.",
        "5 crops of the lesion box",
        "starter-7f3a",
        "cpu",
        "No CUDA device was found.",
        "9 mm",
        "Isp",
        "0.873",
        "83 % · strong",
        "same lesion",
        "−0.081",
        "The video is missing.",
        "The best score, 0.873, is at or above 0.620.",
        OVERLAY_CAPTION,
        "strength: strong",
        "strength: no clear region",
        "P-0019",
        "moderate",
        "this patient",
        "World Endoscopy Organization",
    ):
        assert said in words, said


def test_the_banner_is_the_first_thing_said_and_stands_on_every_printed_page() -> None:
    html = render_match_page(page())
    body = Outline(html[html.index("<body>") : html.index("</body>") + 7]).words
    assert body.removeprefix("Skip to the match ").startswith(RESEARCH_BANNER)
    assert re.search(rf'@top-center {{ content: "{RESEARCH_BANNER}"', html)
    assert RESEARCH_BANNER in Outline(html).words.split("Skip to the match")[0]  # the title


def test_nothing_comes_from_outside_and_nothing_runs() -> None:
    html = render_match_page(page())
    outline = Outline(html)
    for _, attributes in outline.elements:
        for name in ("src", "href", "action", "srcset", "data", "poster"):
            value = attributes.get(name) or "#"
            assert value.startswith(("data:image/png;base64,", "data:image/jpeg;base64,", "#"))
        assert not any(name.startswith("on") or name == "style" for name in attributes)
    assert not {"script", "link", "iframe", "object", "form", "base"} & {tag for tag, _ in outline.elements}
    assert "http" not in html.replace("http-equiv", "")
    assert "url(" not in html
    assert "@import" not in html
    assert any("default-src 'none'" in (meta.get("content") or "") for meta in outline.all("meta"))


def test_it_can_be_read_by_ear_and_by_keyboard() -> None:
    outline = read()
    assert outline.all("html")[0]["lang"] == "en"
    assert len(outline.all("h1")) == len(outline.all("main")) == 1
    assert all(image.get("alt") for image in outline.all("img"))
    assert len(outline.all("caption")) == len(outline.all("table")) == 2
    assert all(cell.get("scope") in ("col", "row") for cell in outline.all("th"))
    identifiers = [attributes["id"] for _, attributes in outline.elements if "id" in attributes]
    assert len(identifiers) == len(set(identifiers))
    for _, attributes in outline.elements:
        if "aria-labelledby" in attributes:
            assert attributes["aria-labelledby"] in identifiers
        if attributes.get("class") == "scroll":
            assert attributes["tabindex"] == "0"  # a table that scrolls must be reachable
    assert outline.elements[[tag for tag, _ in outline.elements].index("body") + 1][1]["href"] == "#content"


def test_dark_light_and_print_have_their_own_colours_of_enough_contrast() -> None:
    html = render_match_page(page())
    light, dark, printed = (_colours(block) for block in re.findall(r":root \{(.*?)\}", html, re.DOTALL))
    for colours in (light, light | dark, light | dark | printed):
        for ink, paper in (
            ("ink", "paper"),
            ("quiet", "paper"),
            ("quiet", "panel"),
            ("warn-ink", "warn-paper"),
            ("good-ink", "good-paper"),
            ("banner-ink", "banner-paper"),
            ("accent", "paper"),
        ):
            assert _contrast(colours[ink], colours[paper]) >= 4.5, (ink, paper)


def _colours(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#\w+)", block))


def _contrast(one: str, other: str) -> float:
    """Contrast ratio of WCAG 2."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * digit for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize(
    ("is_no_match", "said"),
    [(True, "No good match."), (False, "good enough to look at."), (None, "can't be told.")],
)
def test_the_answer_is_said_in_words_not_only_in_colour(is_no_match: bool | None, said: str) -> None:
    assert f"{said} Because." in read(answer=Answer(is_no_match, "Because.")).words


def test_without_a_probability_the_band_stands_alone() -> None:
    words = read(earlier=(row(1, 4, score=0.5, band="moderate"),), catalogue=None, explanation=None).words
    assert "moderate" in words
    assert "%" not in words


def test_parts_that_are_missing_leave_no_trace() -> None:
    bare = page(
        query=Query(clip=1, patient="P-1", exam_date=dt.date(2024, 1, 1)),
        earlier=(),
        catalogue=None,
        explanation=None,
        warnings=(),
        device_reason="",
    )
    outline = Outline(render_match_page(bare))
    assert not outline.all("table")
    assert not outline.all("img")
    assert "no earlier described finding" in outline.words
    for absent in ("The whole catalogue", "Please note", "Rank-1", "None", OVERLAY_CAPTION):
        assert absent not in outline.words
    assert "no other described clip" in read(catalogue=()).words


def test_the_demo_page_tells_rank_1_over_all_queries() -> None:
    words = read(demo=DemoScore(right=7, queries=9, lines=("Two of three new lesions.",))).words
    assert "Rank-1 over all follow-up clips of lesions seen before: 7 of 9" in words
    assert "Two of three new lesions." in words
    assert "Rank-1" not in read().words


NASTY = "<script>alert('x')</script> & \"quoted\" {{ 7*7 }} </style>"


def test_every_text_is_escaped() -> None:
    nasty_picture = picture(NASTY, NASTY)
    known = {
        "segment": NASTY,
        "size": NASTY,
        "paris": NASTY,
        "band": NASTY,
        "note": NASTY,
        "source": NASTY,
        "patient": NASTY,
        "picture": nasty_picture,
        "score": 0.5,
    }
    outline = read(
        query=Query(
            clip=1,
            patient=NASTY,
            exam_date=dt.date(2024, 1, 1),
            place=NASTY,
            report=NASTY,
            evidence=NASTY,
            picture=nasty_picture,
        ),
        model=NASTY,
        device=NASTY,
        device_reason=NASTY,
        warnings=(NASTY,),
        answer=Answer(True, NASTY),
        earlier=(row(1, 4, **known),),
        catalogue=(row(1, 4, **known),),
        explanation=Explanation(
            query=nasty_picture,
            candidate=nasty_picture,
            query_strength=NASTY,
            candidate_strength=NASTY,
            candidate_clip=4,
            similarity=0.1,
            caption=NASTY,
        ),
        demo=DemoScore(right=1, queries=2, lines=(NASTY,)),
    )
    assert not outline.all("script")
    # query 6, model and device 3, warning, answer, rows 6 and 7, explanation 5, demo 1
    assert outline.words.count(NASTY) == 30
    assert {image["alt"] for image in outline.all("img")} == {NASTY}


@given(st.text(max_size=80))
@settings(max_examples=40, deadline=None)
def test_any_description_is_shown_as_it_is(report: str) -> None:
    query = msgspec.structs.replace(page().query, report=report)
    words = Outline(render_match_page(page(query=query))).words
    # HTML can't hold these as they are; its parser reads a carriage return as a line break.
    shown = re.sub(r"[\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef]|[^\x00-\uffff]", "", report)
    if shown == report:
        assert " ".join(report.split()) in words


def test_pictures_are_png_or_jpeg() -> None:
    assert Picture(b"\xff\xd8\xff\xe0rest", "a").uri.startswith("data:image/jpeg;base64,/9j/")
    assert picture("a").uri.startswith("data:image/png;base64,iVBOR")
    for data in (b"", b"<svg onload=alert(1)>", b"GIF89a"):
        with pytest.raises(PolypTraceError) as caught:
            render_match_page(
                page(
                    explanation=None, query=msgspec.structs.replace(page().query, picture=Picture(data, "a"))
                )
            )
        assert caught.value.code == "report-picture"


def test_writing_replaces_the_file_as_a_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "Bericht für P-7.html"
    assert write_match_page(page(), path) == path
    assert path.read_text(encoding="utf-8") == render_match_page(page())
    with pytest.raises(PolypTraceError):
        write_match_page(page(query=msgspec.structs.replace(page().query, picture=Picture(b"", "a"))), path)
    assert path.read_text(encoding="utf-8") == render_match_page(page())
    assert list(path.parent.iterdir()) == [path]


def test_a_place_that_cannot_be_written_is_told_in_words(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("x")
    for path in (blocked / "page.html", tmp_path):
        with pytest.raises(PolypTraceError) as caught:
            write_match_page(page(), path)
        assert caught.value.code == "report-unwritable"
    assert sorted(tmp_path.iterdir()) == [blocked]
