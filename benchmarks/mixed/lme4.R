# Time one case with lme4 as it comes: lme4.R data.csv formula REML work repeats. One line of JSON.
suppressMessages({
  library(lme4)
  library(jsonlite)
})
arguments <- commandArgs(trailingOnly = TRUE)
read <- if (requireNamespace("data.table", quietly = TRUE)) function(f) as.data.frame(data.table::fread(f)) else read.csv
data <- read(arguments[1])
formula <- as.formula(arguments[2]); reml <- as.logical(arguments[3]); work <- arguments[4]; repeats <- as.integer(arguments[5])
for (group in intersect(names(data), c("patient", "therapist", "g", "s", "d"))) data[[group]] <- factor(data[[group]])

clock <- function(expression) system.time(expression, gcFirst = TRUE)[["elapsed"]]
quiet <- function(expression) suppressMessages(suppressWarnings(expression))
fit <- function() quiet(lmer(formula, data, REML = reml))

if (work == "fit") {
  # Many runs are timed as one block: a single fit is near the clock's resolution.
  block <- if (repeats >= 10) repeats else 1
  times <- vapply(seq_len(if (block > 1) 3 else repeats), function(k) clock(for (i in seq_len(block)) model <<- fit()) / block, 0)
  answer <- list(seconds = min(times))
} else if (work == "kenward-roger") {
  model <- fit()
  seconds <- clock({
    adjusted <- pbkrtest::vcovAdj(model)
    unadjusted <- vcov(model)
    df <- vapply(seq_along(fixef(model)), function(k) pbkrtest::Lb_ddf(as.numeric(seq_along(fixef(model)) == k), unadjusted, adjusted), 0)
  })
  answer <- list(seconds = seconds, df = as.list(setNames(df, names(fixef(model)))))
} else {
  model <- fit()
  outcomes <- simulate(model, 50, seed = 1)
  seconds <- clock(for (y in outcomes) quiet(refit(model, y)))
  answer <- list(seconds = seconds, refits_per_second = 50 / seconds)
}
status <- readLines("/proc/self/status")
answer$peak_gib <- as.numeric(gsub("\\D", "", grep("VmHWM", status, value = TRUE))) / 2^20
answer$logLik <- as.numeric(logLik(model))
answer$versions <- list(R = paste(R.version$major, R.version$minor, sep = "."), lme4 = as.character(packageVersion("lme4")),
                        pbkrtest = as.character(packageVersion("pbkrtest")))
cat(toJSON(answer, auto_unbox = TRUE, digits = NA), "\n")
