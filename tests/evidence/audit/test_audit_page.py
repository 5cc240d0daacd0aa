"""The page of an audit."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from audits import audit_of
from pneumoscope.evidence.audit.findings import LOOK, NOTHING, PASS, STOP, UNKNOWN, Finding
from pneumoscope.evidence.audit.results import Audit
from pneumoscope.evidence.audit.shortcuts import Shortcuts
from pneumoscope.evidence.report.audit.page import html
from pneumoscope.render.serialise import NOTICE
from report_pages import Page


def finding(level: str, check: str = "copies") -> Finding:
    return Finding(check, level, f"the reason of {level}", f"advice on {level}")


ALL = tuple(finding(level, level) for level in (PASS, NOTHING, UNKNOWN, LOOK, STOP))


@pytest.mark.parametrize(
    ("findings", "verdict", "meaning"),
    [
        ((finding(PASS),), "pass", "Nothing here is a reason not to train"),
        ((finding(PASS), finding(LOOK)), "look", "Read the marked checks before you train"),
        ((finding(PASS), finding(UNKNOWN)), "look", "Read the marked checks before you train"),
        (ALL, "stop", "Resolve them before you train"),
        ((), "pass", "Nothing here is a reason not to train"),
    ],
)
def test_the_verdict_is_the_worst_finding(
    findings: tuple[Finding, ...], verdict: str, meaning: str
) -> None:
    page = html(audit_of(findings=findings))
    assert f'<section class="stamp {verdict}"><b>{verdict.upper()}</b>' in page
    assert meaning in page
    assert f"<title>Data audit: {verdict}</title>" in page


def test_findings_are_counted_and_the_worst_come_first() -> None:
    page = html(audit_of(findings=ALL))
    assert "Checks: 1 pass, 1 look, 1 stop, 1 unknown, 1 n/a." in page
    assert re.findall(r'class="tag (\w+)"', page) == ["stop", "look", "unknown", "pass", "none"]
    assert '<p class="advice">advice on stop</p>' in page
    bare = html(audit_of(findings=(replace(finding(PASS), advice=""),)))
    assert 'class="advice"' not in bare


def test_names_from_the_data_cannot_become_markup() -> None:
    odd = '<script>x</script> & "y"'
    base = audit_of()
    silent = Shortcuts(
        contrast=f"{odd} against normal", positive=odd, negative="normal", films=8, patients=8,
        prevalence=0.5, scores=(), silence=odd,
    )  # fmt: skip
    result = audit_of(
        listing=replace(base.listing, source=odd),
        findings=(Finding(odd, LOOK, odd, odd),),
        warnings=(odd,),
        shortcuts=(silent,),
        bundle=odd,
    )
    page = html(result)
    assert "<script" not in page
    parser = Page()
    parser.feed(page)
    assert parser.open == []
    assert " ".join(parser.text).count(odd) >= 6


def test_the_notice_stands_once_at_the_foot_with_a_word_on_confidentiality() -> None:
    page = html(audit_of())
    assert page.count(NOTICE) == 1
    assert f"protect it as you protect them. {NOTICE}</footer>" in page


def titles(result: Audit) -> list[str]:
    return re.findall(r"<h2>([^<]*)</h2>", html(result))


def test_each_contrast_has_its_section() -> None:
    quiet = Shortcuts(
        contrast="viral against normal", positive="viral", negative="normal", films=8, patients=8,
        prevalence=0.5, scores=(), silence="too few films",
    )  # fmt: skip
    assert titles(audit_of(shortcuts=(quiet,))) == [
        "Check by check",
        "Contents of the data set",
        "Copies",
        "Patients and splits",
        "Shortcuts: viral against normal",
        "Labels to review",
        "How this was measured, and what was not",
    ]
    assert "Shortcuts: viral against normal" not in titles(audit_of())


def test_the_page_stands_alone() -> None:
    page = html(audit_of(findings=ALL))
    assert not re.search(r'(src|href)="(?!data:|#)', page)
    assert "url(" not in page
