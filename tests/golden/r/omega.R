# Standard errors of omega in lavaan, for tests/golden/instruments/omega_se.expected.json.
# Rscript tests/golden/r/omega.R, from the repository's root.
suppressMessages(library(lavaan))
one <- function(items) {
  k <- length(items)
  l <- paste0("l", 1:k); t <- paste0("t", 1:k)
  paste0("f =~ NA*", items[1], "+", paste(l, items, sep = "*", collapse = "+"), "\nf ~~ 1*f\n",
         paste0(items, "~~", t, "*", items, collapse = "\n"), "\nomega := (", paste(l, collapse = "+"), ")^2/((",
         paste(l, collapse = "+"), ")^2+", paste(t, collapse = "+"), ")")
}
s <- read.csv("tests/golden/instruments/s1_items.csv")
s$item03 <- 6 - s$item03; s$item06 <- 6 - s$item06
se <- function(fit) with(parameterEstimates(fit), se[op == ":="])
total <- se(cfa(one(sprintf("item0%d", 1:8)), na.omit(s)))
x <- paste0("x", 1:4)
lower <- gsub("omega", "within", one(x))
upper <- gsub("f =~", "g =~", gsub("1*f", "1*g", gsub("f ~~", "g ~~", gsub("omega", "between", one(x))), fixed = TRUE))
upper <- gsub("\\bl([0-9])", "m\\1", gsub("\\bt([0-9])", "u\\1", upper))
two <- cfa(paste("level: 1\n", lower, "\nlevel: 2\n", upper), read.csv("tests/golden/instruments/s7_twolevel_items.csv"),
           cluster = "therapist", information = "observed")
writeLines(sprintf('{"total": %.10g, "within": %.10g, "between": %.10g}', total, se(two)[1], se(two)[2]),
           "tests/golden/instruments/omega_se.expected.json")
