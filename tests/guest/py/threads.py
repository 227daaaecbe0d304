"""Eight threads with queues, locks, events and thread-local data."""
import hashlib, queue, threading, time

work, done = queue.Queue(maxsize=10), queue.Queue()
local = threading.local()
lock, total = threading.Lock(), 0

def worker():
    global total
    local.count = 0
    while (item := work.get()) is not None:
        local.count += 1
        done.put((item, hashlib.sha256(b'%d' % item * 1000).hexdigest()))
        with lock:
            total += item
    done.put(None)

threads = [threading.Thread(target=worker) for _ in range(8)]
for t in threads: t.start()
for i in range(400): work.put(i)
for t in threads: work.put(None)
for t in threads: t.join()
results, ends = {}, 0
while not done.empty():
    if (r := done.get()) is None: ends += 1
    else: results[r[0]] = r[1]
print('items', len(results), 'total', total, 'ends', ends)
print(hashlib.sha256(''.join(results[i] for i in sorted(results)).encode()).hexdigest())
event, woken = threading.Event(), []
timer = threading.Timer(0.02, event.set)
timer.start()
print('event', event.wait(5), 'timeout', threading.Event().wait(0.01))
