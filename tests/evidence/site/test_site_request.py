from __future__ import annotations

import pytest

pytest.importorskip("sklearn", reason="needs the [evidence] extra")

from pneumoscope.errors import UsageError
from pneumoscope.evidence.site import request
from pneumoscope.evidence.site.verdict import Goal


def test_settings_are_checked_before_films() -> None:
    with pytest.raises(UsageError, match="no name"):
        request.check(request.SiteRequest(" ", None, Goal()))
