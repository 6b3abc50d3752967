"""Parametric bootstrap, addresses and tables of replicates."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from bowlby.errors import UserError
from bowlby.files import write_parquet
from bowlby.robustness.refit_claims import answer
from bowlby.robustness.replicates import Address, gather
from bowlby.robustness.resampling import parametric


def test_addresses_are_told_apart():
    """Seed, kind, number and part each change the numbers drawn; the same address draws the same."""
    wanted = [(1, "cluster", 0), (2, "cluster", 0), (1, "parametric", 0), (1, "cluster", 1), (1, "cluster", 0, 1)]
    draws = {a: Address(*a[:3]).generator(*a[3:]).standard_normal() for a in wanted}
    assert len(set(draws.values())) == 5
    assert Address(1, "cluster", 0).generator().standard_normal() == draws[1, "cluster", 0]
    assert str(Address(1, "cluster", 4)) == "1/cluster/4"


def test_parametric_replicates_do_not_depend_on_shards(basis):
    """Twelve replicates at once have the bits of three shards of four."""
    whole = parametric(basis, 0, 12)
    parts = pd.concat([parametric(basis, at, at + 4) for at in (0, 4, 8)], ignore_index=True)
    pd.testing.assert_frame_equal(whole, parts, check_exact=True)


def test_parametric_bootstrap_is_centred_and_as_wide_as_the_model_says(basis):
    """Over 200 replicates the mean of P is within 4 standard errors of P, the SD within a fifth of its SE."""
    found, whole = parametric(basis, 0, 200), answer(basis.primary, basis.perceived)
    assert (found["status"] != "failed").all() and (found["status"] == "singular").any()
    for name in ("P", "T", "T_A"):
        effect = whole.effects[name]
        assert abs(found[name].mean() - effect.estimate) < 4 * effect.se / np.sqrt(200)
        assert found[name].std() == pytest.approx(effect.se, rel=0.2)
    assert found["P-T"].to_numpy() == pytest.approx((found["P"] - found["T"]).to_numpy())


def shards(basis, folder, cuts):
    """Parametric replicates in files."""
    paths = []
    for k, (first, last) in enumerate(pairwise(cuts)):
        part = parametric(basis, first, last)
        part.attrs["inputs"] = "abc"
        paths.append(write_parquet(folder / f"parametric-{k}.parquet", part))
    return paths


def test_shards_gather_to_the_same_table(basis, tmp_path):
    one = gather(shards(basis, tmp_path / "one", [0, 6]), 7, "parametric", 6)
    three = gather(shards(basis, tmp_path / "three", [0, 2, 5, 6])[::-1], 7, "parametric", 6)
    pd.testing.assert_frame_equal(one, three, check_exact=True)
    first, second = (write_parquet(tmp_path / f"{k}.parquet", t).read_bytes() for k, t in (("a", one), ("b", three)))
    assert first == second


def test_a_shard_at_fault_is_said_and_removed(basis, tmp_path):
    """Truncated, of another seed, or of other inputs: each is told apart, and made anew by the next run."""
    paths = shards(basis, tmp_path, [0, 2, 4])
    paths[1].write_bytes(paths[1].read_bytes()[:500])
    with pytest.raises(UserError, match=r"parametric-1\.parquet: the shard cannot be read \(.*\); it was removed"):
        gather(paths, 7, "parametric", 4)
    assert paths[0].exists() and not paths[1].exists()
    paths = shards(basis, tmp_path, [0, 2, 4])
    with pytest.raises(UserError, match="comes from another seed"):
        gather(paths, 8, "parametric", 4)
    paths = shards(basis, tmp_path, [0, 2, 4])
    other = pd.read_parquet(paths[1])
    other.attrs["inputs"] = "other"
    write_parquet(paths[1], other)
    with pytest.raises(UserError, match="2 different inputs"):
        gather(paths, 7, "parametric", 4)
    assert not any(p.exists() for p in paths)
    paths = shards(basis, tmp_path, [0, 2, 4])
    with pytest.raises(UserError, match="hold 4 of 6 replicates"):
        gather(paths, 7, "parametric", 6)
