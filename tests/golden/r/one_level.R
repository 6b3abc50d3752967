# One patient for each therapist: simulates tests/golden/pair/one_level.csv and writes tests/golden/pair/expected.json,
# with lm()'s slopes of two predictors, their difference and sum by exact t tests, and their HC3 standard errors.
#
#   Rscript tests/golden/r/one_level.R        from the top of the repository
suppressMessages(library(jsonlite))
folder <- "tests/golden/pair"

set.seed(7)
n <- 60
style <- rnorm(n); felt <- 0.3 * style + rnorm(n); before <- rnorm(n, 15, 4)
y <- 0.5 * before + 2 * felt + 0.6 * style + rnorm(n, 0, 1 + abs(felt))
rows <- data.frame(y, baseline_between = before - mean(before), first = felt - mean(felt), second = style - mean(style))
rows <- round(rows, 6)
write.csv(rows, file.path(folder, "one_level.csv"), row.names = FALSE)

m <- lm(y ~ baseline_between + first + second, rows)
x <- model.matrix(m)
inverse <- solve(crossprod(x))
hc3 <- inverse %*% crossprod(x * (resid(m) / (1 - hatvalues(m)))) %*% inverse
asked <- list(first = c(0, 0, 1, 0), second = c(0, 0, 0, 1), "first-second" = c(0, 0, 1, -1), "first+second" = c(0, 0, 1, 1))
contrasts <- lapply(asked, function(w) {
  estimate <- sum(w * coef(m)); se <- sqrt(drop(w %*% vcov(m) %*% w)); df <- m$df.residual
  list(estimate = estimate, se = se, df = df, p = 2 * pt(-abs(estimate / se), df),
       low = estimate - qt(0.975, df) * se, hc3 = sqrt(drop(w %*% hc3 %*% w)))
})
both <- anova(lm(y ~ baseline_between, rows), m)
write_json(list(contrasts = contrasts, llf = as.numeric(logLik(m)), aic = AIC(m), scale = sigma(m)^2,
                f = both$F[2], p = both$"Pr(>F)"[2]),
           file.path(folder, "expected.json"), digits = 16, auto_unbox = TRUE, pretty = TRUE)
