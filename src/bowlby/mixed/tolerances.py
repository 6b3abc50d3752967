"""Every tolerance of the engine, with its unit and its reason.

Outcome, predictors and random-effect columns have unit size inside, so that shares and internal units are alike.
"""

# Columns and rows
SMALLEST, LARGEST = 1e-100, 1e100  # of a column's values, beyond which squares overflow
TINY = 1e-300  # in place of a divisor of 0
ROUNDED = 1e-11  # spread of an outcome over its size or its offset's, below which it may be rounding
CONSTANT = 1e-13  # spread of a predictor over its mean, below which it is rounding
CLEAR = 1e-8  # share of a predictor's squares that earlier ones leave, above which cross-products alone decide
LEFT = 1e-16  # the least such share
RANK = 1e-7  # norm of a column after the earlier ones are projected out (lme4's tolerance)
COLLINEAR = 1e-6  # least eigenvalue of predictors' correlations, below which cross-products lose half their digits
NOTHING = 1e-10  # share of a random effect's columns that predictors leave, below which there is no variance
MULTIPLE = 1e-9  # difference of two slopes' columns, over their size, that are multiples of each other
WEIGHT_SUM = 1e-6  # difference from 1 of a row's membership weights, which are often rounded by hand
LOST_WEIGHT = 1e-9  # membership weight on unknown levels

# The criterion, in -2 log-likelihood
HEIGHT = 1e-11  # its rounding, over its size
PRECISION = 2.3e-16  # of a number, over its size
GAIN = 1e-10  # difference between two ends, below which it is rounding
TIE = 1e-9  # difference from a known minimum
FLAT = 1e-3  # difference that tells nothing apart
NOISE = 1e-2  # its error where traces are estimated
NESTED = 1e-6  # by how much, over its size, a larger model may seem worse
NO_RESIDUAL = 1e-13  # residual variance, internal units, that is rounding
FAINT_RESIDUAL = 1e-4  # share of the outcome's squares, below which the criterion may be off by more than 1e-6
PIVOT = 1e-13  # share of a diagonal left by earlier rows, below which a replicate's matrix is singular

# Newton's method; decrements in -2 log-likelihood
DONE = 1e-16  # decrement at the end
NOISY = 1e-13  # the same where the criterion rests on estimates
LAST = 1e-9  # decrement after whose step only rounding is left
CLOSE = 1e-6  # decrement at which a search that finds nothing lower has converged
FLATTEST = 1e-10  # least curvature that counts, over the largest
SADDLE, DOWN = 1e-7, 1e-6  # curvature downwards at a saddle, over the largest and itself
PUSH = 1e-4  # decrement at a saddle, below which there is no gradient to follow
DESCENT = 1e-4  # share of the expected descent that a step must bring
VALLEY = 0.2  # distance from a known minimum, over its size, within which a step lands in its valley

# Variances relative to the residual variance, and entries of their Cholesky factors
SMALL = 1e-3  # variance in place of a negative estimate; size below which an entry may be 0
SMALL_OPEN = 0.2  # the same size where the search has not ended
NIL, LEAST = 1e-6, 0.1  # entry over its row's length, or over the least such length, that is 0
SPENT = 1e-14  # share of a variance that earlier columns leave, below which it is 0
SAME = 1e-12  # difference of covariances that is rounding

# Tests
REGULAR = 1e-10  # least eigenvalue of a scaled information, over the largest
REDUNDANT = 1e-8  # share of a sum of terms that cancel
SAME_DF = 1e-8  # spread of df over their mean that is rounding

# Profiles and residual structures
ROOT, ROOT_ROUNDING = 1e-7, 1e-12  # of a limit: over its distance from the estimate, and over itself
FLOOR = 1e-8  # least SD, over the outcome's
DECAY = 1e-9  # of a log decay rate
RATIO_STEP = 1e-4  # of log SD ratios in central differences; the criterion is known to some 1e-11
RATIO_GRADIENT, RATIO_MOVE = 1e-6, 1e-5  # of log SD ratios in units of their step, where the search ends
PERFECT = 1e-6  # -log correlation over a unit's longest span where there is nothing else

# Sparse systems
SOLVE = 1e-11  # residual of solves that must be exact
PROBE = 1e-7  # the same on probes, far below their sampling error
SERIES = 1e-9  # of squared norms, where a series ends
DETERMINANT = 1e-5  # of a log-determinant
EMPTY = 1e-15  # entry of a whitened matrix that is rounding
