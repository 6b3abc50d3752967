# Rscript score_items.R FILE ROWS REPEATS KEY...: FILE holds 12 columns of doubles; KEY is like -i1,i2. Prints JSON.
suppressMessages(library(psych))
given <- commandArgs(TRUE)
rows <- as.integer(given[2])
data <- as.data.frame(matrix(readBin(given[1], "double", 12 * rows), rows))
names(data) <- paste0("i", 1:12)
keys <- strsplit(given[-(1:3)], ",")
names(keys) <- letters[seq_along(keys)]
best <- Inf
for (k in seq_len(as.integer(given[3]))) {
  time <- system.time(found <- scoreItems(keys, data, missing = TRUE, impute = "none", min = 1, max = 7))
  best <- min(best, time[["user.self"]] + time[["sys.self"]])
}
peak <- as.numeric(gsub("[^0-9]", "", grep("VmHWM", readLines("/proc/self/status"), value = TRUE))) / 2^20
cat(sprintf('{"seconds": %.6g, "peak": %.4g, "means": [%s]}\n', best, peak,
            paste(sprintf("%.15g", colMeans(found$scores, na.rm = TRUE)), collapse = ", ")))
