# The growth model by lme4: simulates tests/golden/growth/course.csv and writes tests/golden/growth/expected.json.
#
#   Rscript tests/golden/r/growth.R        from the top of the repository
#
# Needs lme4, lmerTest, pbkrtest, numDeriv, jsonlite; and ../shared/data for the models of real studies, which are left
# as they are where it is absent. Only numbers of the fits are written, never rows of real studies.
suppressMessages(library(jsonlite))
source("tests/golden/r/optimum.R")
source("tests/golden/r/inference.R")

folder <- "tests/golden/growth"
weeks <- c(0, 2, 4, 8, 12, 26)

# 90 patients of 14 therapists (the last 8 have none), who leave early or late; every fifteenth changes the therapist
# after week 4. Three ages are missing.
simulate_course <- function() {
  set.seed(13)
  patients <- 90; therapists <- 14
  own <- sample(therapists, patients, replace = TRUE)
  level <- rnorm(therapists, 0, 1.2); rate <- rnorm(therapists, 0, 0.08)
  start <- rnorm(patients, 0, 3); slope <- 0.2 * start / 3 * 0.3 + rnorm(patients, 0, 0.2)
  age <- round(runif(patients, 20, 65)); arm <- sample(c("control", "therapy"), patients, replace = TRUE)
  rows <- lapply(seq_len(patients), function(i) {
    seen <- weeks[seq_len(sample(2:6, 1, prob = c(1, 1, 2, 3, 5)))]
    j <- ifelse(i %% 15 == 0 & seen > 4, own[i] %% therapists + 1, own[i])
    y <- 15 + level[j] + start[i] + 0.03 * (age[i] - 40) + (-0.25 + rate[j] + slope[i]) * seen + rnorm(length(seen), 0, 2)
    data.frame(patient = sprintf("P%02d", i), therapist = if (i > patients - 8) "" else sprintf("T%02d", j),
               week = seen, y = round(y, 4), age = if (i %in% c(5, 40, 71)) NA else age[i], arm = arm[i])
  })
  do.call(rbind, rows)
}

# Few patients with three occasions or more: fewer rows than random effects of patients.
thinned <- function(data) {
  number <- as.integer(substr(data$patient, 2, 3))
  data[number %% 6 == 0 | data$week == 0 | (number %% 2 == 0 & data$week == 2), ]
}

centred <- function(data) {
  data <- data[!is.na(data$age), ]
  people <- data[!duplicated(data$patient), ]
  data$age <- data$age - mean(people$age)
  data$arm_therapy <- (data$arm == "therapy") - mean(people$arm == "therapy")
  data
}

describe <- function(formula, data, reml) {
  fit <- fit_at_optimum(formula, data, reml)
  beta <- fixef(fit$model)
  rows <- if (reml) kenward_roger(fit)
          else list(se = sqrt(diag(as.matrix(vcov(fit$model)))), df = satterthwaite(fit))
  named <- lapply(seq_along(beta), function(k) list(estimate = beta[[k]], se = rows$se[[k]], df = rows$df[[k]]))
  components <- as.data.frame(VarCorr(fit$model))
  list(formula = deparse1(formula), reml = reml, n = nobs(fit$model), llf = as.numeric(logLik(fit$model)),
       fixed = setNames(named, names(beta)), variances = components$vcov)
}

course <- simulate_course()
write.csv(course, file.path(folder, "course.csv"), row.names = FALSE, na = "")
treated <- course[course$therapist != "", ]
three <- y ~ week + (week | patient) + (1 + week || therapist)
expected <- list(
  default = describe(three, treated, TRUE),
  ml = describe(three, treated, FALSE),
  covariates = describe(y ~ week + age + arm_therapy + (week | patient) + (1 + week || therapist), centred(treated), TRUE),
  patients = describe(y ~ week + (week | patient), course, TRUE),
  two_occasions = describe(y ~ week + (1 | patient) + (1 + week || therapist), treated[treated$week %in% c(0, 2), ], TRUE),
  stated = describe(y ~ week + (1 + week || patient) + (1 | therapist), treated, TRUE)
)
# lme4's check counts rows and effects of all patients together; the likelihood is the same.
options(lmerControl = list(check.nobs.vs.nRE = "ignore"))
few <- thinned(treated)
stopifnot(nrow(few) <= 2 * length(unique(few$patient)))
expected$few_with_three <- describe(three, few, TRUE)

real <- file.path("../shared/data", c("rdatasets_subset/lme4_sleepstudy.csv", "reframed_dbt_rct/reframed.csv",
                                      "enrichd_cbt_bdi/BDIdata.csv"))
target <- file.path(folder, "expected.json")
if (all(file.exists(real))) {
  sleep <- read.csv(real[1])
  reframed <- read.csv(real[2], na.strings = c("NA", "NaN", ""))
  reframed$time <- suppressWarnings(as.numeric(reframed$month))
  reframed <- reframed[complete.cases(reframed[c("time", "phq9", "therapist")]), ]
  enrichd <- read.csv(real[3])
  expected$sleepstudy <- describe(Reaction ~ Days + (Days | Subject), sleep, TRUE)
  expected$reframed <- describe(phq9 ~ time + (time | patient) + (1 + time || therapist), reframed, TRUE)
  expected$enrichd <- describe(BDI ~ time + (time | ID), enrichd, FALSE)
} else {
  message("no real studies here, their numbers are left as they are")
  old <- read_json(target)
  expected <- c(expected, old[c("sleepstudy", "reframed", "enrichd")])
}
write_json(expected, target, auto_unbox = TRUE, digits = NA, pretty = TRUE, null = "null", na = "null")
for (name in names(expected)) message(sprintf("%s: logLik %.6f, n %d", name, expected[[name]]$llf, expected[[name]]$n))
