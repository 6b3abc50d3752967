"""Perceived attachment beside the alliance: what the table says of subscales."""

from bowlby.report.sections.other_measures import _sheet


def fit(terms, blocks=()):
    rows = [{"term": t, "estimate": 3.0 * (k + 1), "ci_low": 0.0, "ci_high": 6.0, "p": 0.03}
            for k, t in enumerate(terms)]  # fmt: skip
    return {"fixed": rows, "n_obs": 80, "blocks": list(blocks)}


def sheet(scales):
    both = ["perceived_within", "alliance_within", "therapist_style"]
    fits = {
        "m1": fit(["perceived_within"]),
        "joint": fit(both),
        "alone": fit(["alliance_within", "therapist_style"]),
        "scales": scales,
    }
    return _sheet("alliance", fits, 6.0)


def test_subscales_stand_below_with_their_joint_test():
    block = {
        "name": "alliance",
        "terms": ["alliance_goal_within", "alliance_bond_within"],
        "f": 4.5,
        "df_num": 2,
        "df_den": 70.0,
        "p": 0.015,
    }
    made = sheet(fit(["perceived_within", "alliance_goal_within", "alliance_bond_within"], [block]))
    title, rows = made.parts[1]
    assert title == "With the subscales of alliance in one model"
    assert [row[:2] for row in rows] == [["Perceived attachment", "0.50"], ["Goal", "1.00"], ["Bond", "1.50"]]
    assert made.note.endswith("adjusted for perceived attachment: *F*(2, 70.0) = 4.50, *p* = .015.")


def test_without_subscales_there_is_one_part():
    made = sheet(None)
    assert len(made.parts) == 1 and made.note == "All models include the 80 patients with both ratings."
