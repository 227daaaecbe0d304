"""What the lying host plays against: files of every kind, threads, pipes, a socket, clocks. The result depends on measured and
encrypted data only, so a run that ends well must print exactly what an honest run prints."""
import hashlib, json, os, queue, resource, select, socket, sqlite3, threading, time

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
# CPU time is the host's word, but it cannot go back, nor be more than the time that passed
asleep = threading.Thread(target=time.sleep, args=(0.2,))
asleep.start()
clocks = [time.CLOCK_PROCESS_CPUTIME_ID, time.CLOCK_THREAD_CPUTIME_ID, time.pthread_getcpuclockid(asleep.ident)]
used = [0.0] * 3
for _ in range(12):
    now = [time.clock_gettime(c) for c in clocks]
    if any(n < u or n > 10000 for n, u in zip(now, used)):
        raise SystemExit(f"BELIEVED: CPU time {used} and then {now}")
    used = now
asleep.join()
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

def check(what, ok):  # what libos lets through must be possible, or be an error
    if not ok:
        raise SystemExit("BELIEVED A LIE: " + what)

def attempt(f):
    for _ in range(6):  # the first few answers may be honest
        try:
            f()
        except OSError:
            return

def names():
    for name in os.listdir("/open"):
        check("name %r" % name, name and "/" not in name and "\0" not in name and name in ("data", "link"))

def attributes():
    st = os.stat("/open/data")
    check("stat %r" % (st,), 0 < st.st_blksize <= 1 << 24 and st.st_blocks >= 0 and 0 <= st.st_mtime_ns % 10**9 and st.st_size >= 0)
    with open("/open/data", "rb") as f:
        os.fstat(f.fileno())

def file_system():
    st = os.statvfs("/open")
    check("statvfs %r" % (st,), st.f_bsize > 0 and st.f_bfree <= st.f_blocks and st.f_bavail <= st.f_bfree)

def link():
    to = os.readlink("/open/link")
    check("link %r" % to, "\0" not in to and to)

def xattrs():
    os.setxattr("/open/data", "user.n", b"v" * 7)
    names = os.listxattr("/open/data")
    check("attributes %r" % names[:3], "" not in names and all(len(n) < 256 for n in names))
    check("attribute", len(os.getxattr("/open/data", "user.n")) <= 65536)

def positions():
    with open("/open/data", "a+b", buffering=0) as f:
        f.write(b"x")
        check("position %d" % f.tell(), f.tell() >= 0)
        f.read(100)
        check("data at %d" % f.tell(), f.tell() >= 0 and os.lseek(f.fileno(), 0, os.SEEK_HOLE) >= 0)

def cpus():
    check("affinity", os.sched_getaffinity(0) <= set(range(os.cpu_count())))

def usage():
    u = resource.getrusage(resource.RUSAGE_SELF)
    check("usage %r" % (u,), all(n >= 0 for n in u) and os.times().user >= 0)
    check("memory", 0 < os.sysconf("SC_PHYS_PAGES") < 1 << 40)

def cpuinfo():
    with open("/proc/cpuinfo") as f:
        check("cpuinfo", "GenuineIntel" in f.read())

def quote():
    with open("/dev/attestation/user_report_data", "wb") as f:
        f.write(bytes(64))
    with open("/dev/attestation/quote", "rb") as f:
        f.read()

def readiness():
    with socket.socket() as s, select.epoll() as e:
        s.bind(("127.0.0.1", 0))
        s.listen()
        e.register(s, select.EPOLLIN)
        for fd, events in e.poll(0.01):
            check("epoll %d %x" % (fd, events), fd == s.fileno() and not events & ~(select.EPOLLIN | select.EPOLLERR | select.EPOLLHUP))
        p = select.poll()
        p.register(s, select.POLLIN)
        for fd, events in p.poll(10):
            check("poll %d %x" % (fd, events), fd == s.fileno() and not events & ~(select.POLLIN | select.POLLERR | select.POLLHUP | select.POLLNVAL))

def control_messages():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        s.settimeout(1)
        s.setsockopt(socket.IPPROTO_IP, 12, 1)  # IP_RECVTTL
        for size in range(8):
            s.sendmsg([b"x" * size], [(socket.IPPROTO_IP, socket.IP_TTL, (9).to_bytes(4, "little"))], 0, s.getsockname())
            data, control, flags, name = s.recvmsg(100, 200)
            check("message %r %r" % (data, name), len(data) <= 100 and name[0].count(".") == 3)
            for level, kind, value in control:
                check("control %d %d %r" % (level, kind, value), (level, kind, len(value)) == (0, socket.IP_TTL, 4) and int.from_bytes(value, "little") < 256)

for f in (names, attributes, file_system, link, xattrs, positions, cpus, usage, cpuinfo, quote, readiness, control_messages):
    attempt(f)
h.update(json.dumps(sorted(os.environ.get("MEASURED", ""))).encode())
print("RESULT", h.hexdigest())
