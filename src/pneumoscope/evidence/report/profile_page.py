"""The frame that the pages on a site profile share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pneumoscope import __version__
from pneumoscope.evidence.report.blocks import Report

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pneumoscope.decision.profile import SiteProfile
    from pneumoscope.evidence.report.blocks import Block


def profile_page(profile: SiteProfile, title: str, subject: str, blocks: Iterable[Block]) -> Report:
    """A page on a site profile.

    Args:
        profile: Its name, date and bundle are shown on the page.
        title: Main heading.
        subject: First part of the subtitle: the films or predictions that the page is about.
        blocks: The content.
    """
    return Report(
        title=title,
        subtitle=f"{subject} · {profile.bundle} · pneumoscope {__version__} · profile of "
        f"{profile.created} · bundle SHA-256: {profile.bundle_sha256}",
        mark=f"{profile.name}, {profile.bundle} {profile.bundle_sha256[:12]}",
        blocks=tuple(blocks),
    )
