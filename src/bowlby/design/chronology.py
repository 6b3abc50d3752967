"""In which order outcome and predictors were asked, and at which times."""

from __future__ import annotations

from bowlby.config.run import Run
from bowlby.config.study import SESSIONS, Study
from bowlby.errors import Problem, existing, problem


def wrong_times(run: Run, study: Study) -> list[Problem]:
    """A course needs two points in time, and perceived attachment is rated up to the landmark."""
    growth = run.growth
    lines: list[Problem] = []
    if growth is None:
        return []
    time = {o.id: o.time for o in study.occasions}
    if growth.time == "occasions" and SESSIONS not in time and len({*time.values()} - {None}) < 2:
        lines.append(
            problem("growth: fewer than two occasions of the study file have a time", "give `time:` to them there")
        )
    if growth.landmark is not None and growth.perceived:
        rated = {"occasions": time.get(growth.perceived.occasion or ""), "sessions": growth.perceived.sessions}
        late = rated.get(growth.time)
        if late is not None and late > growth.landmark:
            what = f"growth.perceived was rated at {late:g}, after growth.landmark ({growth.landmark:g})"
            lines.append(problem(what, "give a later landmark, or an earlier rating"))
    return lines


def wrong_change(run: Run, occasions: list[str]) -> list[Problem]:
    """A change of style is counted from an earlier occasion to a later one."""
    asked = run.style_transitions
    if asked is None or not {asked.pre, asked.post} <= set(occasions):
        return []
    late = occasions.index(asked.pre) > occasions.index(asked.post)
    return [problem("style_transitions.pre is not before style_transitions.post", "exchange them")] if late else []


def wrong_orders(run: Run, occasions: list[str]) -> list[Problem]:
    """:func:`wrong_order` for the registered outcome and every other one, whose lines say which; each line once.

    Parameters
    ----------
    run : Run
    occasions : list of str
        The study's occasions in order. An outcome with an occasion that is not among them is passed over.
    """
    if run.comparison is None:
        return []
    problems: list[Problem] = []
    for number, outcome in enumerate([run.outcome, *run.other_outcomes]):
        where = f"other_outcomes[{number - 1}]: " if number else ""
        if not (outcome.after or (outcome.pre and outcome.post)):
            problems.append(problem(f"{where}the comparison needs pre and post", "add both"))
            continue
        asked = {outcome.pre, outcome.post, outcome.early, run.comparison.perceived.occasion} - {None}
        if asked <= set(occasions):
            lines = wrong_order(run.model_copy(update={"outcome": outcome}), occasions)
            problems += [problem(where + line.what, line.do) for line in lines if line not in problems]
    return problems


def wrong_order(run: Run, occasions: list[str]) -> list[Problem]:
    """What is wrong with the order in which outcome and perceived attachment were asked, one line each.

    Parameters
    ----------
    run : Run
        With a comparison whose occasions are all among the study's.
    occasions : list of str
        The study's occasions in order.
    """
    outcome, perceived, problems = run.outcome, existing(run.comparison).perceived, []
    if outcome.after is not None:
        if perceived.sessions is None or perceived.sessions > outcome.after:
            what = f"perceived attachment may include ratings after session {outcome.after} (outcome.after)"
            problems.append(problem(what, f"set comparison.perceived.sessions to {outcome.after} or fewer"))
        return problems
    pre, post = occasions.index(existing(outcome.pre)), occasions.index(existing(outcome.post))
    when = None if perceived.occasion is None else occasions.index(perceived.occasion)
    if when is not None and when >= post:
        what = f"perceived attachment ({perceived.occasion}) is not measured before the outcome ({outcome.post})"
        problems.append(problem(what, "choose an earlier comparison.perceived.occasion"))
    if outcome.early is not None and not (
        pre < occasions.index(outcome.early) < post and (when is None or occasions.index(outcome.early) <= when)
    ):
        what = f"outcome.early ({outcome.early}) is not between outcome.pre and the rating of perceived attachment"
        problems.append(problem(what, "choose another occasion, or leave it out"))
    if pre >= post:
        problems.append(problem("outcome.pre is not before outcome.post", "exchange them"))
    return problems
