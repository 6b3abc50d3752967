"""Results of another version of the code, whose records this one cannot read, are named as such."""

import pytest

from bowlby.errors import UserError
from bowlby.files import write_json
from bowlby.manifest import ROOT, git_state
from bowlby.reproduction.verify import verify


def made_by(commit, folder):
    """A run whose manifest lacks its configuration, as another version might have written it."""
    write_json(folder / "manifest.json", {"git": {"commit": commit}})
    return folder


def test_the_commit_is_named_only_if_it_is_another(tmp_path):
    with pytest.raises(UserError, match=r"another version of the code \(commit abc\), whose records differ"):
        verify(made_by("abc", tmp_path))
    with pytest.raises(KeyError):
        verify(made_by(git_state(ROOT)["commit"], tmp_path))
