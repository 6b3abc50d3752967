# P and T over three outcomes by a jackknife over therapists, with lme4: simulates tests/golden/pooled/outcomes.csv and
# writes expected.json beside it.
#
#   Rscript tests/golden/r/pooled_outcomes.R        from the top of the repository
suppressMessages({library(lme4); library(jsonlite)})
folder <- "tests/golden/pooled"
set.seed(203)
J <- 14; n <- 12; K <- 3
therapist <- rep(seq_len(J), each = n); N <- J * n
style <- rnorm(J)[therapist]; style <- style - mean(style)
felt <- rnorm(N); felt <- felt - ave(felt, therapist)
pre <- rnorm(N); within <- pre - ave(pre, therapist); between <- ave(pre, therapist) - mean(pre)
common <- rnorm(N); shared <- rnorm(J, 0, 0.5)[therapist]; steeper <- rnorm(J, 0, 0.25)[therapist]
y <- sapply(seq_len(K), function(k) {
  round(0.5 * pre + (0.1 * k + steeper) * felt + 0.1 * style + shared + rnorm(J, 0, 0.3)[therapist] +
          0.6 * common + rnorm(N, 0, 0.8), 5)
})
data <- data.frame(patient = seq_len(N), therapist = sprintf("T%02d", therapist), baseline_within = within,
                   baseline_between = between, perceived_within = felt, therapist_style = style, y1 = y[, 1], y2 = y[, 2],
                   y3 = y[, 3])
write.csv(data, file.path(folder, "outcomes.csv"), row.names = FALSE)

tight <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e5), calc.derivs = FALSE,
                     boundary.tol = 0)
slopes <- function(rows) unlist(lapply(c("y1", "y2", "y3"), function(name) {
  rows$y <- rows[[name]]
  fit <- suppressMessages(lmer(y ~ baseline_within + baseline_between + perceived_within + therapist_style +
                                 (1 + perceived_within || therapist), rows, control = tight))
  fixef(fit)[c("perceived_within", "therapist_style")]
}))[c(1, 3, 5, 2, 4, 6)]
whole <- slopes(data)
each <- t(sapply(unique(data$therapist), function(j) slopes(data[data$therapist != j, ])))
centred <- sweep(each, 2, colMeans(each))
v <- (J - 1) / J * crossprod(centred)
equal <- function(b, v) {
  c <- cbind(-1, diag(K - 1))
  t2 <- drop(t(c %*% b) %*% solve(c %*% v %*% t(c)) %*% (c %*% b))
  f <- t2 * (J - K + 1) / ((J - 1) * (K - 1))
  list(f = f, p = pf(f, K - 1, J - K + 1, lower.tail = FALSE))
}
mean_of <- function(at) list(estimate = mean(whole[at]), se = sqrt(sum(v[at, at])) / K)
difference <- c(rep(1 / K, K), rep(-1 / K, K))
write_json(list(P = mean_of(1:3), T = mean_of(4:6),
                "P-T" = list(estimate = sum(difference * whole), se = sqrt(drop(difference %*% v %*% difference))),
                heterogeneity = list(P = equal(whole[1:3], v[1:3, 1:3]), T = equal(whole[4:6], v[4:6, 4:6]))),
           file.path(folder, "expected.json"), auto_unbox = TRUE, digits = NA, pretty = TRUE)
