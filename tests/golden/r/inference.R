# Degrees of freedom at a verified optimum: lmerTest's Satterthwaite and pbkrtest's Kenward-Roger.

# -2 log-likelihood in (theta, sigma), REML or ML, as lmerTest differentiates it.
deviance_in_theta_sigma <- function(fit) {
  n <- nobs(fit$model); p <- length(fixef(fit$model)); reml <- isREML(fit$model)
  environment_of <- environment(fit$criterion)
  function(x) {
    k <- length(x)
    fit$criterion(x[-k])
    sigma2 <- x[k]^2
    pwrss <- environment_of$resp$wrss() + environment_of$pp$sqrL(1)
    logdet <- environment_of$pp$ldL2() + if (reml) environment_of$pp$ldRX2() else 0
    logdet + pwrss / sigma2 + (n - if (reml) p else 0) * log(2 * pi * sigma2)
  }
}

satterthwaite <- function(fit) {
  point <- c(fit$theta, sigma(fit$model))
  step <- deviance_in_theta_sigma(fit)
  information <- 2 * solve(hessian(step, point))
  covariance <- function(x) {
    k <- length(x)
    fit$criterion(x[-k])
    as.matrix(tcrossprod(environment(fit$criterion)$pp$RXi())) * x[k]^2
  }
  slopes <- jacobian(function(x) diag(covariance(x)), point)
  phi <- diag(covariance(point))
  fit$criterion(fit$theta)
  2 * phi^2 / rowSums((slopes %*% information) * slopes)
}

kenward_roger <- function(fit) {
  adjusted <- as.matrix(pbkrtest::vcovAdj(fit$model))
  p <- nrow(adjusted)
  df <- vapply(seq_len(p), function(k) pbkrtest::Lb_ddf(diag(p)[k, ], vcov(fit$model), pbkrtest::vcovAdj(fit$model)), 0)
  list(se = sqrt(diag(adjusted)), df = df)
}
