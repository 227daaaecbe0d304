import socket, sys, time
s = socket.create_connection(('127.0.0.1', int(sys.argv[1]))); f = s.makefile('rwb')
def ask(text, lines=1):
    f.write(text); f.flush()
    return b''.join(f.readline() for _ in range(lines))
print(ask(b'set a 0 0 1\r\nb\r\n'), ask(b'get a\r\n', 3), ask(b'get missing\r\n'), ask(b'incr a 1\r\n'))
start = time.perf_counter()
for i in range(5000):
    ask(b'set k%d 0 0 100\r\n%s\r\n' % (i % 100, b'v' * 100)); ask(b'get k%d\r\n' % (i % 100), 3)
print(f'{10000 / (time.perf_counter() - start):.0f} requests/s')
