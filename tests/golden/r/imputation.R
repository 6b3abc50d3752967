# Impute the two incomplete studies of tests/golden/robust/incomplete.py, pool, and write what repeated runs give.
#
#   python tests/golden/robust/incomplete.py FOLDER
#   Rscript tests/golden/r/imputation.R FOLDER [repeats]      from the top of the repository
#
# Needs jomo, mice, pan, lme4, jsonlite. Each run draws 20 imputations anew; what is kept of a run is the
# pooled estimate and its standard error, so the spread between runs is Monte-Carlo error alone. jomo's inverse Wishart
# has a fixed scale; here it is about what bowlby's, whose scale is estimated, comes to (7 = dimensions + 2 times the
# conditional variances). With a small scale jomo's variances between therapists are a fifth too small.
suppressMessages({library(jomo); library(mice); library(pan); library(lme4); library(jsonlite)})

folder <- commandArgs(TRUE)[1]
repeats <- if (length(commandArgs(TRUE)) > 1) as.integer(commandArgs(TRUE)[2]) else 20L
m <- 20L

split_level <- function(data, column) {
  mean_of <- ave(data[[column]], data$t)
  data[[paste0(column, "_w")]] <- data[[column]] - mean_of
  data[[paste0(column, "_b")]] <- mean_of
  data
}

analyse <- function(data, slope) {
  data <- split_level(split_level(data, "pre"), "a1")
  random <- if (slope) "(1 + a1_w || t)" else "(1 | t)"
  fit <- lmer(as.formula(paste("y ~ pre_w + pre_b + a1_w + s +", random)), data,
              control = lmerControl(check.conv.singular = "ignore"))
  kept <- c("a1_w", "s")
  v <- as.data.frame(VarCorr(fit))
  intercept <- v$vcov[v$var1 == "(Intercept)" & !is.na(v$var1)]
  list(est = fixef(fit)[kept], se = sqrt(diag(vcov(fit)))[kept], therapist = intercept,
       slope = if (slope) v$vcov[v$var1 == "a1_w" & !is.na(v$var1)] else NA)
}

pool_run <- function(sets, slope) {
  found <- lapply(sets, analyse, slope = slope)
  est <- sapply(found, `[[`, "est"); se <- sapply(found, `[[`, "se")
  total <- rowMeans(se^2) + (1 + 1 / m) * apply(est, 1, var)
  out <- c(rowMeans(est), sqrt(total), mean(sapply(found, `[[`, "therapist")), mean(sapply(found, `[[`, "slope")))
  setNames(out, c("within", "style", "within_se", "style_se", "therapist", "slope"))
}

joint_run <- function(data) {
  scaled <- data
  unit <- lapply(data[-1], function(v) c(mean(v, na.rm = TRUE), sd(v, na.rm = TRUE)))
  for (c in names(unit)) scaled[[c]] <- (data[[c]] - unit[[c]][1]) / unit[[c]][2]
  sink(tempfile()); on.exit(sink())
  found <- jomo(Y = scaled[c("y", "pre", "a1", "a2")], Y2 = scaled["s"], clus = scaled$t, nburn = 300, nbetween = 60,
                nimp = m, l2cov.prior = diag(c(rep(0.4, 4), 5.6)), output = 0, out.iter = 1e6)
  lapply(1:m, function(k) {
    one <- found[found$Imputation == k, ]
    one$t <- one$clus
    for (c in names(unit)) one[[c]] <- one[[c]] * unit[[c]][2] + unit[[c]][1]
    one
  })
}

slope_run <- function(data) {
  # The outcome given all predictors and their therapist means, with therapists' own slopes of a1.
  centre <- mean(data$y, na.rm = TRUE); size <- sd(data$y, na.rm = TRUE)
  scaled <- data
  for (c in c("pre", "a1")) scaled <- split_level(scaled, c)
  pred <- as.matrix(cbind(1, scaled[c("pre_w", "pre_b", "a1_w", "a1_b", "s")]))
  prior <- list(a = 1, Binv = matrix(0.02), c = 2, Dinv = diag(c(0.05, 0.01)))
  y <- matrix((data$y - centre) / size)
  lapply(1:m, function(k) {
    drawn <- pan(y, data$t, pred, 1:6, c(1, 4), prior, seed = sample.int(1e6, 1), iter = 500)
    data$y <- centre + size * as.numeric(drawn$y)
    data
  })
}

describe <- function(name, run, slope) {
  data <- read.csv(file.path(folder, paste0(name, ".csv")))
  runs <- t(sapply(seq_len(repeats), function(k) { set.seed(1000 + k); pool_run(run(data), slope) }))
  keep <- c("within", "style", "within_se", "style_se", "therapist", if (slope) "slope")
  list(repeats = repeats, imputations = m, mean = as.list(colMeans(runs[, keep])),
       sd = as.list(apply(runs[, keep], 2, sd)))
}

# Pooling of a few numbers by mice: estimates, SE, and df of complete data.
pooled <- function() {
  est <- c(0.31, 0.27, 0.35, 0.29, 0.33); se <- c(0.06, 0.07, 0.065, 0.058, 0.061); df <- 33.5
  scalar <- pool.scalar(est, se^2, n = df + 1, k = 1)
  list(estimates = est, se = se, df_complete = df, estimate = scalar$qbar, pooled_se = sqrt(scalar$t), df = scalar$df,
       fmi = scalar$fmi)
}

versions <- sapply(c("jomo", "mice", "pan", "lme4"), function(p) as.character(packageVersion(p)))
write_json(list(versions = as.list(versions), joint = describe("joint", joint_run, FALSE),
                slope = describe("slope", slope_run, TRUE), pooling = pooled()),
           "tests/golden/robust/imputation.json", auto_unbox = TRUE, digits = 12, pretty = TRUE)
