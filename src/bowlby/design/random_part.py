"""Which effects of the growth model differ between patients and between therapists: a rule on the design alone."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from bowlby.config.growth import RandomEffects
from bowlby.terms import P, by_time

ENGINE = {"intercept": "1", "time": "time"}
OCCASIONS = "no patient has three or more occasions"


@dataclass(frozen=True)
class RandomPart:
    """The random part of a model.

    Attributes
    ----------
    terms : list of dict
        By group, in the form that :meth:`bowlby.mixed.MixedModel.from_terms` takes.
    left_out : list of dict
        group, term, reason: requested random effects that cannot be estimated.
    """

    terms: list[dict]
    left_out: list[dict]

    @property
    def groups(self) -> list[str]:
        """Who has random effects: patient, therapist."""
        return [term["group"] for term in self.terms]


def random_part(asked: RandomEffects, rows: pd.DataFrame, of_perceived: bool = False) -> RandomPart:
    """The requested random effects, without those that no outcome on these rows could estimate.

    No outcome is looked at: how many times patients were seen and by whom decides.

    Parameters
    ----------
    asked : RandomEffects
    rows : DataFrame
        Columns patient, therapist (missing where there is none), time.
    of_perceived : bool
        Whether the effects of perceived attachment on level and slope vary between therapists too, uncorrelated; a
        variance of theirs that is estimated as 0 counts as known.
    """
    reasons = _of_therapists(rows) | _of_patients(rows)
    terms, left_out = [], []
    for group in ("patient", "therapist"):
        wanted = getattr(asked, group)
        kept = [ENGINE[term] for term in wanted if (group, term) not in reasons]
        left_out += [
            {"group": group, "term": term, "reason": reasons[group, term]}
            for term in wanted
            if (group, term) in reasons
        ]
        if kept:
            terms.append({"group": group, "terms": kept, "correlated": group in asked.correlated})
            if of_perceived and group == "therapist":
                slopes = [P, *([by_time(P)] if "time" in kept else [])]
                terms[-1] |= {"terms": [*kept, *slopes], "known_zero": slopes}
    return RandomPart(terms, left_out)


def _of_patients(rows: pd.DataFrame) -> dict[tuple[str, str], str]:
    """Two occasions show one difference in each patient, which is slope and error in one."""
    occasions = rows.groupby("patient")["time"].nunique()
    return {} if occasions.max() > 2 else {("patient", "time"): OCCASIONS}


def _of_therapists(rows: pd.DataFrame) -> dict[tuple[str, str], str]:
    """A therapist's effect is what several patients share; of one patient it cannot be told from the patient's own."""
    met = rows.dropna(subset=["therapist"])
    times = met.groupby(["therapist", "patient"])["time"]
    several = times.max() > times.min()
    patients, followed = several.groupby("therapist").size(), several.groupby("therapist").sum()
    if len(patients) < 2:
        reason = "all patients have the same therapist" if len(patients) else "no patient has a therapist"
    elif patients.max() < 2:
        reason = "no therapist has two or more patients"
    elif followed.max() < 2:
        return {("therapist", "time"): "no therapist has two or more patients with two or more occasions each"}
    else:
        return {}
    return {("therapist", term): reason for term in ENGINE}
