"""What the methods text says of sessions, mediation, moderation, change of patients and response surfaces."""

from __future__ import annotations

from collections.abc import Mapping

from bowlby.results import Results
from bowlby.tables.clinical_change import METHODS
from bowlby.terms import EVENTS, IN_SENTENCES

DETRENDED = {
    "none": "one mean for all sessions",
    "mean": "a mean for each session (a straight line from the 13th session on)",
    "patient": "a mean for each session (a straight line from the 13th session on) and each patient's straight line",
}
ERRORS = {
    "therapists": "Standard errors are from a jackknife over therapists, because paths may differ between them; df are "
    "the number of therapists, or of groups of them if there are more than 40, less 1.",
    "patients": "Standard errors are based on the observed information, by the delta method; df are the number of "
    "patients less 1.",
}


def session_to_session(results: Results, record: Mapping) -> str:
    """A paragraph of the model, its estimation and its rules."""
    settings = results.config.get("session_to_session") or {}
    predictor, outcome = (
        f"{record['labels'][name]} ({results.instrument((settings.get(name) or {}).get('instrument', name))[0]})"
        for name in ("predictor", "outcome")
    )
    therapists = record["n_therapists"]
    levels = "patients and therapists" if therapists else "patients"
    change = " or a change of therapist" if therapists else ""
    anew = f"After a gap of more than {record['gap']} sessions{change}, a new process begins"
    sample = f"{record['n_patients']:,} patients{f' and {therapists:,} therapists' if therapists else ''}"
    sentences = [
        f"The temporal order of {predictor} and {outcome} was examined from session to session with a random-intercept "
        f"cross-lagged panel model ([[hamaker]]). Each score is the sum of a mean, intercepts of {levels}, and a "
        "process within the patient in which both scores depend on both scores of the previous session.",
        "Paths and innovations are the same at all sessions; the covariance at the start of a process is free.",
        f"{anew}; over shorter gaps the matrix of paths is raised to the power of the number of sessions.",
        *_by_date(record),
        f"The model has {DETRENDED[record['detrend']]}. It was also fitted with the other methods of detrending.",
        f"All {record['n_obs']:,} sessions of {sample} were included, by maximum likelihood. Paths are standardised "
        f"within patients. {ERRORS[record['standard_errors']]}",
        "L1 is supported if the lower 97.5% limit of the path to the next outcome lies above 0. L2 is supported if the "
        "lower 97.5% limits of the difference between this path and the reverse path, and of their sum, lie above 0.",
        "The common model with person-mean-centred predictors is also reported; it is biased ([[nickell]]).",
    ]
    return " ".join(sentences)


def _by_date(record: Mapping) -> list[str]:
    """How sessions were counted by date, if they were."""
    if record["interval"] is None:
        return []
    unused = record["n_unused_answers"]
    rest = f" ({unused:,} answer{'' if unused == 1 else 's'} not used)" if unused else ""
    return [
        "Sessions were counted by date, in intervals of "
        f"{record['interval']:g} days from the patient's first answer; of "
        f"several answers in one interval the first was used{rest}."
    ]


def mediation(record: Mapping) -> str:
    """A paragraph of the models and intervals of indirect effects."""
    mediators = ", ".join(IN_SENTENCES[one["mediator"]] for one in record["mediators"])
    patient = any(one["patient"] for one in record["mediators"])
    said = [
        f"Mediation was examined with {mediators} as {'mediator' if len(record['mediators']) == 1 else 'mediators'}."
    ]
    if patient:
        said.append(
            "For the patient's style the mediator was regressed on it, and the outcome on the mediator and on it, "
            "within therapists, with random slopes; the indirect effect is the product of both paths and the "
            "covariance of their slopes between therapists ([[bauer]]), its interval from 20,000 Monte Carlo draws."
        )
    said.append(
        "For the therapist's style only paths between therapists were used; the path from mediator to outcome rests on "
        "the answers of different patients, and the interval is the range of products that the joint test of both "
        "paths does not reject."
    )
    if patient:
        said.append(
            "Sensitivity to confounding of mediator and outcome is given as the correlation of their errors at which "
            "the indirect effect vanishes ([[imai]])."
        )
    return " ".join(said)


def suicidal_ideation(results: Results, record: Mapping) -> str:
    """A paragraph of counts and the ordinal model of outcomes that are suicidal ideation."""
    outcomes = (row["outcome"] for row in record["outcomes"])
    named = [f"{results.instrument(o['instrument'])[0]}, {o['scale'].replace('_', ' ')}" for o in outcomes]
    said = [
        f"Suicidal ideation ({'; '.join(named)}) was described by the numbers of patients with each score before and "
        "after treatment, and of patients in whom it was new, worsened, unchanged, improved or resolved."
    ]
    if any(row["ordinal"]["estimable"] for row in record["outcomes"]):
        said.append(
            "The score after treatment was regressed on the predictors of the main model by a proportional-odds model "
            "(a logistic model of the lowest score if too few patients had other scores) with generalised estimating "
            "equations ([[liang]]); standard errors were bias-reduced (CR2) and clustered by therapist "
            "([[pustejovsky]])."
        )
    return " ".join(said)


def clinical_change(record: Mapping) -> str:
    """A paragraph of the classes of change and the models of their predictors."""
    cut = "no cut-off was known" if record["cut"] is None else f"the cut-off was {record['cut']:g}"
    others = [words for name, words in EVENTS.items() if name != record["event"] and name in record["models"]]
    said = [
        f"Change of each patient was classified by {METHODS[record['method']]} ({record['criterion']}; {cut}) "
        "([[jacobson]]).",
        f"The event “{EVENTS[record['event']]}” was regressed on perceived attachment within therapists, the "
        "therapist's own style, the outcome before treatment and the covariates by a logistic model with generalised "
        "estimating equations and an exchangeable working correlation within therapists ([[liang]]), as "
        f"{'was the event' if len(others) == 1 else 'were the events'} "
        f"{' and '.join(f'“{words}”' for words in others)}.",
        "All classes were analysed together with a proportional-odds model and an independent working correlation.",
        "Standard errors were bias-reduced (CR2) and clustered by therapist, with Satterthwaite degrees of freedom "
        "([[pustejovsky]]).",
        "Probabilities were averaged over the patients with the predictor at 1 SD below and above its mean.",
    ]
    if record["cut"] is not None:
        said.append("Patients on the functional side of the cut-off at intake were left out of the models of recovery "
                    "and of all classes.")  # fmt: skip
    return " ".join(said)


def moderation(record: Mapping) -> str:
    """A paragraph of the models, bands and adjustment of interactions."""
    every = record["interactions"]
    names = "; ".join(f"{one['predictor']} by {one['moderator']}" for one in every)
    numbers = any("levels" not in one for one in every)
    said = [
        f"Interactions were examined in exploratory analyses ({names}).",
        "The moderator was added to the main model, split into its parts within and between therapists, together with "
        "the products of the predictor and both parts. The product with the part within therapists was tested, or, if "
        "the moderator does not vary within therapists, that with the part between them. Predictors that vary within "
        "therapists had random slopes. If the moderator also varies within therapists, so had its product with such a "
        "predictor; if the predictor does not vary within therapists, the moderator had a random slope. Standard "
        "errors, degrees of freedom and F tests were computed by the Kenward-Roger method.",
    ]
    if numbers:
        said.append(
            "Slopes are given at −1 SD, the mean and +1 SD. Johnson-Neyman regions, in which the slope differs from 0, "
            "are based on the simultaneous 95% band of the line ([[curran]]; [[scheffe]]), with critical value "
            "√(2F(2, df)/λ), df and λ those of the joint Kenward-Roger test, within the observed range."
        )
    if len(every) > 1:
        said.append(
            f"p values were adjusted for the false discovery rate across the {len(every)} interactions ([[benjamini]])."
        )
    return " ".join(said)


def style_transitions(results: Results, record: Mapping) -> str:
    """A paragraph of the change of attachment styles."""
    name = results.instrument(record["instrument"])[0]
    said = [
        f"Attachment styles by {name} were compared between {record['pre']} and {record['post']} in patients with a "
        "style at both occasions.",
        "The 95% interval of a share is from a logistic model with an intercept only, fitted by generalised "
        "estimating equations with independent working correlation, with CR2 standard errors clustered by therapist "
        "and Satterthwaite degrees of freedom ([[pustejovsky]]).",
    ]
    if record["reliable"] is not None:
        said.append("A shift was called reliable if the change on each dimension on which the patient changed side had "
                    "a reliable change index of at least 1.96 ([[jacobson]]).")  # fmt: skip
    return " ".join(said)


def response_surface(record: Mapping) -> str:
    """A paragraph of the model, its features and the rule of congruence."""
    first = record["surfaces"][0]
    named = "; ".join(f"{x} (X) and {w} (W)" for x, w in (surface["labels"] for surface in record["surfaces"]))
    origin = "the means of their norms, in their SDs" if first["standardised"] else (
        "the midpoint of the scale's possible scores, in one common SD"
    )  # fmt: skip
    slopes = (
        " What patients rated was not centred at the therapist's mean, so that both scores remain commensurable; its "
        "therapist means were a covariate, and its slope within therapists was random."
    ) * bool(first["n_therapists"])
    return (
        f"The match of {named} was examined by response surface analysis ([[edwards]]; for multilevel data, "
        "[[nestler]]). Outcome was regressed on both scores, their squares and their product, with the covariates of "
        f"the main model; scores are distances from {origin}.{slopes} The features a1 to a5 ([[shanock]]) are linear "
        "contrasts of the coefficients with Kenward-Roger standard errors and degrees of freedom. Congruence is "
        f"supported if a3 and a5 are equivalent to 0 (within ±{record['delta']:g} and ±{record['delta_a5']:g} SD, "
        "90% intervals), a4 and b3 + b5 are below 0 and b4 is above 0 (97.5% limits), and the 95% Fieller intervals of "
        "the ridge's slope and position include the line of congruence ([[humberg]]). The surface is interpreted only "
        "within the convex hull of the data."
    )
