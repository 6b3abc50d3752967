"""How many jobs each check becomes: by its work, never by chance; and the same bytes for any number of jobs."""

from itertools import pairwise

import pytest

from bowlby.config.robustness import Replicates, Robustness
from bowlby.files import write_parquet
from bowlby.robustness.jobs import LONGEST, OF_THESE, SECONDS, Work, works
from bowlby.robustness.replicates import gather
from bowlby.robustness.stage import _maker, _replicates

REPLICATES = 17


def asked(count, **more):
    kinds = ["parametric", "permutation", "influence"]
    return Robustness(kinds=kinds, replicates=Replicates(parametric=count, permutation=1000), **more)


@pytest.mark.parametrize(("count", "megabytes", "shards"), [
    (1000, OF_THESE, 1),
    (60_000, OF_THESE, 1),  # 120 seconds
    (60_001, OF_THESE, 2),
    (200_000, OF_THESE, 4),
    (1000, OF_THESE / 10, 1),
    (1000, 100 * OF_THESE, 2),
])  # fmt: skip
def test_shards_follow_the_work(count, megabytes, shards):
    found = works(asked(count), megabytes)
    assert SECONDS["parametric"] == 0.002 and LONGEST == 120
    assert found["parametric"].shards == shards
    assert found["influence"].shards == 1 and found["influence"].replicates is None


def test_the_configuration_overrides():
    found = works(asked(1000, shards=16))
    assert found["parametric"].shards == found["permutation"].shards == 16
    assert works(asked(3, shards=16))["parametric"].shards == 3
    assert works(None) == {}


def test_shards_share_all_replicates_between_them():
    work = works(asked(1003, shards=7))["parametric"]
    bounds = [work.bounds(shard) for shard in range(work.shards)]
    assert bounds[0][0] == 0 and bounds[-1][1] == 1003
    assert all(one[1] == two[0] and one[0] < one[1] for one, two in pairwise(bounds))


@pytest.mark.parametrize("kind", ["parametric", "cluster", "permutation", "wild"])
def test_bytes_do_not_depend_on_shards(basis, kind, tmp_path):
    make, found = _maker(kind, basis), {}
    for shards in (1, 4, 16):
        work = Work(kind, REPLICATES, shards)
        paths = [write_parquet(tmp_path / f"{shard}-of-{shards}.parquet", _replicates(make, work, shard))
                 for shard in range(shards)]  # fmt: skip
        table = gather(paths, basis.seed, kind, REPLICATES)
        found[shards] = write_parquet(tmp_path / f"{shards}.parquet", table).read_bytes()
    assert found[1] == found[4] == found[16]
