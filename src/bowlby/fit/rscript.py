"""R as an optional third opinion: the same model in lme4, where Rscript and lme4 are installed."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from bowlby.design.centring import membership as membership_of
from bowlby.errors import UserError, problem
from bowlby.files import write_csv

PROGRAM = """
args <- commandArgs(trailingOnly = TRUE)
suppressMessages(library(lme4))
data <- read.csv(args[1], colClasses = c(therapist = "character", unit = "character"))
cells <- read.csv(args[2])
size <- c(nrow(data), max(cells$column))
weights <- Matrix::sparseMatrix(i = cells$row, j = cells$column, x = cells$weight, dims = size)
slope <- args[3]
terms <- setdiff(names(data), c("y", "therapist", "unit", "in_unit"))
units <- if ("unit" %in% names(data)) "(0 + in_unit | unit)"
form <- reformulate(c(sprintf("`%s`", terms), sprintf("(1 + `%s` || therapist)", slope), units), "y")
parts <- lFormula(form, data, REML = TRUE)
blocks <- parts$reTrms$Ztlist
own <- grep("therapist", names(blocks))
blocks[[own[1]]] <- t(weights)
blocks[[own[2]]] <- t(Matrix::Diagonal(x = data[[slope]]) %*% weights)
parts$reTrms$Zt <- methods::as(do.call(rbind, unname(blocks)), "CsparseMatrix")
sizes <- vapply(blocks, nrow, 1L)
parts$reTrms$Lambdat <- Matrix::sparseMatrix(i = seq_len(sum(sizes)), j = seq_len(sum(sizes)), x = 1)
parts$reTrms$Lind <- rep(seq_along(sizes), sizes)
parts$reTrms$Gp <- c(0L, cumsum(unname(sizes)))
n <- length(parts$reTrms$theta)
devfun <- do.call(mkLmerDevfun, parts)
best <- NULL
for (start in list(rep(1, n), rep(.1, n), c(1, rep(0, n - 1)))) {
  opt <- nloptwrap(start, devfun, lower = rep(0, n), upper = rep(Inf, n),
                   control = list(xtol_abs = 1e-12, ftol_abs = 1e-12, maxeval = 10000))
  if (is.null(best) || opt$fval < best$fval) best <- opt
}
devfun(best$par)
fit <- mkMerMod(environment(devfun), best, parts$reTrms, fr = parts$fr)
cat(sprintf("llf %.17g\\n", as.numeric(logLik(fit))))
b <- fixef(fit); se <- sqrt(diag(as.matrix(vcov(fit))))
for (k in seq_along(b)) cat(sprintf("fixed %.17g %.17g\\n", b[k], se[k]))
"""


def fit_in_r(data: pd.DataFrame, membership: pd.DataFrame, terms: list[str], slope: str) -> dict:
    """Fit ``y ~ terms + (1 + slope || therapist)`` by lme4 with the membership matrix, and units, three starts.

    Parameters
    ----------
    data : DataFrame
        Columns patient, therapist, y and the terms; unit and in_unit where patients are treated together.
    membership : DataFrame
        Columns patient, therapist, weight.
    terms : list of str
    slope : str
        The term whose slope varies between therapists.

    Returns
    -------
    dict
        llf, fixed [{term, estimate, se}] (model-based SE, no small-sample correction).

    Raises
    ------
    UserError
        Status 4 where R or lme4 is absent or fails.
    """
    rscript = shutil.which("Rscript")
    if rscript is None:
        raise UserError(problem("no Rscript", "install R with lme4, or leave the cross-check out"), status=4)
    row, people = pd.factorize(data["patient"])
    cells = membership_of(membership, people).rows(row).weights.tocoo()
    with tempfile.TemporaryDirectory() as folder:
        rows, matrix, program = (Path(folder) / n for n in ("rows.csv", "weights.csv", "fit.R"))
        units = data[["unit", "in_unit"]].fillna({"unit": "alone"}) if "unit" in data else None
        write_csv(rows, pd.concat([data[["therapist", "y", *terms]], units], axis=1))
        write_csv(matrix, pd.DataFrame({"row": cells.row + 1, "column": cells.col + 1, "weight": cells.data}))
        program.write_text(PROGRAM)
        done = subprocess.run(
            [rscript, "--vanilla", str(program), str(rows), str(matrix), slope], capture_output=True, text=True
        )
    if done.returncode:
        raise UserError(
            problem("R could not fit the model", "see that lme4 is installed: Rscript -e 'library(lme4)'"), status=4
        )
    words = [line.split() for line in done.stdout.splitlines()]
    values = [[float(v) for v in w[1:]] for w in words if w[0] == "fixed"]
    llf = next(float(w[1]) for w in words if w[0] == "llf")
    fixed = [{"term": t, "estimate": b, "se": s} for t, (b, s) in zip(["Intercept", *terms], values, strict=True)]
    return {"llf": llf, "fixed": fixed}


def cross_check(fit: dict, data: pd.DataFrame, membership: pd.DataFrame) -> dict:
    """Compare ``fits/primary.json`` with lme4 on the same rows.

    Returns
    -------
    dict
        llf, fixed, difference of the log-likelihoods, largest distance of a coefficient in SE and of an SE in parts.
    """
    own = {f["term"]: f for f in fit["fixed"]}
    terms = [t for t in own if t != "Intercept"]
    other = fit_in_r(data, membership, terms, "a_star_w")
    se = dict(zip(fit["vcov"]["terms"], np.sqrt(np.diag(np.array(fit["vcov"]["values"])))))
    return {
        "schema": 1,
        "engine": "lme4",
        **other,
        "llf_difference": fit["llf"] - other["llf"],
        "largest_difference_in_se": max(
            abs(f["estimate"] - own[f["term"]]["estimate"]) / f["se"] for f in other["fixed"]
        ),
        "largest_relative_difference_of_se": max(abs(f["se"] / se[f["term"]] - 1) for f in other["fixed"]),
    }
