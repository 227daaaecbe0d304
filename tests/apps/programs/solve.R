# Base R only: loading utils and stats starts /usr/bin/which and uname as processes.
n <- 300; s <- 1; v <- numeric(n * n); for (i in seq_along(v)) { s <- (s * 16807) %% 2147483647; v[i] <- s / 2147483647 - 0.5 }
x <- matrix(v, n)
print(sum(abs(solve(x) %*% x - diag(n))) < 1e-6); print(round(sum(svd(x)$d), 6)); print(round(qr(x)$rank))
writeLines("a", "r.txt"); print(readLines("r.txt")); print(sum(sort(v) > 0)); print(range(v))
