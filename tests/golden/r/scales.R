# Scores, reliabilities and shares between classes of public data sets in R, for
# tests/golden/instruments/real_scales.expected.json. Rscript tests/golden/r/scales.R, from the repository's root, with
# the data sets in ../shared/data.
suppressMessages({library(psych); library(jsonlite)})
shared <- "../shared/data/"
coefficients <- function(items) {
  items <- items[complete.cases(items), ]
  found <- psych::alpha(items, check.keys = FALSE, warnings = FALSE)
  n <- nrow(items); k <- ncol(items); value <- found$total$raw_alpha
  factor <- factanal(items, 1, rotation = "none", control = list(nstart = 5, lower = 1e-6))
  loadings <- factor$loadings[, 1] * apply(items, 2, sd); unique <- factor$uniquenesses * apply(items, 2, var)
  limits <- 1 - (1 - value) * qf(c(.975, .025), n - 1, (n - 1) * (k - 1))
  list(n = n, k = k, alpha = value, feldt = limits, omega = sum(loadings)^2 / (sum(loadings)^2 + sum(unique)),
       item_rest = unname(found$item.stats$r.drop), alpha_if_dropped = unname(found$alpha.drop$raw_alpha))
}
totals <- function(items, lowest, cut) {
  total <- rowSums(items)
  list(mean = mean(total), sd = sd(total), cases = sum(total >= cut),
       bands = as.integer(table(cut(total, c(lowest, Inf), right = FALSE))))
}
out <- list(psych = as.character(packageVersion("psych")), R = R.version.string)

bfi <- read.csv(paste0(shared, "rdatasets_subset/psychTools_bfi.csv"))[, 1:25]
keys <- list(agree = c("-A1", "A2", "A3", "A4", "A5"), conscientious = c("C1", "C2", "C3", "-C4", "-C5"),
             extraversion = c("-E1", "-E2", "E3", "E4", "E5"), neuroticism = c("N1", "N2", "N3", "N4", "N5"),
             openness = c("O1", "-O2", "O3", "O4", "-O5"))
scores <- scoreItems(keys, bfi, impute = "none", min = 1, max = 6, missing = TRUE)$scores
for (item in c("A1", "C4", "C5", "E1", "E2", "O2", "O5")) bfi[[item]] <- 7 - bfi[[item]]
for (name in names(keys))
  out[[name]] <- c(coefficients(bfi[, sub("-", "", keys[[name]])]),
                   list(mean = mean(scores[, name]), sd = sd(scores[, name]), first = head(scores[, name], 25)))

asked <- read.csv(paste0(shared, "phq_gad_pss_ukm/Psychological_aspects.csv"), fileEncoding = "UTF-8-BOM")
phq <- asked[, paste0("D", 1:9)]; gad <- asked[, paste0("A", 1:7)]
out$phq9 <- c(coefficients(phq), totals(phq, c(0, 5, 10, 15, 20), 10), list(item9 = sum(phq$D9 > 0)))
out$gad7 <- c(coefficients(gad), totals(gad, c(0, 5, 10, 15), 10))

ecr <- read.csv(paste0(shared, "ecr_mother_father_italian/data_ECR.csv"))
for (parent in c("m", "p")) for (name in c("avoidance", "anxiety")) {
  items <- if (name == "avoidance") c(2, 3, 4, 6, 10, 11) else c(1, 5, 7, 8, 9, 12)
  score <- ecr[[paste0(if (name == "avoidance") "Av" else "Anx", parent)]]
  square <- anova(lm(score ~ factor(ecr$id_classe)))$`Mean Sq`
  sizes <- table(ecr$id_classe[!is.na(score)])
  effective <- (sum(sizes) - sum(sizes^2) / sum(sizes)) / (length(sizes) - 1)
  out[[paste(parent, name, sep = "_")]] <-
    c(coefficients(ecr[, paste0("o_ecr", items, parent)]),
      list(icc = (square[1] - square[2]) / (square[1] + (effective - 1) * square[2]), classes = length(sizes)))
}
writeLines(toJSON(out, digits = 15, auto_unbox = TRUE, pretty = TRUE),
           "tests/golden/instruments/real_scales.expected.json")
