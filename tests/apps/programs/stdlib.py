"""The stdlib script of the field study, less what starts processes; prints only what is the same in two runs."""
import asyncio, concurrent.futures, ctypes, fcntl, glob, hashlib, mmap, os, resource, select, shutil, signal, socket, sqlite3, ssl, sys, tempfile, threading, time, uuid
from multiprocessing import resource_tracker, shared_memory

def square(x): return x * x

resource_tracker.register = resource_tracker.unregister = lambda *a: None  # a process of its own
memory = shared_memory.SharedMemory(create=True, size=4096); memory.buf[0] = 1; print(memory.buf[0]); memory.close(); memory.unlink()
with concurrent.futures.ThreadPoolExecutor(4) as pool: print(list(pool.map(square, range(4))))

async def main():
    server = await asyncio.start_server(lambda r, w: (w.write(b'x'), w.close()), '127.0.0.1', 0)
    reader, writer = await asyncio.open_connection('127.0.0.1', server.sockets[0].getsockname()[1])
    print(await reader.read()); writer.close()
    print(await asyncio.get_running_loop().run_in_executor(None, square, 3)); server.close()
asyncio.run(main())

c = sqlite3.connect('t.db'); c.execute('pragma journal_mode=wal'); c.execute('create table if not exists t(a)')
c.executemany('insert into t values(?)', [(i,) for i in range(100)]); c.commit(); print(c.execute('select sum(a) from t').fetchone()); c.close()
signal.signal(signal.SIGALRM, lambda *a: print('alarm')); signal.setitimer(signal.ITIMER_REAL, 0.05); time.sleep(0.1)
f = tempfile.TemporaryFile(); f.truncate(8192); m = mmap.mmap(f.fileno(), 8192); m[0] = 1; m.flush(); m.close(); print(os.pread(f.fileno(), 1, 0))
fcntl.flock(f, fcntl.LOCK_EX); fcntl.lockf(f, fcntl.LOCK_SH)
a, b = socket.socketpair(); a.send(b'1'); print(len(select.select([b], [], [], 1)[0]))
print(os.cpu_count(), resource.getrusage(0).ru_maxrss > 0, len(os.getloadavg()), os.statvfs('/').f_bsize > 0)
os.symlink('t.db', 'link'); print(os.readlink('link'), os.path.samefile('link', 't.db')); os.link('t.db', 'hard'); print(os.stat('hard').st_nlink)
shutil.copy(__file__, 's2.py'); os.rename('s2.py', 's3.py'); os.utime('s3.py', (1, 2)); print(os.stat('s3.py').st_mtime, hashlib.sha256(open('s3.py', 'rb').read()).hexdigest())
print(len(os.urandom(8)), len(uuid.uuid1().bytes)); print(sorted(a[4] for a in socket.getaddrinfo('localhost', 80, socket.AF_INET, socket.SOCK_STREAM)))
ssl.create_default_context(); print(len(os.sched_getaffinity(0)) == os.cpu_count())
fd = os.memfd_create('x'); os.write(fd, b'memfd'); print(os.pread(fd, 9, 0)); e = os.eventfd(3); print(os.eventfd_read(e))
out = os.open('s4', os.O_CREAT | os.O_RDWR, 0o644); print(os.sendfile(out, os.open(__file__, os.O_RDONLY), 0, 100), os.fstat(out).st_size)
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM); socket.send_fds(a, [b'fd'], [out]); print(os.fstat(socket.recv_fds(b, 9, 1)[1][0]).st_size)
print(sorted(glob.glob('*'))); print(ctypes.CDLL(None).getpid() == os.getpid(), os.uname().sysname, os.path.exists('/proc/self/maps'))
results = []; lock = threading.Lock()
def work(n):
    for i in range(1000):
        with lock: results.append(n)
threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
for t in threads: t.start()
for t in threads: t.join()
print(len(results), threading.active_count())
