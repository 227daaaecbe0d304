"""A matrix product, its checksum, and a decomposition: the same bytes as natively."""
import hashlib
import numpy as np

rng = np.random.default_rng(7)
a, b = rng.integers(-1000, 1000, (300, 300)), rng.integers(-1000, 1000, (300, 300))
print('integer product', hashlib.sha256((a @ b).tobytes()).hexdigest())
x, y = rng.standard_normal((256, 256)), rng.standard_normal((256, 256))
print('float product close', bool(np.allclose((x @ y)[17], [x[17] @ y[:, j] for j in range(256)])))
print('solves', bool(np.allclose(x @ np.linalg.solve(x, y), y)))
print('float32 sum', hashlib.sha256(np.cumsum(x.astype(np.float32)).tobytes()).hexdigest())
