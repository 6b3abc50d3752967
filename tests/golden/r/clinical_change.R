# Logistic models of clustered patients: writes tests/golden/clinical_change/patients.csv and expected.json.
#
#   Rscript tests/golden/r/clinical_change.R        from the top of the repository
#
# Needs geepack, clubSandwich, jsonlite. geepack has no CR2: for the exchangeable model it is computed by hand from the
# definition; for the ordinal model (independent working correlation) by clubSandwich.
suppressMessages({library(jsonlite); library(geepack); library(clubSandwich)})
folder <- "tests/golden/clinical_change"

simulate_patients <- function() {
  set.seed(82)
  J <- 16; n <- sample(12:40, J, replace = TRUE)
  therapist <- rep(seq_len(J), n)
  style <- rnorm(J); pre <- rnorm(sum(n)); felt <- rnorm(sum(n))
  latent <- .4 * felt + .2 * style[therapist] - .3 * pre + rnorm(J, 0, .4)[therapist] + rlogis(sum(n))
  class <- cut(latent, c(-Inf, -2.2, -.2, 1, Inf), labels = FALSE)
  data.frame(therapist, style = round(style[therapist], 4), pre = round(pre, 4), felt = round(felt, 4), class)
}

fit_list <- function(beta, se, df = NULL) list(estimate = unname(beta), se = unname(se), df = unname(df))
tight <- geese.control(epsilon = 1e-13, maxit = 500)
d <- simulate_patients()
write.csv(d, file.path(folder, "patients.csv"), row.names = FALSE)

# One event, exchangeable.
d$y <- as.numeric(d$class >= 3)
gee <- geeglm(y ~ felt + style + pre, binomial, d, id = therapist, corstr = "exchangeable", control = tight)
alpha <- gee$geese$alpha
X <- model.matrix(y ~ felt + style + pre, d); p <- fitted(gee)[, 1]; rows <- split(seq_along(p), d$therapist)
D <- lapply(rows, function(i) X[i, ] * (p * (1 - p))[i])
V <- lapply(rows, function(i) { s <- sqrt(p[i] * (1 - p[i])); outer(s, s) * (alpha + (1 - alpha) * diag(length(i))) })
M <- solve(Reduce(`+`, Map(function(x, v) t(x) %*% solve(v, x), D, V)))
half <- function(B) { e <- eigen(B, symmetric = TRUE); e$vectors %*% diag(1 / sqrt(e$values)) %*% t(e$vectors) }
G <- Map(function(x, v) { C <- chol(v); A <- t(C) %*% half(C %*% (v - x %*% M %*% t(x)) %*% t(C)) %*% C; t(A) %*% solve(v, x) %*% M }, D, V)
score <- sapply(names(rows), function(j) t(G[[j]]) %*% (d$y - p)[rows[[j]]])
se <- sqrt(diag(score %*% t(score)))
# Satterthwaite: squares of the clusters' parts under the working model, with (I - H) V (I - H)'.
All <- matrix(0, length(p), length(p)); for (j in names(rows)) All[rows[[j]], rows[[j]]] <- V[[j]]
Dx <- X * (p * (1 - p)); left <- All - Dx %*% M %*% t(Dx)
df <- sapply(1:4, function(k) {
  g <- sapply(names(rows), function(j) { v <- numeric(length(p)); v[rows[[j]]] <- G[[j]][, k]; v })
  P <- t(g) %*% left %*% g
  sum(diag(P))^2 / sum(P^2)
})

# All classes: rows "at least k", proportional odds, independent.
stacked <- do.call(rbind, lapply(2:4, function(k) transform(d, cut = k, y = as.numeric(class >= k))))
glm_all <- glm(y ~ 0 + factor(cut) + felt + style + pre, binomial, stacked, control = glm.control(epsilon = 1e-14, maxit = 100))
cr2 <- coef_test(glm_all, vcov = vcovCR(glm_all, cluster = stacked$therapist, type = "CR2"), test = "Satterthwaite")
stacked <- stacked[order(stacked$therapist), ]
independence <- geeglm(y ~ 0 + factor(cut) + felt + style + pre, binomial, stacked, id = therapist, corstr = "independence", control = tight)

write_json(list(
  exchangeable = c(fit_list(coef(gee), se, df), list(alpha = unname(alpha), sandwich = unname(sqrt(diag(gee$geese$vbeta))))),
  ordinal = c(fit_list(coef(glm_all), cr2$SE, if (is.null(cr2$df_Satt)) cr2$df else cr2$df_Satt),
              list(sandwich = unname(sqrt(diag(independence$geese$vbeta)))))
), file.path(folder, "expected.json"), digits = NA, auto_unbox = TRUE, pretty = TRUE)
