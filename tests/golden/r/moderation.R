# Moderation by lme4 and pbkrtest: simulates tests/golden/moderation/patients.csv, writes tests/golden/moderation/expected.json.
#
#   Rscript tests/golden/r/moderation.R        from the top of the repository
#
# Needs lme4, pbkrtest, jsonlite. The simultaneous band has the critical value sqrt(2 F(2, df) / F.scaling) of the joint
# Kenward-Roger test of slope and product; regions are the roots of the quadratic equation (Bauer & Curran 2005).
suppressMessages({library(jsonlite); library(lme4); library(pbkrtest)})
folder <- "tests/golden/moderation"

simulate_patients <- function() {
  set.seed(53)
  J <- 36; sizes <- sample(8:20, J, TRUE); therapist <- rep(seq_len(J), sizes); n <- length(therapist)
  s <- rnorm(J); pre <- rnorm(n) + rnorm(J, 0, .3)[therapist]; a <- rnorm(n) + rnorm(J, 0, .2)[therapist]
  format <- sample(c("couple", "group", "individual"), n, TRUE, c(.25, .3, .45))
  slope <- c(couple = .1, group = -.1, individual = .5)[format]
  dev <- matrix(rnorm(3 * J, 0, .35), J, dimnames = list(NULL, c("couple", "group", "individual")))
  y <- .5 * pre + (.3 + rnorm(J, 0, .25))[therapist] * a + slope * s[therapist] - .3 * s[therapist] * pre +
    rnorm(J, 0, .3)[therapist] * pre + dev[cbind(therapist, match(format, colnames(dev)))] + rnorm(J, 0, .3)[therapist] + rnorm(n, 0, .7)
  data.frame(therapist, style = round(s[therapist], 4), pre = round(pre, 4), perceived = round(a, 4), format, y = round(y, 4))
}

d <- simulate_patients()
write.csv(d, file.path(folder, "patients.csv"), row.names = FALSE)
split_at <- function(x) { m <- ave(x, d$therapist); list(w = x - m, b = m - mean(m)) }
indicators <- sapply(c("couple", "group", "individual"), function(f) as.numeric(d$format == f))
for (v in c("pre", "perceived")) { p <- split_at(d[[v]]); d[[paste0(v, "_w")]] <- p$w; d[[paste0(v, "_b")]] <- p$b }
for (f in colnames(indicators)) { p <- split_at(indicators[, f]); d[[paste0(f, "_w")]] <- p$w; d[[paste0(f, "_b")]] <- p$b }
d$s <- d$style - mean(d$style)
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e5))
fit <- function(formula) lmer(formula, d, control = control)

one <- function(m, weights) {
  l <- setNames(rep(0, length(fixef(m))), names(fixef(m))); l[names(weights)] <- weights
  V <- as.matrix(vcovAdj(m)); est <- sum(l * fixef(m)); se <- sqrt(as.numeric(t(l) %*% V %*% l)); df <- Lb_ddf(l, vcov(m), vcovAdj(m))
  list(estimate = est, se = se, df = df, p = 2 * pt(-abs(est / se), df))
}
joint <- function(m, terms) {
  L <- t(sapply(terms, function(t) as.numeric(names(fixef(m)) == t)))
  k <- getKR(KRmodcomp(m, L)); list(f = unname(k$Fstat), df_den = unname(k$ddf), p = unname(k$p.value), scale = unname(k$F.scaling))
}
line <- function(m, x, product, step, range) {
  test <- joint(m, c(x, product)); V <- as.matrix(vcovAdj(m)); i <- match(c(x, product), names(fixef(m)))
  critical <- sqrt(2 * qf(.95, 2, test$df_den) / test$scale)
  b <- fixef(m)[i] * c(1, step); S <- V[i, i] * outer(c(1, step), c(1, step))
  q <- c(b[2]^2 - critical^2 * S[2, 2], 2 * (b[1] * b[2] - critical^2 * S[1, 2]), b[1]^2 - critical^2 * S[1, 1])
  roots <- sort((-q[2] + c(-1, 1) * sqrt(q[2]^2 - 4 * q[1] * q[3])) / (2 * q[1]))
  at <- function(v) one(m, setNames(c(1, step * v), c(x, product)))
  pointwise <- function(v) { e <- at(v); abs(e$estimate) - qt(.975, e$df) * e$se }
  grid <- seq(range[1], range[2], length.out = 41); values <- sapply(grid, pointwise)
  cuts <- sapply(which(diff(sign(values)) != 0), function(k) uniroot(pointwise, grid[k + 0:1], tol = 1e-10)$root)
  list(interaction = one(m, setNames(step, product)), slopes = lapply(c(-1, 0, 1), at), critical = critical,
       df_den = test$df_den, scale = test$scale, roots = unname(roots), pointwise = as.list(cuts), llf = as.numeric(logLik(m)))
}
level <- function(m, k) {
  p <- colMeans(indicators); w <- (colnames(indicators)[2:3] == k) - p[2:3]
  one(m, setNames(c(1, w), c("s", "s:group_w", "s:individual_w")))
}

severity <- fit(y ~ pre_w + pre_b + perceived_w + s + s:pre_w + s:pre_b + (1 + perceived_w + pre_w || therapist))
attachment <- fit(y ~ pre_w + pre_b + perceived_w + s + perceived_w:s + (1 + perceived_w || therapist))
format <- fit(y ~ pre_w + pre_b + perceived_w + s + group_w + individual_w + group_b + individual_b + s:group_w + s:individual_w +
                s:group_b + s:individual_b + (1 + perceived_w + couple_w + group_w + individual_w || therapist))
write_json(list(made_by = paste("lme4", packageVersion("lme4"), "pbkrtest", packageVersion("pbkrtest")),
  severity = line(severity, "s", "pre_w:s", -1, c(-2, 2)),
  attachment = line(attachment, "perceived_w", "perceived_w:s", 1, c(-2, 2)),
  format = c(joint(format, c("s:group_w", "s:individual_w")), list(llf = as.numeric(logLik(format)),
    levels = sapply(colnames(indicators), function(k) level(format, k), simplify = FALSE)))),
  file.path(folder, "expected.json"), auto_unbox = TRUE, digits = 12, pretty = TRUE)
