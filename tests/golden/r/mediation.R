# Mediation by lme4 and lavaan: simulates tests/golden/mediation/patients.csv and writes tests/golden/mediation/expected.json.
#
#   Rscript tests/golden/r/mediation.R        from the top of the repository
#
# Needs lme4, pbkrtest, lavaan, jsonlite. Patient style is mediated within therapists (two fits and the covariance of their
# slopes by formula), therapist style between them (two-level model with latent means; caseloads are equal).
suppressMessages({library(jsonlite); library(lme4); library(pbkrtest); library(lavaan)})
folder <- "tests/golden/mediation"

simulate_patients <- function() {
  set.seed(41)
  J <- 60; n <- 12
  therapist <- rep(seq_len(J), each = n)
  s <- rnorm(J); slopes <- matrix(rnorm(2 * J), J) %*% chol(matrix(c(.06, .03, .03, .06), 2))
  z <- rnorm(J * n); pre <- rnorm(J * n)
  mean_m <- .35 * s + rnorm(J, 0, .5)
  m <- mean_m[therapist] + (.4 + slopes[therapist, 1]) * z + .2 * pre + rnorm(J * n, 0, .8)
  within <- m - mean_m[therapist]
  y <- .5 * pre + (.3 + slopes[therapist, 2]) * within + .45 * mean_m[therapist] + .1 * s[therapist] + .15 * z +
    rnorm(J, 0, .2)[therapist] + rnorm(J * n, 0, .8)
  data.frame(therapist, style = round(s[therapist], 4), own = round(z, 4), pre = round(pre, 4), mediator = round(m, 4), y = round(y, 4))
}

split_at <- function(x, group) list(w = x - ave(x, group), b = ave(x, group) - mean(x))
d <- simulate_patients()
write.csv(d, file.path(folder, "patients.csv"), row.names = FALSE)
for (v in c("own", "pre", "mediator")) { p <- split_at(d[[v]], d$therapist); d[[paste0(v, "_w")]] <- p$w; d[[paste0(v, "_b")]] <- p$b }
d$s <- d$style - mean(d$style)
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10))
a <- lmer(mediator ~ pre_w + pre_b + own_w + own_b + s + (1 + own_w || therapist), d, control = control)
b <- lmer(y ~ pre_w + pre_b + mediator_w + own_w + own_b + s + (1 + mediator_w + own_w || therapist), d, control = control)
kr <- function(m, term) { l <- as.numeric(names(fixef(m)) == term); V <- vcovAdj(m); list(estimate = sum(l * fixef(m)), se = sqrt(as.numeric(t(l) %*% V %*% l)), df = Lb_ddf(l, vcov(m), V)) }

# Slopes of each therapist once the fixed effects of the other terms are taken out; weights are caseloads less 1.
own_slope <- function(model, response, term) {
  x <- model.matrix(model); others <- colnames(x) != term
  rest <- response - x[, others] %*% fixef(model)[others]
  sapply(split(seq_along(rest), d$therapist), function(i) cov(d[[term]][i], rest[i]) / var(d[[term]][i]))
}
aj <- own_slope(a, d$mediator, "own_w"); bj <- own_slope(b, d$y, "mediator_w")
J <- length(aj); cov_of <- function(k) cov(aj[k], bj[k])
without <- sapply(seq_len(J), function(j) cov_of(-j))
covariance <- list(estimate = cov_of(seq_len(J)), se = sqrt((J - 1) / J * sum((without - mean(without))^2)))

model <- "
level: 1
  mediator ~ own + pre
  y ~ mediator + own + pre
level: 2
  mediator ~ a*style
  y ~ g*mediator + style
  indirect := a*g
"
fit <- sem(model, d, cluster = "therapist")
of <- function(label) { e <- parameterEstimates(fit); r <- e[e$label == label, ]; list(estimate = r$est, se = r$se) }
write_json(list(made_by = paste("lme4", packageVersion("lme4"), "lavaan", packageVersion("lavaan")),
  a_patient = kr(a, "own_w"), a_therapist = kr(a, "s"), b = kr(b, "mediator_w"), direct_patient = kr(b, "own_w"), covariance = covariance,
  indirect_patient = fixef(a)[["own_w"]] * fixef(b)[["mediator_w"]] + covariance$estimate,
  rho = fixef(b)[["mediator_w"]] * sigma(a) / sqrt((fixef(b)[["mediator_w"]] * sigma(a))^2 + sigma(b)^2),
  between = list(a = of("a"), g = of("g"), indirect = of("indirect"))),
  file.path(folder, "expected.json"), auto_unbox = TRUE, digits = 12, pretty = TRUE)
