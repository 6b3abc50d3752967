# The random-intercept cross-lagged model by lavaan: simulates tests/golden/lagged/series.csv and writes
# tests/golden/lagged/expected.json.
#
#   Rscript tests/golden/r/lagged.R        from the top of the repository
#
# Needs lavaan, jsonlite. Lags, innovations and the covariance of time and effects are those of bowlby.lagged: paths and
# innovations the same at all times, the first time's covariance and every mean free.
suppressMessages({library(jsonlite); library(lavaan)})
folder <- "tests/golden/lagged"
times <- 5

# 240 persons of 24 groups; a thirtieth of the single values and a tenth of whole later sessions are missing.
simulate_series <- function() {
  set.seed(29)
  persons <- 240; groups <- 24
  paths <- matrix(c(.3, .15, .05, .4), 2)  # columns are causes
  draw <- function(s) c(t(chol(s)) %*% rnorm(2))
  group <- replicate(groups, draw(matrix(c(.10, .02, .02, .10), 2)))
  rows <- lapply(seq_len(persons), function(i) {
    level <- draw(matrix(c(.5, .2, .2, .6), 2)); w <- draw(matrix(c(.8, .2, .2, .9), 2)); values <- NULL
    for (t in seq_len(times)) {
      z <- group[, (i - 1) %% groups + 1] + level + w + c(.1, .3) * t
      gone <- runif(2) < 1 / 30
      z[gone | (t > 1 & runif(1) < .1)] <- NA
      values <- rbind(values, c(t, round(z, 3)))
      w <- paths %*% w + draw(matrix(c(.6, .15, .15, .7), 2))
    }
    data.frame(person = i, group = (i - 1) %% groups + 1, session = values[, 1], first = values[, 2], second = values[, 3])
  })
  do.call(rbind, rows)
}

sums <- function(left, right) paste(left, right, collapse = "\n")
syntax <- function(stationary = FALSE) {
  t <- seq_len(times); later <- t[-1]
  lines <- c(
    paste("RX =~", paste0("1*x", t, collapse = " + ")), paste("RY =~", paste0("1*y", t, collapse = " + ")),
    paste0("wx", t, " =~ 1*x", t), paste0("wy", t, " =~ 1*y", t), paste0("x", t, " ~~ 0*x", t), paste0("y", t, " ~~ 0*y", t),
    paste0("wx", later, " ~ xx*wx", later - 1, " + yx*wy", later - 1),
    paste0("wy", later, " ~ xy*wx", later - 1, " + yy*wy", later - 1),
    "wx1 ~~ start(1)*wx1", "wy1 ~~ start(1)*wy1", "wx1 ~~ wy1",
    paste0("wx", later, " ~~ qx*wx", later, " + start(.7)*wx", later), paste0("wy", later, " ~~ qy*wy", later, " + start(.7)*wy", later), paste0("wx", later, " ~~ qxy*wy", later),
    "RX ~~ start(.5)*RX", "RY ~~ start(.5)*RY", "RX ~~ RY", "RX + RY ~~ 0*wx1 + 0*wy1",
    paste0("x", t, " ~ 1"), paste0("y", t, " ~ 1"))
  paste(lines, collapse = "\n")
}

wide <- function(data) {
  w <- reshape(data[, c("person", "session", "first", "second")], idvar = "person", timevar = "session", direction = "wide")
  setNames(w, c("person", rbind(paste0("x", seq_len(times)), paste0("y", seq_len(times)))))
}

described <- function(data) {
  fit <- lavaan(syntax(), wide(data), missing = "fiml", information = "observed")
  e <- parameterEstimates(fit)
  of <- function(label) { r <- e[e$label == label, ][1, ]; list(estimate = r$est, se = r$se) }
  var <- function(a, b) { r <- e[e$lhs == a & e$op == "~~" & e$rhs == b, ]; r$est[1] }
  cov_paths <- vcov(fit)[c("xx", "yx", "xy", "yy"), c("xx", "yx", "xy", "yy")]
  list(llf = as.numeric(logLik(fit)), paths = lapply(list(first_to_first = "xx", second_to_first = "yx",
       first_to_second = "xy", second_to_second = "yy"), of), cov = unname(cov_paths),
       persons = c(var("RX", "RX"), var("RX", "RY"), var("RY", "RY")),
       innovations = c(of("qx")$estimate, of("qxy")$estimate, of("qy")$estimate),
       means = c(e$est[e$op == "~1" & grepl("^x", e$lhs)], e$est[e$op == "~1" & grepl("^y", e$lhs)]))
}

data <- simulate_series()
write.csv(data, file.path(folder, "series.csv"), row.names = FALSE)
complete <- subset(data, !(person %in% unique(person[is.na(first) | is.na(second)])))
centred <- data
for (v in c("first", "second")) centred[[v]] <- data[[v]] - ave(data[[v]], data$group, FUN = function(x) mean(x, na.rm = TRUE))
write_json(list(made_by = paste("lavaan", packageVersion("lavaan")), complete = described(complete), missing = described(data),
                group_centred = described(centred)), file.path(folder, "expected.json"), auto_unbox = TRUE, digits = 12, pretty = TRUE)
