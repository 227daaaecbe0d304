import hashlib
import numpy as np
r = np.random.default_rng(1)
a, b = r.integers(-1000, 1000, (2, 400, 400)).astype(float)
print(hashlib.sha256((a @ b).tobytes()).hexdigest())
print(hashlib.sha256(np.sort(r.integers(0, 1 << 40, 1000000)).tobytes()).hexdigest())
x = np.linalg.solve(a + 4e5 * np.eye(400), b[0]); print(np.round(x[:5] * 1e4, 6).tolist(), np.allclose((a + 4e5 * np.eye(400)) @ x, b[0]))
print(np.round(np.fft.fft(a[0])[:3], 6).tolist())
np.save('a.npy', a); print((np.load('a.npy', mmap_mode='r') == a).all())
