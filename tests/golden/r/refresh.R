# Fit the models of tests/golden/mixed/models.json with lme4 and write tests/golden/mixed/expected/<model>.json.
#
#   Rscript tests/golden/r/refresh.R [model ...]        from the top of the repository
#
# Needs lme4, lmerTest, pbkrtest, numDeriv, jsonlite; and ../shared/data for the models of real studies, which are
# left as they are where it is absent. Only numbers of the fits are written, never rows or single patients.
suppressMessages(library(jsonlite))
source("tests/golden/r/optimum.R")
source("tests/golden/r/inference.R")

folder <- "tests/golden/mixed"
roots <- c(small = file.path(folder, "data"), real = "../shared/data")

apply_step <- function(data, step) {
  what <- step[[1]]; column <- step[[2]]
  if (what == "text") data[[column]] <- factor(data[[column]], levels = unlist(step[-(1:2)]))
  if (what == "linear") data[[column]] <- (data[[step[[3]]]] - step[[4]]) / step[[5]]
  if (what == "number") data[[column]] <- suppressWarnings(as.numeric(data[[step[[3]]]]))
  if (what == "below") data <- data[!is.na(data[[column]]) & data[[column]] < step[[3]], ]
  if (what == "equals") data[[column]] <- as.numeric(data[[step[[3]]]] == step[[4]])
  if (what == "keep") data <- data[data[[column]] == step[[3]], ]
  if (what == "centre") data[[column]] <- data[[step[[3]]]] - mean(data[[step[[3]]]], na.rm = TRUE)
  data
}

read_data <- function(spec) {
  data <- read.csv(file.path(roots[[spec$set]], spec$file), na.strings = c("NA", "NaN", ""))
  for (step in spec$prepare) data <- apply_step(data, step)
  # lme4 wants a level in every row; the term is 0 in these.
  for (group in spec$no_group) data[[group]][is.na(data[[group]])] <- "no group"
  data
}

named <- function(x) as.list(setNames(as.numeric(x), names(x)))

describe <- function(name, spec) {
  fit <- fit_at_optimum(as.formula(spec$formula), read_data(spec), spec$reml)
  model <- fit$model
  components <- as.data.frame(VarCorr(model))
  beta <- fixef(model)
  se <- setNames(sqrt(diag(as.matrix(vcov(model)))), names(beta))
  rows_of <- function(df, errors = se)
    lapply(setNames(seq_along(beta), names(beta)),
           function(k) list(estimate = beta[[k]], se = errors[[k]], df = df[[k]]))
  singular <- length(fit$optimum$theta_fixed_at_zero) > 0
  inference <- setNames(list(), character())  # written as {}, not []
  if (!singular) inference$satterthwaite <- rows_of(satterthwaite(fit))
  if (spec$reml && !isFALSE(spec$kenward_roger)) {
    kr <- kenward_roger(fit)
    inference$kenward_roger <- rows_of(kr$df, kr$se)
  }
  effects <- ranef(model, condVar = FALSE)
  norms <- lapply(effects, function(u) lapply(u, function(column) sqrt(sum(column^2))))
  list(model = name, formula = spec$formula, reml = spec$reml,
       software = list(R = paste(R.version$major, R.version$minor, sep = "."),
                       lme4 = as.character(packageVersion("lme4")),
                       pbkrtest = as.character(packageVersion("pbkrtest"))),
       rows_used = nobs(model), n_levels = as.list(ngrps(model)),
       fit = list(logLik = as.numeric(logLik(model)), npar = attr(logLik(model), "df"), sigma = sigma(model),
                  fixef = named(beta), se = named(se), varcorr = components, is_singular = singular,
                  optimum = fit$optimum),
       inference = inference, blup_norm = norms,
       residual_sum_of_squares = sum(residuals(model)^2))
}

specs <- fromJSON(file.path(folder, "models.json"), simplifyVector = FALSE)
chosen <- commandArgs(trailingOnly = TRUE)
for (name in if (length(chosen)) chosen else names(specs)) {
  spec <- specs[[name]]
  if (!file.exists(file.path(roots[[spec$set]], spec$file))) {
    message(name, ": no data here, left as it is")
    next
  }
  seconds <- system.time(answer <- describe(name, spec))[["elapsed"]]
  target <- file.path(folder, "expected", paste0(name, ".json"))
  write_json(answer, target, auto_unbox = TRUE, digits = NA, pretty = TRUE, null = "null", na = "null")
  message(sprintf("%s: logLik %.9f, gradient %.1e, %.1f s", name, answer$fit$logLik,
                  answer$fit$optimum$max_abs_gradient, seconds))
}
