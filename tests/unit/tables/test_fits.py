"""What is said of random effects: their SDs, variances at the boundary, what was left out and why."""

from bowlby.tables.fits import boundary, left_out, random_sds


def variance(group: str, term: str, value: float) -> dict:
    return {"group": group, "term": term, "term2": None, "variance_or_cov": value, "sd_or_corr": value**0.5}


def correlation(r: float | None) -> dict:
    return {"group": "patient", "term": "Intercept", "term2": "time", "variance_or_cov": r, "sd_or_corr": r}


PATIENTS = [variance("patient", "Intercept", 4.0), variance("patient", "time", 0.25)]
THERAPISTS = [variance("therapist", "Intercept", 1.0), variance("therapist", "time", 0.0)]


def test_sds_and_correlations():
    fit = {"random": [*PATIENTS, correlation(0.267), *THERAPISTS], "scale": 9.0}
    assert random_sds(fit) == (
        "Random part, *SD*: patient (intercept) 2.00; patient (time) 0.50; patient (intercept with time) *r* = .27; "
        "therapist (intercept) 1.00; therapist (time) 0.00; residual 3.00"
    )
    assert "*r*" not in random_sds({"random": [*PATIENTS, correlation(None)], "scale": 9.0})


def test_the_variances_at_the_boundary_are_named():
    fit = {"singular": True, "random": [*PATIENTS, correlation(0.3), *THERAPISTS]}
    slope = "the variance of the random slope of time (therapists)"
    assert boundary(fit) == f"Estimated at 0 (boundary): {slope}."
    known = "The variance is treated as known in standard errors and degrees of freedom."
    assert boundary(fit | {"known_zero": ["time"]}) == f"Estimated at 0 (boundary): {slope}. {known}"
    product = THERAPISTS[1] | {"term": "perceived_within"}
    both = boundary(fit | {"random": [*THERAPISTS, product], "known_zero": ["perceived_within"]})
    attachment = "the random slope of perceived attachment, within therapist (therapists)"
    assert f"the variances of the random slope of time (therapists) and {attachment}." in both
    assert f"Of these, that of {attachment} is treated as known" in both
    every = boundary(fit | {"random": [product, THERAPISTS[1]], "known_zero": ["perceived_within", "time"]})
    assert every.endswith("The variances are treated as known in standard errors and degrees of freedom.")
    assert boundary(fit | {"singular": False}) == ""


def test_effects_that_determine_each_other_are_a_boundary_too():
    fit = {"singular": True, "random": [*PATIENTS, correlation(-1.0), THERAPISTS[0]]}
    assert boundary(fit) == "The covariance matrix of the random effects of patients is singular (boundary)."


def test_what_was_left_out_is_said_with_its_reason():
    none = [{"group": "therapist", "term": t, "reason": "no patient has a therapist"} for t in ("intercept", "time")]
    slope = [{"group": "patient", "term": "time", "reason": "no patient has three or more occasions"}]
    fit = {"random": PATIENTS, "left_out": none}
    assert left_out(fit) == (
        "The model is without random effects of therapists, which cannot be estimated: no patient has a therapist."
    )
    assert left_out({"random": PATIENTS[:1], "left_out": slope}) == (
        "The model is without a random slope of time of patients, which cannot be estimated: no patient has three or "
        "more occasions."
    )
    assert left_out({"random": PATIENTS}) == ""
