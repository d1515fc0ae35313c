"""What all rules have in common."""

import re
from typing import Any

import pytest

from tests.workflow.runs import ROOT

SMK = "".join(path.read_text() for path in sorted((ROOT / "workflow/rules").glob("*.smk")))
SHELLS = re.findall(r'\n +shell:\n((?: +"[^\n]*"\n)+)', SMK)
#: Numbers, and names that the workflow itself gives.
PLAIN = {"resources.runtime", "resources.device", "wildcards.replica", "threads", "params.name", "wildcards.run"}


def test_every_path_and_setting_is_quoted_for_the_shell() -> None:
    assert len(SHELLS) == SMK.count("shell:\n") > 10
    for shell in SHELLS:
        for field in re.findall(r"\{([^{}]*)\}", shell):
            assert field.endswith(":q") or field in PLAIN, shell


def test_every_job_that_can_go_on_has_a_time_budget() -> None:
    long = [shell for shell in SHELLS if " --work {params.work:q}" in shell]
    assert len(long) == SMK.count("work=scratch(") == 9
    for shell in long:
        assert shell.lstrip().startswith('"budget {resources.runtime}; python -m mdsnake '), shell


@pytest.mark.parametrize("resource", ["memory", "minutes"])
def test_a_job_that_is_tried_again_asks_for_more(resource: str) -> None:
    workflow: dict[str, Any] = {"ROWS": ["ethane"]}
    exec((ROOT / "workflow/rules/resources.smk").read_text(), workflow)
    asked = workflow[resource]("screen")
    assert 0 < asked(None, [], 1) < asked(None, [], 2)
