# A linear mixed model at a verified optimum of its criterion.
#
# The best of three optimisers from two starts each, begun again where one stops at an edge that is no optimum,
# polished by Newton steps on the coordinates that are free; a variance near 0 is set to exactly 0 when that does not
# raise the criterion.
suppressMessages({
  library(lme4)
  library(lmerTest)
  library(numDeriv)
})

optimisers <- list(
  bobyqa = list("bobyqa", list(rhoend = 1e-10, maxfun = 1e5)),
  nloptwrap = list("nloptwrap", list(xtol_abs = 1e-12, xtol_rel = 1e-12, ftol_abs = 1e-12, ftol_rel = 1e-12, maxeval = 1e5)),
  nelder_mead = list("Nelder_Mead", list(maxfun = 1e5))
)

# Wide Richardson steps: the criterion of a large model has too much rounding for numDeriv's default.
slopes_of <- function(f, x) if (length(x)) grad(f, x, method.args = list(d = 0.02, r = 5)) else 0

# Newton steps on the free coordinates until the gradient is below 1e-6 or no step lowers the criterion.
polish <- function(criterion, theta, free) {
  on_free <- function(x) { full <- theta; full[free] <- x; criterion(full) }
  x <- theta[free]
  value <- on_free(x)
  slope <- slopes_of(on_free, x)
  for (step in seq_len(8)) {
    if (!length(x) || max(abs(slope)) < 1e-6) break
    curve <- hessian(on_free, x)
    move <- tryCatch(solve(curve, slope), error = function(e) NULL)
    if (is.null(move)) break
    new <- x - move
    new_value <- tryCatch(on_free(new), error = function(e) Inf)
    new_slope <- if (is.finite(new_value)) slopes_of(on_free, new) else slope
    if (!is.finite(new_value) || new_value > value + 1e-8 || max(abs(new_slope)) >= max(abs(slope))) break
    x <- new; value <- new_value; slope <- new_slope
  }
  theta[free] <- x
  list(theta = theta, value = value, gradient = max(abs(slope), 0))
}

fit_at_optimum <- function(formula, data, reml) {
  parsed <- lFormula(formula, data, REML = reml, control = lmerControl(check.rankX = "message+drop.cols"))
  criterion <- do.call(mkLmerDevfun, c(parsed, list(verbose = 0)))
  lower <- environment(criterion)$lower
  start <- parsed$reTrms$theta + 0  # a copy: pp$theta is the criterion's own memory and moves with it
  best <- NULL
  reached <- c()
  for (name in names(optimisers)) for (scale in c(1, 0.3)) {
    criterion(start)
    fit <- suppressWarnings(tryCatch(
      optimizeLmer(criterion, optimizer = optimisers[[name]][[1]], start = start * scale,
                   control = optimisers[[name]][[2]], boundary.tol = 0, restart_edge = TRUE),
      error = function(e) NULL))
    if (is.null(fit)) next
    reached[paste0(name, "_", scale)] <- fit$fval
    if (is.null(best) || fit$fval < best$fval) best <- fit
  }
  theta <- best$par
  value <- criterion(theta)
  on_bound <- rep(FALSE, length(theta))
  for (k in which(lower == 0 & abs(theta) < 1e-3)) {
    trial <- theta; trial[k] <- 0
    if (criterion(trial) <= value + 1e-7) { theta <- trial; on_bound[k] <- TRUE; value <- criterion(theta) }
  }
  polished <- polish(criterion, theta, which(!on_bound))
  criterion(polished$theta)
  optimum <- list(par = polished$theta, fval = polished$value, conv = 0, message = "")
  model <- mkMerMod(environment(criterion), optimum, parsed$reTrms, fr = parsed$fr,
                    mc = call("lmer", formula = formula, REML = reml))
  list(model = model, criterion = criterion, theta = polished$theta, lower = lower,
       optimum = list(max_abs_gradient = polished$gradient, theta_fixed_at_zero = which(on_bound),
                      criterion_by_optimiser = as.list(reached)))
}
