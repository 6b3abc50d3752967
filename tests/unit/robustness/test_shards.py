"""One job, four shards or sixteen: the same bytes, for every kind that is cut into replicates."""

import pytest

from bowlby.files import write_parquet
from bowlby.robustness.jobs import Work
from bowlby.robustness.replicates import gather
from bowlby.robustness.stage import _maker, _replicates

REPLICATES = 17


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
