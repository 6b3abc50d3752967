# What lme4, lmerTest, pbkrtest, emmeans and car say about whole terms, estimated means, hypotheses, predictions and
# comparisons of models; writes arms.csv, few_groups.csv and few_rows.csv to tests/golden/mixed/data, and
# tests/golden/mixed/reference/terms_and_means.json.
#
#   Rscript tests/golden/r/terms_and_means.R        from the top of the repository
#
# Needs lme4, lmerTest, pbkrtest, emmeans, car, jsonlite.
suppressMessages({library(lme4); library(lmerTest); library(emmeans); library(jsonlite)})
folder <- "tests/golden/mixed"

set.seed(20)
n <- 260
therapist <- sample(18, n, replace = TRUE)
data <- data.frame(
  therapist = sprintf("T%02d", therapist),
  arm = sample(c("control", "group", "single"), n, replace = TRUE, prob = c(0.5, 0.3, 0.2)),
  sex = sample(c("f", "m"), n, replace = TRUE, prob = c(0.65, 0.35)),
  dose = sample(c(1, 2, 4), n, replace = TRUE),
  x = round(rnorm(n, 0.5), 3), pre = round(exp(rnorm(n, 2, 0.4)), 3), known = round(rnorm(n, 1), 3))
effect <- c(control = 0, group = 0.4, single = 0.8)[data$arm]
data$y <- round(2 + effect + 0.3 * (data$sex == "m") * data$x + 0.5 * log(data$pre) + data$known
                + rnorm(18, 0, 0.7)[therapist] + rnorm(18, 0, 0.3)[therapist] * data$x + rnorm(n), 4)
data$positive <- round(exp(data$y / 4), 5)
data$y[c(7, 99)] <- NA
data$x[c(20, 21, 180)] <- NA
write.csv(data, file.path(folder, "data", "arms.csv"), row.names = FALSE, quote = FALSE, na = "")

data <- read.csv(file.path(folder, "data", "arms.csv"), stringsAsFactors = TRUE)
data$arm_B <- relevel(data$arm, "single")
data$dose_2 <- relevel(factor(data$dose), "2")
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-9), calc.derivs = FALSE)
fit <- function(formula, REML = TRUE) lmer(as.formula(formula), data, REML = REML, control = control)

# The formula as it is given here, and as R wants it where C(x, "level") means another thing there.
formulas <- list(
  crossed = "y ~ (arm + sex + x)^2 + (1 | therapist)",
  three_way = "y ~ arm * sex * x + (1 | therapist)",
  nested = "y ~ arm/sex + x + (1 | therapist)",
  slopes_within = "y ~ arm/(x + pre) + (1 | therapist)",
  no_intercept = "y ~ 0 + arm + arm:x + (1 | therapist)",
  reference = c('y ~ C(arm, "single") * x + C(dose, 2) + (1 | therapist)', "y ~ arm_B * x + dose_2 + (1 | therapist)"),
  computed = "y ~ log(pre) + I(x^2) + x + sex + offset(known) + (1 + x | therapist)",
  outcome = "log(positive) ~ sqrt(pre) * arm + I((x + 1)/2) + offset(known/4) + (1 + I(x/2) || therapist)",
  slope = "y ~ arm * x + log(pre) + sex + (1 + x | therapist)")
fits <- lapply(formulas, function(f) fit(tail(f, 1)))

rows <- function(table) lapply(seq_len(nrow(table)), function(k) as.list(table[k, ]))
kenward <- function(model) {
  table <- coef(summary(model, ddf = "Kenward-Roger"))
  colnames(table) <- c("estimate", "se", "df", "t", "p")
  rows(as.data.frame(table))
}
whole_terms <- function(model) {
  table <- as.data.frame(anova(model, type = 3, ddf = "Kenward-Roger"))
  lapply(setNames(rownames(table), rownames(table)), function(term) list(
    F = table[term, "F value"], df_num = table[term, "NumDF"], df_den = table[term, "DenDF"], p = table[term, "Pr(>F)"]))
}
means <- function(model, ...) {
  table <- as.data.frame(emmeans(model, ..., lmer.df = "kenward-roger"))
  keys <- setdiff(names(table), c("emmean", "SE", "df", "lower.CL", "upper.CL"))
  rows(data.frame(level = do.call(paste, c(lapply(table[keys], as.character), sep = ":")), estimate = table$emmean,
                  se = table$SE, df = table$df, ci_low = table$lower.CL, ci_high = table$upper.CL))
}
out <- list(software = lapply(c(R = "base", lme4 = "lme4", lmerTest = "lmerTest", pbkrtest = "pbkrtest",
                                emmeans = "emmeans", car = "car"), function(p) as.character(packageVersion(p))))
out$fits <- Map(function(formula, model) list(
  formula = formula[1], llf = as.numeric(logLik(model)), kenward_roger = kenward(model), anova = whole_terms(model)),
  formulas, fits)

emm <- function(name, specs, ...) means(fits[[name]], specs, ...)
out$means <- list(
  list(fit = "crossed", factors = list("arm"), rows = emm("crossed", "arm")),
  list(fit = "crossed", factors = list("sex"), rows = emm("crossed", "sex")),
  list(fit = "crossed", factors = list("arm", "sex"), rows = emm("crossed", c("arm", "sex"))),
  list(fit = "crossed", factors = list("arm"), at = list(x = -1), rows = emm("crossed", "arm", at = list(x = -1))),
  list(fit = "computed", factors = list("sex"), rows = emm("computed", "sex")),
  list(fit = "slope", factors = list("arm"), rows = emm("slope", "arm")),
  list(fit = "outcome", factors = list("arm"), rows = emm("outcome", "arm")))

# car's F by Kenward-Roger of sum contrasts: the same hypotheses by another way.
options(contrasts = c("contr.sum", "contr.poly"))
out$car <- lapply(formulas[c("crossed", "three_way", "nested", "slope")], function(f) {
  table <- as.data.frame(car::Anova(fit(f), type = 3, test.statistic = "F"))
  table <- table[rownames(table) != "(Intercept)", ]
  lapply(setNames(rownames(table), rownames(table)), function(term) list(
    F = table[term, "F"], df_num = table[term, "Df"], df_den = table[term, "Df.res"], p = table[term, "Pr(>F)"]))
})
options(contrasts = c("contr.treatment", "contr.poly"))

# Hypotheses: the difference of two arms against 0.3.
slope <- fits$slope
L <- as.numeric(names(fixef(slope)) == "armsingle") - as.numeric(names(fixef(slope)) == "armgroup")
test <- contest1D(slope, L, rhs = 0.3, ddf = "Kenward-Roger")
out$t_test <- list(fit = "slope", hypothesis = "arm[T.single] - arm[T.group] = 0.3", estimate = test[["Estimate"]],
                   se = test[["Std. Error"]], df = test[["df"]], t = test[["t value"]], p = test[["Pr(>|t|)"]])

# Predictions of three new rows: of the mean by emmeans, of a new row of a new therapist, and of known therapists.
new <- data.frame(arm = c("control", "single", "group"), x = c(0, 1.5, -0.7), pre = c(7, 12, 5), sex = c("f", "m", "m"),
                  therapist = c("T03", "T11", "T18"))
one <- function(k, ...) as.data.frame(predict(emmeans(slope, ~ 1, at = as.list(new[k, c("arm", "x", "pre", "sex")]),
                                                      lmer.df = "kenward-roger"), ...))
S <- as.matrix(VarCorr(slope)$therapist)
sd_new <- sapply(new$x, function(x) sqrt(c(1, x) %*% S %*% c(1, x) + sigma(slope)^2))
mean_rows <- lapply(seq_len(3), function(k) as.list(as.data.frame(
  emmeans(slope, ~ 1, at = as.list(new[k, c("arm", "x", "pre", "sex")]), lmer.df = "kenward-roger"))[, -1]))
obs <- lapply(seq_len(3), function(k) one(k, interval = "prediction", sigma = sd_new[k]))
# Var(x'(b_hat - b) + z'(u_hat - u)) from the inverse of Henderson's equations, for the conditional predictions.
X <- getME(slope, "X"); Z <- as.matrix(getME(slope, "Z")); s2 <- sigma(slope)^2
G <- kronecker(diag(nlevels(data$therapist)), S)
C <- solve(rbind(cbind(crossprod(X), crossprod(X, Z)), cbind(crossprod(Z, X), crossprod(Z) + s2 * solve(G)))) * s2
newX <- model.matrix(~ arm * x + log(pre) + sex, rbind(
  transform(new, arm = factor(arm, levels(data$arm)), sex = factor(sex, levels(data$sex)))))
newX <- newX[, names(fixef(slope))]
newZ <- t(sapply(seq_len(3), function(k) {
  z <- numeric(ncol(Z)); at <- 2 * (match(new$therapist[k], levels(data$therapist)) - 1); z[at + 1:2] <- c(1, new$x[k]); z
}))
W <- cbind(newX, newZ)
out$prediction <- list(
  fit = "slope", data = new,
  mean = list(estimate = sapply(mean_rows, `[[`, "emmean"), se = sapply(mean_rows, `[[`, "SE"),
              df = sapply(mean_rows, `[[`, "df"), low = sapply(mean_rows, `[[`, "lower.CL"),
              high = sapply(mean_rows, `[[`, "upper.CL")),
  observation = list(low = sapply(obs, `[[`, "lower.PL"), high = sapply(obs, `[[`, "upper.PL")),
  conditional = list(estimate = as.numeric(predict(slope, new)), se = sqrt(diag(W %*% C %*% t(W)))))

# Likelihood ratio, both refitted by ML.
small <- fit("y ~ arm + x + log(pre) + sex + (1 | therapist)")
table <- as.data.frame(suppressMessages(anova(small, slope)))
out$comparison <- list(small = "y ~ arm + x + log(pre) + sex + (1 | therapist)", large = "slope",
                       n_parameters = table$npar, llf = table$logLik, aic = table$AIC, bic = table$BIC,
                       chi2 = table$Chisq[2], df = table$Df[2], p = table$`Pr(>Chisq)`[2])

# Four groups and two columns that are constant within them: pbkrtest's F has one denominator df.
set.seed(21)
style <- matrix(round(rnorm(8), 3), 4)
few <- data.frame(group = rep(sprintf("G%d", 1:4), each = 12), a = rep(style[, 1], each = 12),
                  b = rep(style[, 2], each = 12), x = round(rnorm(48), 3))
few$y <- round(rep(rnorm(4), each = 12) + rnorm(48), 3)
write.csv(few, file.path(folder, "data", "few_groups.csv"), row.names = FALSE, quote = FALSE)
joint <- pbkrtest::KRmodcomp(lmer(y ~ a + b + x + (1 | group), few, control = control),
                             rbind(c(0, 1, 0, 0), c(0, 0, 1, 0)))$test["Ftest", ]
out$few_groups <- list(formula = "y ~ a + b + x + (1 | group)", terms = c("a", "b"), F = joint$stat, df_den = joint$ddf)

# Fewer rows than random effects, though twelve groups have a row to spare.
rows <- rep(1:30, c(rep(3, 12), rep(1, 18)))
sparse <- data.frame(group = sprintf("G%02d", rows), x = round(rnorm(length(rows)), 3))
sparse$y <- round(rnorm(30)[rows] + (1 + rnorm(30, 0, 0.7)[rows]) * sparse$x + rnorm(length(rows), 0, 0.5), 3)
write.csv(sparse, file.path(folder, "data", "few_rows.csv"), row.names = FALSE, quote = FALSE)
refused <- tryCatch({lmer(y ~ x + (1 + x | group), sparse); FALSE}, error = function(e) TRUE)
out$few_rows <- list(formula = "y ~ x + (1 + x | group)", refused = refused)

write(toJSON(out, digits = 12, auto_unbox = TRUE, pretty = TRUE, na = "null"),
      file.path(folder, "reference", "terms_and_means.json"))
