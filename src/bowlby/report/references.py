"""Works cited: a mark ``[[key]]`` in a text becomes the work's short form; the list of references follows from it."""

from __future__ import annotations

import re

MARK = re.compile(r"\[\[([a-z]+)\]\]")
WORKS = {
    "barnard": ("Barnard & Rubin, 1999", "Barnard, J., & Rubin, D. B. (1999). Small-sample degrees of freedom with "
                "multiple imputation. Biometrika, 86, 948-955."),
    "berger": ("Berger, 1982", "Berger, R. L. (1982). Multiparameter hypothesis testing and acceptance sampling. "
               "Technometrics, 24, 295-300."),
    "browne": ("Browne et al., 2001", "Browne, W. J., Goldstein, H., & Rasbash, J. (2001). Multiple membership "
                                      "multiple "
               "classification (MMMC) models. Statistical Modelling, 1, 103-124."),
    "cameron": ("Cameron et al., 2008", "Cameron, A. C., Gelbach, J. B., & Miller, D. L. (2008). Bootstrap-based "
                "improvements for inference with clustered errors. Review of Economics and Statistics, 90, 414-427."),
    "crainiceanu": ("Crainiceanu & Ruppert, 2004", "Crainiceanu, C. M., & Ruppert, D. (2004). Likelihood ratio tests "
                                                   "in "
                    "linear mixed models with one variance component. Journal of the Royal Statistical Society, Series "
                    "B, 66, 165-185."),
    "cronbach": ("Cronbach, 1951", "Cronbach, L. J. (1951). Coefficient alpha and the internal structure of tests. "
                 "Psychometrika, 16, 297-334."),
    "efron": ("Efron, 1987", "Efron, B. (1987). Better bootstrap confidence intervals. Journal of the American "
              "Statistical Association, 82, 171-185."),
    "enders": ("Enders & Tofighi, 2007", "Enders, C. K., & Tofighi, D. (2007). Centering predictor variables in "
               "cross-sectional multilevel models: A new look at an old issue. Psychological Methods, 12, 121-138."),
    "hutchinson": ("Hutchinson, 1989", "Hutchinson, M. F. (1989). A stochastic estimator of the trace of the influence "
                   "matrix for Laplacian smoothing splines. Communications in Statistics - Simulation and Computation, "
                   "18, 1059-1076."),
    "kenward": ("Kenward & Roger, 1997", "Kenward, M. G., & Roger, J. H. (1997). Small sample inference for fixed "
                "effects from restricted maximum likelihood. Biometrics, 53, 983-997."),
    "molder": ("Mölder et al., 2021", "Mölder, F., et al. (2021). Sustainable data analysis with Snakemake. "
               "F1000Research, 10, 33."),
    "nadeau": ("Nadeau & Bengio, 2003", "Nadeau, C., & Bengio, Y. (2003). Inference for the generalization error. "
               "Machine Learning, 52, 239-281."),
    "pustejovsky": ("Pustejovsky & Tipton, 2018", "Pustejovsky, J. E., & Tipton, E. (2018). Small-sample methods for "
                    "cluster-robust variance estimation and hypothesis testing in fixed effects models. Journal of "
                    "Business & Economic Statistics, 36, 672-683."),
    "rights": ("Rights & Sterba, 2019", "Rights, J. D., & Sterba, S. K. (2019). Quantifying explained variance in "
               "multilevel models: An integrative framework for defining R-squared measures. Psychological Methods, "
               "24, "
               "309-338."),
    "satterthwaite": ("Satterthwaite, 1946", "Satterthwaite, F. E. (1946). An approximate distribution of estimates of "
                      "variance components. Biometrics Bulletin, 2, 110-114."),
    "schafer": ("Schafer & Yucel, 2002", "Schafer, J. L., & Yucel, R. M. (2002). Computational strategies for "
                "multivariate linear mixed-effects models with missing values. Journal of Computational and Graphical "
                "Statistics, 11, 437-457."),
    "schuirmann": ("Schuirmann, 1987", "Schuirmann, D. J. (1987). A comparison of the two one-sided tests procedure "
                                       "and "
                   "the power approach for assessing the equivalence of average bioavailability. Journal of "
                   "Pharmacokinetics and Biopharmaceutics, 15, 657-680."),
    "seabold": ("Seabold & Perktold, 2010", "Seabold, S., & Perktold, J. (2010). statsmodels: Econometric and "
                "statistical modeling with Python. Proceedings of the 9th Python in Science Conference, 92-96."),
    "simonsohn": ("Simonsohn et al., 2020", "Simonsohn, U., Simmons, J. P., & Nelson, L. D. (2020). Specification "
                                            "curve "
                  "analysis. Nature Human Behaviour, 4, 1208-1214."),
    "vallat": ("Vallat, 2018", "Vallat, R. (2018). Pingouin: Statistics in Python. Journal of Open Source Software, 3, "
               "1026."),
    "zou": ("Zou & Donner, 2008", "Zou, G. Y., & Donner, A. (2008). Construction of confidence limits about effect "
            "measures: A general approach. Statistics in Medicine, 27, 1693-1702."),
}  # fmt: skip


def cite(text: str) -> str:
    """A text with its marks in short form.

    Examples
    --------
    >>> cite("tested as a union of tests ([[berger]])")
    'tested as a union of tests (Berger, 1982)'
    """
    return MARK.sub(lambda found: WORKS[found[1]][0] if found[1] in WORKS else found[0], text)


def cited(texts: list[str]) -> set[str]:
    """Full forms of the works that texts have marks of."""
    return {WORKS[key][1] for text in texts for key in MARK.findall(text) if key in WORKS}
