"""How fast is a 512 x 512 matrix product in double precision? Median of five rounds of ten."""
import time
import numpy as np

a, b = np.random.default_rng(1).standard_normal((2, 512, 512))
a @ b
speeds = []
for _ in range(5):
    start = time.perf_counter()
    for _ in range(10): a @ b
    speeds.append(10 * 2 * 512 ** 3 / (time.perf_counter() - start) / 1e9)
print(f'numpy-matmul-512 {sorted(speeds)[2]:.2f} GFLOP/s')
