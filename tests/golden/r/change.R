# Hageman and Arrindell's indices on s2_rci.csv, in base R, for tests/golden/instruments/s2_ha.expected.json.
# Rscript tests/golden/r/change.R, from the repository's root.
data <- read.csv("tests/golden/instruments/s2_rci.csv")
s_pre <- 9.2; r <- 0.88; cut <- 62.4
both <- complete.cases(data$pre, data$post)
x <- data$pre[both]; y <- data$post[both]
sem <- s_pre * sqrt(1 - r)
r1 <- (sd(x)^2 - sem^2) / sd(x)^2
r2 <- (sd(y)^2 - sem^2) / sd(y)^2
r12 <- cor(x, y)
rdd <- (sd(x)^2 * r1 + sd(y)^2 * r2 - 2 * sd(x) * sd(y) * r12) / (sd(x)^2 + sd(y)^2 - 2 * sd(x) * sd(y) * r12)
rc <- ((y - x) * rdd + (mean(y) - mean(x)) * (1 - rdd)) / (sqrt(rdd) * sqrt(2 * sem^2))
cs <- (mean(y) + (y - mean(y)) * r2 - cut) / (sqrt(r2) * sem)
class <- ifelse(rc >= 1.65, ifelse(cs >= 1.65 & x < cut, "recovered", "improved"),
                ifelse(rc <= -1.65, "deteriorated", "unchanged"))
row <- function(p, a, b, k) sprintf('  {"patient": "%s", "RC": %.15g, "CS": %.15g, "class": "%s"}', p, a, b, k)
writeLines(c('{"r_dd":', sprintf("%.15g,", rdd), ' "rows": [',
             paste(mapply(row, data$patient[both], rc, cs, class), collapse = ",\n"), "]}"),
           "tests/golden/instruments/s2_ha.expected.json")
