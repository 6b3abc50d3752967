# Predictors of the course by lme4: simulates tests/golden/growth/predictors.csv and writes predictors.json beside it.
#
#   Rscript tests/golden/r/growth_predictors.R        from the top of the repository
#
# Needs lme4, lmerTest, pbkrtest, numDeriv, jsonlite; and ../shared/data for the models of real studies, which are left as
# they are where it is absent. Only numbers of the fits are written, never rows of real studies.
suppressMessages(library(jsonlite))
source("tests/golden/r/optimum.R")
source("tests/golden/r/inference.R")
folder <- "tests/golden/growth"

# 120 patients of 12 therapists with 3 to 7 sessions (0 to 6); every twelfth changes the therapist after session 2.
# Symptoms, lower is better. felt: perceived attachment, asked once; style: of the therapist.
simulate_study <- function() {
  set.seed(20)
  n <- 120; therapists <- 12
  own <- rep(seq_len(therapists), each = n / therapists)
  style <- round(rnorm(therapists), 3); felt <- round(rnorm(n), 3)
  level <- rnorm(therapists, 0, 2); rate <- rnorm(therapists, 0, 0.5)
  extra <- rnorm(therapists, 0, 0.8); steeper <- rnorm(therapists, 0, 0.35)
  start <- rnorm(n, 0, 3); slope <- rnorm(n, 0, 0.7)
  rows <- lapply(seq_len(n), function(i) {
    session <- 0:sample(2:6, 1, prob = c(1, 1, 2, 2, 4))
    j <- ifelse(i %% 12 == 0 & session > 2, own[i] %% therapists + 1, own[i])
    course <- -1.2 - 0.3 * felt[i] + rate[j] + slope[i] - 0.1 * style[j] + steeper[j] * felt[i]
    y <- 20 + level[j] + start[i] + (extra[j] - 0.4) * felt[i] + course * session + rnorm(length(session), 0, 1.5)
    data.frame(patient = sprintf("P%03d", i), therapist = sprintf("T%02d", j), session = session, y = round(y, 4),
               felt = felt[i], style = style[j])
  })
  do.call(rbind, rows)
}

# Within and between by projection on the membership of patients in therapists, in shares of rows.
prepared <- function(data, landmark = NULL) {
  data$time <- data$session
  if (!is.null(landmark)) {
    before <- data[data$session <= landmark, ]
    data <- data[data$session > landmark, ]
    data$time <- data$session - landmark
    data$base <- as.numeric(tapply(before$y, before$patient, mean)[data$patient])
  }
  w <- prop.table(table(data$patient, data$therapist), 1)
  people <- data[match(rownames(w), data$patient), ]
  split <- function(x) { f <- lm.fit(unclass(w), x); list(w = residuals(f), b = fitted(f) - mean(fitted(f))) }
  of <- function(x, part) split(people[[x]])[[part]][match(data$patient, rownames(w))]
  data$aw <- of("felt", "w"); data$ab <- of("felt", "b")
  if (!is.null(landmark)) { data$bw <- of("base", "w"); data$bb <- of("base", "b") }
  data$s <- data$style - mean(data$style)
  data$log_time <- log1p(data$time)
  data
}

contrast_of <- function(fit, weights) {
  l <- setNames(numeric(length(fixef(fit$model))), names(fixef(fit$model)))
  l[names(weights)] <- weights
  list(estimate = sum(l * fixef(fit$model)), se = sqrt(drop(l %*% as.matrix(pbkrtest::vcovAdj(fit$model)) %*% l)),
       df = pbkrtest::Lb_ddf(l, vcov(fit$model), pbkrtest::vcovAdj(fit$model)))
}

# Slopes by the end, in SD of outcome (10) per SD of the predictor (felt 2, style 0.5), higher is better.
# They are counted from the first time on, the outcome at the end from 0.
slopes <- function(fit, clock, reach, first = 0) {
  p <- -(reach - first) * 2 / 10; t <- -(reach - first) * 0.5 / 10
  pw <- paste0(clock, ":aw"); tw <- paste0(clock, ":s")
  list("P_slope" = contrast_of(fit, setNames(p, pw)), "T_slope" = contrast_of(fit, setNames(t, tw)),
       "P_slope-T_slope" = contrast_of(fit, setNames(c(p, -t), c(pw, tw))),
       "P_slope+T_slope" = contrast_of(fit, setNames(c(p, t), c(pw, tw))),
       "P_end" = contrast_of(fit, setNames(c(-2, -reach * 2) / 10, c("aw", pw))),
       "T_end" = contrast_of(fit, setNames(c(-0.5, -reach * 0.5) / 10, c("s", tw))))
}

describe <- function(formula, data, clock, reach, first = 0) {
  fit <- fit_at_optimum(formula, data, TRUE)
  components <- as.data.frame(VarCorr(fit$model))
  list(formula = deparse1(formula), n = nobs(fit$model), llf = as.numeric(logLik(fit$model)),
       contrasts = slopes(fit, clock, reach, first), variances = components$vcov)
}

# Perceived attachment at each session (a fifth missing), and an outcome that goes with its deviation from the patient's mean.
with_sessions <- function(study) {
  set.seed(21)
  n <- nrow(study)
  now <- study$felt + rnorm(n)
  now[runif(n) < 0.2] <- NA
  person <- match(study$patient, unique(study$patient)); therapist <- match(study$therapist, unique(study$therapist))
  slope <- 0.8 + rnorm(max(person), 0, 0.6)[person] + rnorm(max(therapist), 0, 0.5)[therapist]
  study$now <- round(now, 3)
  study$y_now <- round(study$y - slope * ifelse(is.na(now), 0, now - study$felt), 4)
  study
}

study <- with_sessions(simulate_study())
write.csv(study, file.path(folder, "predictors.csv"), row.names = FALSE)
full <- prepared(study); late <- prepared(study, 1); from_1 <- prepared(study[study$session > 0, ])
own <- full[!is.na(full$now), ]  # within and between therapists as in all rows
own$wp <- own$now - ave(own$now, own$patient); own$y <- own$y_now
within <- fit_at_optimum(y ~ time * (aw + s) + wp + (time | patient) + (0 + wp | patient) +
                           (1 + time + aw + time:aw + wp || therapist), own, TRUE)
aic <- function(formula) AIC(fit_at_optimum(formula, full, FALSE)$model)
expected <- list(
  linear = describe(y ~ time * (aw + s) + (time | patient) + (1 + time + aw + time:aw || therapist), full, "time", 5),
  log = describe(y ~ log_time * (aw + s) + (log_time | patient) + (1 + log_time + aw + log_time:aw || therapist), full,
                 "log_time", log1p(5)),
  from_session_1 = describe(y ~ log_time * (aw + s) + (log_time | patient) + (1 + log_time + aw + log_time:aw || therapist),
                            from_1, "log_time", log1p(5), log1p(1)),
  landmark = describe(y ~ time * (bw + bb + aw + s) + (time | patient) + (1 + time + aw + time:aw || therapist), late,
                      "time", 4),
  within = list(n = nobs(within$model), llf = as.numeric(logLik(within$model)),
                within_patient = contrast_of(within, c(wp = -2 / 10)),
                variances = as.data.frame(VarCorr(within$model))$vcov),
  aic = list(linear = aic(y ~ time + (time | patient) + (1 + time || therapist)),
             log = aic(y ~ log_time + (log_time | patient) + (1 + log_time || therapist)),
             quadratic = aic(y ~ time + I(time^2) + (time | patient) + (1 + time || therapist)))
)

shared <- "../shared/data"
target <- file.path(folder, "predictors.json")
fixed_of <- function(formula, data, reml) {
  fit <- fit_at_optimum(formula, data, reml)
  components <- as.data.frame(VarCorr(fit$model))
  list(formula = deparse1(formula), reml = reml, n = nobs(fit$model), llf = as.numeric(logLik(fit$model)),
       estimate = as.list(fixef(fit$model)), se = as.list(sqrt(diag(as.matrix(vcov(fit$model))))),
       variances = components$vcov)
}
if (dir.exists(shared)) {
  read <- function(path) read.csv(file.path(shared, path), na.strings = c("NA", "NaN", ""))
  reframed <- read("reframed_dbt_rct/reframed.csv")
  reframed$month <- suppressWarnings(as.numeric(reframed$month))
  reframed <- reframed[complete.cases(reframed[c("month", "phq9")]), ]
  reframed$tx <- as.numeric(reframed$grp != "RO-DBT")
  alcohol <- read("alda/alcohol_use_1.csv"); alcohol$time <- alcohol$age - 14
  mood <- read("alda/antidepressants.csv")
  mood$time <- mood$day + c("8 AM" = 0, "3 PM" = 1 / 3, "10 PM" = 2 / 3)[mood$reading]
  expected$real <- list(
    reframed = fixed_of(phq9 ~ month * tx + (1 | patient), reframed, TRUE),
    btheb = fixed_of(bdi ~ bdi.pre + time + treatment + drug + length + (1 | subject), read("btheb/BtheB_long.csv"), FALSE),
    alda_4_1_b = fixed_of(alcohol_use ~ time + (time | id), alcohol, FALSE),
    alda_4_1_c = fixed_of(alcohol_use ~ time * child_of_alcoholic + (time | id), alcohol, FALSE),
    alda_5_7_a = fixed_of(depression ~ months + (months | id), read("alda/depression_unemployment.csv"), FALSE),
    alda_5_10_a = fixed_of(positive_mood ~ time * treatment + (time | id), mood, FALSE)
  )
} else {
  message("no real studies here, their numbers are left as they are")
  expected$real <- read_json(target)$real
}
write_json(expected, target, auto_unbox = TRUE, digits = NA, pretty = TRUE, null = "null", na = "null")
