"""Every doubt tried: resampling, influence, missing data and the many ways in which one could have analysed."""
