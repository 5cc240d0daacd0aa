"""One classifier for each settings; all share the network's session."""

from __future__ import annotations

import pytest

from pneumoscope.bundle import Bundle
from pneumoscope.errors import UnknownOperatingPoint
from pneumoscope.jobs import readers
from pneumoscope.jobs.decoders import DecodeOptions
from pneumoscope.jobs.readers import Readers
from pneumoscope.records import Settings
from pneumoscope.runtime import Classifier


def test_classifiers_are_made_once_and_share_the_session(tiny_bundle: Bundle) -> None:
    classifier = Classifier(tiny_bundle, threads=1)
    made = Readers(classifier, max_pixels=1000)
    balanced, screen = made.reader(Settings()), made.reader(Settings("screen"))
    assert made.reader(Settings("screen")) is screen
    assert screen._session is balanced._session is classifier._session
    assert screen.settings == Settings("screen")
    # The tiny bundle's network sees 32 x 32 pixels of films that were 224 x 224.
    assert made.decode_options == DecodeOptions(32, 224, classifier.draft_px, max_pixels=1000)


def test_settings_that_do_not_fit_are_refused(tiny_bundle: Bundle) -> None:
    with pytest.raises(UnknownOperatingPoint):
        Readers(Classifier(tiny_bundle, threads=1), 1000).reader(Settings("nonsense"))


def test_the_number_of_classifiers_is_bounded(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "_REMEMBERED", 2)
    made = Readers(Classifier(tiny_bundle, threads=1), 1000)
    first = made.reader(Settings(prevalence=0.1))
    for prevalence in (0.2, 0.3):
        made.reader(Settings(prevalence=prevalence))
    assert len(made._readers) == 1
    assert made.reader(Settings(prevalence=0.1)) is not first
