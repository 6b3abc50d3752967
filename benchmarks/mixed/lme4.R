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

# Sys.time resolves microseconds; system.time, milliseconds.
clock <- function(expression) {
  start <- Sys.time()
  force(expression)
  as.numeric(difftime(Sys.time(), start, units = "secs"))
}
quiet <- function(expression) suppressMessages(suppressWarnings(expression))
fit <- function() quiet(lmer(formula, data, REML = reml))

if (work == "fit") {
  answer <- list(seconds = min(vapply(seq_len(repeats), function(k) clock(model <<- fit()), 0)))
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
  seconds <- min(vapply(outcomes, function(y) clock(quiet(refit(model, y))), 0))
  answer <- list(seconds = seconds, refits_per_second = 1 / seconds)
}
status <- readLines("/proc/self/status")
answer$peak_gib <- as.numeric(gsub("\\D", "", grep("VmHWM", status, value = TRUE))) / 2^20
answer$logLik <- as.numeric(logLik(model))
answer$versions <- list(R = paste(R.version$major, R.version$minor, sep = "."), lme4 = as.character(packageVersion("lme4")),
                        pbkrtest = as.character(packageVersion("pbkrtest")))
cat(toJSON(answer, auto_unbox = TRUE, digits = NA), "\n")
