# Response surface by lme4 and pbkrtest: simulates tests/golden/response_surface/patients.csv and writes expected.json there.
#
#   Rscript tests/golden/r/response_surface.R        from the top of the repository
#
# Needs lme4, pbkrtest, jsonlite. Coefficients by REML; features a1 to a5 are linear contrasts with Kenward-Roger; the ridge's
# slope and its crossing of the line of incongruence by formula from the coefficients, their sets by Fieller's theorem.
suppressMessages({library(jsonlite); library(lme4); library(pbkrtest)})
folder <- "tests/golden/response_surface"
set.seed(52)
J <- 60; n <- 14
therapist <- rep(seq_len(J), each = n)
w <- rnorm(J, -.4, .8); slope <- rnorm(J, 0, .15)
x <- rnorm(J * n, -.1, 1) + rnorm(J, 0, .3)[therapist]
pre <- rnorm(J * n); wt <- w[therapist]
y <- .5 * pre + .1 * x + .12 * wt - .2 * x^2 + .42 * x * wt - .22 * wt^2 + slope[therapist] * x + rnorm(J, 0, .2)[therapist] + rnorm(J * n, 0, .8)
d <- data.frame(therapist, w = round(wt, 4), x = round(x, 4), pre = round(pre, 4), y = round(y, 4))
write.csv(d, file.path(folder, "patients.csv"), row.names = FALSE)

split_at <- function(x) list(w = x - ave(x, d$therapist), b = ave(x, d$therapist) - mean(x))
p <- split_at(d$pre); d$pre_w <- p$w; d$pre_b <- p$b
p <- split_at(d$x); d$x_w <- p$w; d$x_b <- p$b
d$xx <- d$x^2; d$xw <- d$x * d$w; d$ww <- d$w^2
m <- lmer(y ~ pre_w + pre_b + x + w + xx + xw + ww + x_b + (1 + x_w || therapist), d, control = lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10)))
V <- vcovAdj(m); b <- fixef(m); own <- c("x", "w", "xx", "xw", "ww")
features <- list(b1 = c(1, 0, 0, 0, 0), b2 = c(0, 1, 0, 0, 0), b3 = c(0, 0, 1, 0, 0), b4 = c(0, 0, 0, 1, 0), b5 = c(0, 0, 0, 0, 1),
  a1 = c(1, 1, 0, 0, 0), a2 = c(0, 0, 1, 1, 1), a3 = c(1, -1, 0, 0, 0), a4 = c(0, 0, 1, -1, 1), a5 = c(0, 0, 1, 0, -1), `b3+b5` = c(0, 0, 1, 0, 1))
full <- function(l) { v <- setNames(numeric(length(b)), names(b)); v[own] <- l; v }
kr <- lapply(features, function(l) { l <- full(l); list(estimate = sum(l * b), se = sqrt(as.numeric(t(l) %*% V %*% l)), df = Lb_ddf(l, vcov(m), V)) })

fieller <- function(above, below) {
  q <- qt(.975, min(kr[[above]]$df, kr[[below]]$df))^2; e <- kr[[above]]$estimate; f <- kr[[below]]$estimate
  covariance <- as.numeric(t(full(features[[above]])) %*% V %*% full(features[[below]]))
  roots <- polyroot(c(e^2 - q * kr[[above]]$se^2, -2 * (e * f - q * covariance), f^2 - q * kr[[below]]$se^2))
  list(estimate = e / f, ci = sort(Re(roots)))
}
r <- fieller("a5", "b4"); s <- fieller("a3", "a4")
# the first principal axis: eigenvector of the larger eigenvalue of the quadratic form
axis <- eigen(matrix(c(b["xx"], b["xw"] / 2, b["xw"] / 2, b["ww"]), 2))$vectors[, 1]
write_json(list(made_by = paste("lme4", packageVersion("lme4"), "pbkrtest", packageVersion("pbkrtest")), contrasts = kr,
  variances = list(intercept = as.numeric(VarCorr(m)[[1]]), slope = as.numeric(VarCorr(m)[[2]]), residual = sigma(m)^2),
  slope = list(estimate = axis[2] / axis[1], ci = sort(sqrt(r$ci^2 + 1) - r$ci)),
  crossing = list(estimate = -s$estimate / 2, ci = sort(-s$ci / 2))),
  file.path(folder, "expected.json"), auto_unbox = TRUE, digits = 12, pretty = TRUE)
