"""What the lying host plays against: files of every kind, threads, pipes, a socket, clocks. The result depends on measured and
encrypted data only, so a run that ends well must print exactly what an honest run prints."""
import hashlib, json, os, queue, socket, sqlite3, threading, time

h = hashlib.sha256()
for name in ("json/decoder.py", "threading.py", "socket.py"):
    with open(os.path.join(os.path.dirname(os.__file__), name), "rb") as f:
        h.update(f.read())
with open("/private/secret.bin", "rb") as f:
    h.update(f.read())
with open("/private/out.bin", "wb") as f:
    f.write(h.digest() * 4096)
with open("/private/out.bin", "rb") as f:
    h.update(f.read())

db = sqlite3.connect("/tmp/x.db")
db.execute("create table t (n int)")
db.executemany("insert into t values (?)", ((n,) for n in range(500)))
db.commit()
h.update(str(db.execute("select sum(n) from t").fetchone()[0]).encode())

q, done = queue.Queue(), queue.Queue()
def work():
    while (n := q.get()) is not None:
        done.put(n * n)
threads = [threading.Thread(target=work) for _ in range(3)]
for t in threads: t.start()
for n in range(200): q.put(n)
for t in threads: q.put(None)
for t in threads: t.join()
h.update(str(sum(done.get() for _ in range(200))).encode())

r, w = os.pipe()
os.write(w, b"pipe" * 100)
h.update(os.read(r, 400))
before = time.monotonic()
time.sleep(0.01)
if time.monotonic() < before:
    raise SystemExit("time went back")
try:  # the network is the host's: an error is fine, and what it carries is not trusted
    s = socket.socket()
    s.bind(("127.0.0.1", 0))
    s.listen()
    s.settimeout(0.2)
    s.getsockname()
    os.listdir("/usr/lib/python3.11/json")
    os.stat("/usr/lib/python3.11/json")
except OSError:
    pass
h.update(json.dumps(sorted(os.environ.get("MEASURED", ""))).encode())
print("RESULT", h.hexdigest())
