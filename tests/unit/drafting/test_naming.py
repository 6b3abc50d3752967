"""What the names of columns say: blocks of items, and the order of occasions."""

import pytest

from bowlby.drafting.naming import blocks
from bowlby.drafting.occasions import ordered


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        (["phq9_1", "phq9_2", "phq9_3"], [("phq9_{n}", 3, [])]),
        (["wai01", "wai02", "wai03"], [("wai{n:02}", 3, [])]),
        (["t1_phq_1", "t1_phq_2", "t1_phq_3", "t2_phq_1", "t2_phq_2", "t2_phq_3"], [("{t}_phq_{n}", 3, ["t1", "t2"])]),
        (["bdi.pre", "bdi.2m", "x"], [("bdi.{t}", 0, ["pre", "2m"]), ("x", 0, [])]),
        (["s1", "s2", "s3", "age"], [("s{n}", 3, []), ("age", 0, [])]),
        (["ecr1m", "ecr2m", "ecr3m", "ecr1p", "ecr2p", "ecr3p"], [("ecr{n}m", 3, []), ("ecr{n}p", 3, [])]),
    ],
)
def test_blocks_of_columns(columns, expected):
    assert [(b.pattern, b.n, b.times) for b in blocks(columns)] == expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["post", "fu1", "pre"], ["pre", "post", "fu1"]),
        (["10", "2", "1"], ["1", "2", "10"]),
        (["s10", "s2", "intake"], ["intake", "s2", "s10"]),
        (["T0", "S5", "T2"], ["T0", "S5", "T2"]),
    ],
)
def test_occasions_in_time(texts, expected):
    assert ordered(texts) == expected
