# Fit of one factor in lavaan, for tests/golden/instruments/one_factor.expected.json.
# Rscript tests/golden/r/one_factor.R, from the repository's root.
suppressMessages(library(lavaan))
s <- read.csv("tests/golden/instruments/s1_items.csv")
items <- sprintf("item0%d", 1:8)
s <- na.omit(s[items])
s$item03 <- 6 - s$item03; s$item06 <- 6 - s$item06
pairs <- transform(s, item02 = item02 + item01, item04 = item04 + item03)  # two pairs of items share more than the factor
indices <- function(data) {
  fit <- cfa(paste("f =~", paste(items, collapse = " + ")), data, std.lv = TRUE)
  m <- fitMeasures(fit, c("chisq", "df", "pvalue", "cfi", "rmsea", "srmr"))
  sprintf('{"n": %d, "chi2": %.10g, "df": %d, "p": %.10g, "cfi": %.10g, "rmsea": %.10g, "srmr": %.10g}',
          lavInspect(fit, "nobs"), m["chisq"], as.integer(m["df"]), m["pvalue"], m["cfi"], m["rmsea"], m["srmr"])
}
writeLines(sprintf('{"items": %s,\n "pairs": %s}', indices(s), indices(pairs)),
           "tests/golden/instruments/one_factor.expected.json")
