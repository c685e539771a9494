"""Every refusal that a brand can meet is in the sandbox's table, and comes about by the real decision."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from consent import exceptions
from consent.alliances import validation
from consent.requests import rules
from examples.brand.refusals import Answer
from examples.demo import proof
from sandbox import table
from tests import problems
from tests.sandbox.conftest import Practice

ROOT = Path(settings.BASE_DIR)


def below(base: type) -> Iterator[type]:
    for one in base.__subclasses__():
        yield one
        yield from below(one)


def codes_of_the_doors() -> set[str]:
    """What docs/api.md lists, the rules of requests and journeys, every refusal of an access."""
    listed = {line.split("|")[2].strip() for line in problems.problems().splitlines()[2:]}
    refused = {one.code for one in below(exceptions.AccessRefused)}
    return listed | refused | {*rules.SENTENCES} | {*validation.SENTENCES}


def errors_of_oauth() -> set[str]:
    """What our own modules say, and oauthlib in their name."""
    ours = "".join(path.read_text() for path in (ROOT / "consent" / "oauth").glob("*.py"))
    said = set(re.findall(r'KnockRefused\(\s*"(\w+)"', ours)) | {"invalid_dpop_proof"}
    return said | {
        "invalid_client_metadata",
        "invalid_client",
        "invalid_grant",
        "invalid_scope",
        "unsupported_grant_type",
    }


def met(case: dict[str, Any], answer: Answer) -> bool:
    return case["code"] in (answer.codes if case["one_of_many"] else {answer.code})


@pytest.mark.rule("a sandbox mode where every refusal can be produced on demand", "issue 4")
def test_every_code_has_a_case_or_a_reason_why_not(practice: Practice) -> None:
    told = {case["code"] for case in practice.table["cases"]}
    assert codes_of_the_doors() - told == set(table.NOT_ON_DEMAND)
    assert errors_of_oauth() <= told


def test_no_refusal_by_a_decision_is_left_out() -> None:
    decided = {one.code for one in below(exceptions.AccessRefused)} | {*rules.SENTENCES}
    assert not decided & table.NOT_ON_DEMAND.keys()


@pytest.mark.rule("each refusal comes from the real decision", "issue 4")
def test_every_case_is_answered_with_its_code(practice: Practice, tmp_path: Path) -> None:
    wrong = {}
    for case in practice.table["cases"]:
        if not case["fault"]:
            answer = practice.callers[case["program"]].run(case)
            if not met(case, answer):
                wrong[case["code"], case["why"]] = (answer.status, answer.body)
    assert not wrong
    _is_in_the_log(practice, tmp_path / "export.zip")


def _is_in_the_log(practice: Practice, export: Path) -> None:
    """A faked answer would have left no entry."""
    practice.vault.manage("export_log", "--to", str(export))
    assert proof.check(export).holds
    leaves = proof.leaves(export)
    refused = {leaf["reason"] for leaf in leaves if leaf["type"] == "record.refused"}
    by_rule = {leaf["reason"] for leaf in leaves if leaf["type"] == "request.refused"}
    of_the_token = {"token-narrowed", "cursor-refused"}  # refused before there is a decision
    assert {one.code for one in below(exceptions.AccessRefused)} - of_the_token <= refused
    assert {*rules.SENTENCES, *validation.SENTENCES} - refused - by_rule <= {
        "stop-repeated", "stop-states-subject", "journey-past", "journey-above-year",
    }  # fmt: skip


@pytest.mark.parametrize("fault", ["keys-away", "busy"])
def test_what_is_broken_is_said_and_over_afterwards(practice: Practice, fault: str) -> None:
    (case,) = (each for each in practice.table["cases"] if each["fault"] == fault)
    caller = practice.callers[case["program"]]
    (call,) = case["calls"]
    assert caller.make(call).status == 200
    with _broken(practice, fault):
        answer = caller.run(case)
        assert (answer.status, answer.code) == (503, case["code"])
        assert int(answer.headers["Retry-After"]) > 0
    assert caller.run(case | {"code": "", "calls": [call | {"within": 20}]}).status == 200


@contextmanager
def _broken(practice: Practice, fault: str) -> Iterator[None]:
    command = [sys.executable, "manage.py", "sandbox_fault", fault, "--seconds", "120"]
    with subprocess.Popen(
        command, cwd=ROOT, env=practice.vault.environment, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(fault)
        try:
            yield
        finally:
            process.terminate()
            assert process.wait(60) == 0


def test_an_engineers_program_meets_them_too(practice: Practice) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "examples.brand.refusals",
         str(practice.vault.folder / "table.json"), "grant-ended", "purpose-mismatch"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    *lines, last = ran.stdout.splitlines()
    assert len(lines) >= 4
    assert all(line.startswith("ok  403 ") for line in lines)
    assert last.startswith("left out: busy, keys-away")
    assert json.loads((practice.vault.folder / "table.json").read_text())["password"]
