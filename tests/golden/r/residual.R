# A residual variance for each group of rows: nlme::lme with varIdent, polished on the exact likelihood.
#
#   Rscript tests/golden/r/residual.R          from the top of the repository
#
# Rows of design 1; the groups are patients above and below the mean intake score of their therapist.
suppressMessages({
  library(nlme)
  library(numDeriv)
  library(jsonlite)
})
data <- read.csv("tests/golden/mixed/data/1_prepost_ancova.csv")
data$worse <- ifelse(data$pre_w > 0, "above", "below")
fixed <- y ~ pre_w + a_w + s_anx
X <- model.matrix(fixed, data); y <- data$y; n <- nrow(X); p <- ncol(X)
ZZ <- tcrossprod(model.matrix(~ 0 + therapist, data))
above <- data$worse == "above"

# Minus the log-likelihood in log SDs of therapist, residual above, residual below.
parts <- function(x) {
  V <- exp(2 * x[1]) * ZZ + diag(ifelse(above, exp(2 * x[2]), exp(2 * x[3])))
  R <- chol(V)
  Xs <- backsolve(R, X, transpose = TRUE); ys <- backsolve(R, y, transpose = TRUE)
  information <- crossprod(Xs)
  beta <- solve(information, crossprod(Xs, ys))
  list(R = R, information = information, beta = drop(beta), rss = sum((ys - Xs %*% beta)^2))
}
minus_loglik <- function(x, reml) {
  k <- parts(x)
  restricted <- if (reml) sum(log(diag(chol(k$information)))) - p / 2 * log(2 * pi) else 0
  sum(log(diag(k$R))) + k$rss / 2 + n / 2 * log(2 * pi) + restricted
}
describe <- function(reml) {
  start <- lme(fixed, data, random = ~ 1 | therapist, weights = varIdent(form = ~ 1 | worse),
               method = if (reml) "REML" else "ML")
  ratio <- coef(start$modelStruct$varStruct, unconstrained = FALSE, allCoef = TRUE)
  x <- log(c(as.numeric(VarCorr(start)[1, 2]), sigma(start) * ratio[["above"]], sigma(start) * ratio[["below"]]))
  f <- function(x) minus_loglik(x, reml)
  for (step in 1:6) x <- x - solve(hessian(f, x), grad(f, x))
  k <- parts(x)
  list(logLik = -f(x), nlme_logLik = as.numeric(logLik(start)), max_abs_gradient = max(abs(grad(f, x))),
       therapist_variance = exp(2 * x[1]), residual_variance = list(above = exp(2 * x[2]), below = exp(2 * x[3])),
       fixef = as.list(setNames(k$beta, colnames(X))),
       se = as.list(setNames(sqrt(diag(solve(k$information))), colnames(X))))
}
write_json(list(model = "y ~ pre_w + a_w + s_anx + (1 | therapist)", reml = describe(TRUE), ml = describe(FALSE)),
           "tests/golden/mixed/reference/variance_by_group.json", auto_unbox = TRUE, digits = NA, pretty = TRUE)
