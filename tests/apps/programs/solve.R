set.seed(1); x <- matrix(rnorm(90000), 300); print(round(sum(abs(solve(x) %*% x - diag(300))) < 1e-6)); print(round(sum(svd(x)$d), 6))
writeLines("a", "r.txt"); print(readLines("r.txt")); print(summary(lm(dist ~ speed, cars))$r.squared); print(sum(sort(runif(1e5)) > 0.5))
