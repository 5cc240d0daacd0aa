"""One classifier for each bundle and settings; those of a bundle share the network's session."""

from __future__ import annotations

from pathlib import Path

import pytest

from pneumoscope.bundle import Bundle
from pneumoscope.errors import BundleNotServed, UnknownOperatingPoint, UsageError
from pneumoscope.images.decoders import DecodeOptions
from pneumoscope.jobs import readers
from pneumoscope.jobs.readers import AUTOMATIC, Readers
from pneumoscope.records import Settings
from pneumoscope.runtime import Classifier, PopulationReader
from two_populations import ADULTS, children_and_adults, population_bundle


def readers_of(**bundles: Bundle) -> Readers:
    classifiers = {name: Classifier(bundle, threads=1) for name, bundle in bundles.items()}
    return Readers(classifiers, max_pixels=1000)


def test_classifiers_are_made_once_and_share_the_session(tiny_bundle: Bundle) -> None:
    made = readers_of(tiny=tiny_bundle)
    balanced, screen = made.reader(Settings()), made.reader(Settings("screen"))
    assert made.reader(Settings("screen")) is screen
    assert screen._network is balanced._network is made.bundles["tiny"]._network
    assert screen.settings == Settings("screen")
    # The tiny bundle's network sees 32 x 32 pixels of films that were 224 x 224.
    draft_px = made.bundles["tiny"].draft_px
    assert made.decode_options() == DecodeOptions(32, 224, draft_px, max_pixels=1000)


def test_each_bundle_has_its_own_classifiers(tiny_bundle: Bundle, findings_bundle: Bundle) -> None:
    made = readers_of(tiny=tiny_bundle, findings=findings_bundle)
    assert made.default == made.name(None) == "tiny"
    assert made.name("findings") == "findings"
    for settings in (Settings(), Settings(explain="none")):
        assert made.reader(settings).bundle is made.reader(settings, "tiny").bundle is tiny_bundle
        assert made.reader(settings, "findings").bundle is findings_bundle
    for call in (made.name, made.decode_options, lambda name: made.reader(Settings(), name)):
        with pytest.raises(BundleNotServed, match="'other' is not served here") as error:
            call("other")
        assert error.value.hint == "Choose one of: tiny, findings."


def test_bundles_for_different_ages_are_chosen_for_each_film(
    tmp_path: Path, tiny_bundle: Bundle
) -> None:
    bundles = children_and_adults(tmp_path)
    made = readers_of(**bundles)
    assert made.default == made.name(None) == made.name(AUTOMATIC) == AUTOMATIC
    assert made.decode_options() == made.decode_options("adults")
    choice = made.reader(Settings())
    assert isinstance(choice, PopulationReader)
    assert choice.classifiers["adults"]._network is made.bundles["adults"]._network
    assert made.reader(Settings(), "adults").bundles == (bundles["adults"],)
    assert made.profile(None) is None
    assert made.sha256("adults") == bundles["adults"].sha256
    # Either may read a film, so a change of either is a change of the reader.
    assert made.sha256() not in {bundle.sha256 for bundle in bundles.values()}
    assert made.sha256() == readers_of(**dict(reversed(bundles.items()))).sha256()
    with pytest.raises(UsageError, match="none of this name"):
        made.reader(Settings(population="elderly"))
    with pytest.raises(BundleNotServed) as error:
        made.name("other")
    assert error.value.hint == "Choose one of: automatic, children, adults."
    same = readers_of(tiny=tiny_bundle, children=bundles["children"])
    assert same.default == "tiny"
    with pytest.raises(BundleNotServed):
        same.name(AUTOMATIC)


def test_bundles_of_different_sizes_must_be_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bundles = children_and_adults(tmp_path)
    coarse = population_bundle(tmp_path / "coarse", population=ADULTS, source_size=112)
    made = readers_of(children=bundles["children"], coarse=coarse)
    assert made.default == "children"
    assert made.decode_options("coarse").source_size == 112
    assert "each request must name a bundle" in caplog.text


def test_settings_that_do_not_fit_are_refused(tiny_bundle: Bundle) -> None:
    with pytest.raises(UnknownOperatingPoint):
        readers_of(tiny=tiny_bundle).reader(Settings("nonsense"))


def test_the_number_of_classifiers_is_bounded(
    tiny_bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readers, "_REMEMBERED", 2)
    made = readers_of(tiny=tiny_bundle)
    first = made.reader(Settings(prevalence=0.1))
    for prevalence in (0.2, 0.3):
        made.reader(Settings(prevalence=prevalence))
    assert len(made._readers) == 1
    assert made.reader(Settings(prevalence=0.1)) is not first
