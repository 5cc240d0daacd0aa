"""The frame of the pages on a site profile."""

from __future__ import annotations

from pneumoscope import __version__
from pneumoscope.evidence.report import html_page
from pneumoscope.evidence.report.blocks import Paragraph
from pneumoscope.evidence.report.profile_page import profile_page
from pneumoscope.render.serialise import NOTICE
from tiny import site_profile


def test_a_page_names_profile_bundle_version_and_date() -> None:
    profile = site_profile(name="Ward 7", bundle_sha256="ab" * 32)
    page = profile_page(profile, "A title", "40 films", [Paragraph("text")])
    assert page.title == "A title"
    assert page.subtitle.split(" · ") == [
        "40 films", "tiny 1", f"pneumoscope {__version__}", "profile of 2026-01-02",
        f"bundle SHA-256: {'ab' * 32}",
    ]  # fmt: skip
    assert page.mark == "Ward 7, tiny 1 abababababab"
    assert page.blocks == (Paragraph("text"),)


def test_the_notice_is_on_the_page() -> None:
    page = profile_page(site_profile(), "t", "s", iter([Paragraph("text")]))
    assert NOTICE in html_page.html(page)
