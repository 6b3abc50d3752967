"""What `bowlby plan` prints: claims and truths in words, and what to conclude; within 100 columns."""

import json
from dataclasses import replace

import pandas as pd
import pytest

from bowlby.cli.commands import plan
from bowlby.cli.plan_output import conclusions, holds, style_conclusion, truth
from bowlby.simulate.planning import CLAIMS, TRUTHS
from bowlby.simulate.scenarios import scenario


@pytest.mark.parametrize("name", TRUTHS)
def test_what_is_true_is_what_the_scenario_says(name):
    assert tuple(holds(scenario(name), 0.1).values()) == scenario(name).claims


def test_the_bound_decides_what_is_negligible():
    assert holds(scenario("S3"), 0.25)["C3"] and not holds(replace(scenario("S0"), own=0.0), 0.1)["C5"]
    assert truth("S3") == "P = 0.05, T = 0.2"


def shares(**supported) -> pd.DataFrame:
    rows = [{"truth": words, "claim": claim, "supported": supported.get(f"{name}{claim}", 0.5), "refuted": 0.0}
            for name, words in TRUTHS.items() for claim in CLAIMS]  # fmt: skip
    return pd.DataFrame(rows)


def test_each_claim_has_a_conclusion():
    verdicts = shares(S0C1=0.02, S1C1=0.99, S2C1=0.7, S3C1=0.1, S0C3=0.12, S1C3=0.16, S2C3=0.01, S3C3=0.04,
                   S0C4=0.9, S1C4=0.9, S2C4=0.9, S3C4=0.9)  # fmt: skip
    c1, c2, c3, c4, c5 = conclusions(verdicts, 0.1)
    assert c1 == (
        "With this design C1 is supported in 99% of studies if P = 0.38, T = 0; in 70% if P = 0.2, T = 0.2; in 10% if "
        "P = 0.05, T = 0.2. If it is not true, it is supported in at most 2%."
    )
    assert c2.startswith("With this design C2 is supported in 50% of studies if P = 0.38, T = 0.")
    assert c3 == (
        "With this design C3 is supported in 12 to 16% of studies if style has no effect. If it is not true, it "
        "is supported in at most 4%. Expect it to remain inconclusive; more therapists would help."
    )
    assert c4 == "With this design C4 is supported in 90% of studies if style has no effect on perceived attachment."
    assert c5.startswith("With this design C5 is supported in 50% of studies, in all four cases.")


def test_a_design_that_cannot_detect_style_is_reported():
    line = {"icc": 0.02, "minimum_detectable": 0.2, "largest_possible": 0.14, "equivalence_power": 0.0}
    assert "no effect of style is detectable with 80% power (this requires 0.20 SD;" in style_conclusion(line, 0.1)
    line["minimum_detectable"] = 0.1
    assert "is detectable (80% power) from 0.10 SD (the maximum possible is 0.14)" in style_conclusion(line, 0.1)


def test_the_command_spells_everything_out_and_fits(tmp_path, capsys):
    plan(10, 6.0, icc=0.06, studies=4, output=tmp_path / "plan.json")
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 100
    said = " ".join(printed.split())
    for words in ("C5. The patient's own style is", "neither", "P = 0.38", "At an ICC of 0.06, ",
                  "Half-width: of the 90% interval", "- With this design C3 is supported in "):  # fmt: skip
        assert words in said
    assert json.loads((tmp_path / "plan.json").read_text("utf-8"))["at_icc"]["icc"] == 0.06
