# Time lme4's parametric bootstrap of M1.
#
#   Rscript benchmarks/robust/boot.R primary.csv replicates
#
# Prints seconds and how many refits failed. Patients of several therapists count with the main one: lme4 has no
# multiple membership, and a few patients do not change the time.
suppressMessages(library(lme4))
args <- commandArgs(TRUE)
data <- read.csv(args[1])
fit <- lmer(y ~ baseline_within + baseline_between + perceived_within + therapist_style + (1 + perceived_within || therapist), data,
            control = lmerControl(check.conv.singular = "ignore"))
took <- system.time(found <- suppressWarnings(suppressMessages(
  bootMer(fit, fixef, nsim = as.integer(args[2]), seed = 1, use.u = FALSE, type = "parametric"))))
cat(took[["elapsed"]], took[["user.self"]], sum(is.na(found$t[, 1])), "\n")
