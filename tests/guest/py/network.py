"""Sockets, poll, select and epoll through Python: what servers lean on. argv[1]: a scratch directory."""
import socket, threading, os, select, selectors, struct, array, time, sys, errno
def check(c, what):
    if not c: print("FAIL", what); sys.exit(1)
def t(name):
    print("ok", name, flush=True)
# tcp echo with 64 clients in threads
srv = socket.create_server(("127.0.0.1", 0)); port = srv.getsockname()[1]
def serve():
    sel = selectors.DefaultSelector(); srv.setblocking(False); sel.register(srv, selectors.EVENT_READ)
    left = 64
    while left:
        for k, ev in sel.select():
            if k.fileobj is srv:
                try: c, a = srv.accept()
                except BlockingIOError: continue
                c.setblocking(False); sel.register(c, selectors.EVENT_READ)
            else:
                d = k.fileobj.recv(65536)
                if d: k.fileobj.sendall(d)
                else: sel.unregister(k.fileobj); k.fileobj.close(); left -= 1
th = threading.Thread(target=serve); th.start()
def client(i):
    s = socket.create_connection(("127.0.0.1", port))
    for n in range(20):
        m = os.urandom(100 + i * 10); s.sendall(m); g = b""
        while len(g) < len(m): g += s.recv(4096)
        check(g == m, "echo")
    s.close()
cs = [threading.Thread(target=client, args=(i,)) for i in range(8)]
for base in range(0, 64, 8):
    cs = [threading.Thread(target=client, args=(base + i,)) for i in range(8)]
    for c in cs: c.start()
    for c in cs: c.join()
th.join(); t("tcp echo 64")
# refused, timeouts
try: socket.create_connection(("127.0.0.1", 1), timeout=2); check(False, "refused")
except ConnectionRefusedError: pass
a, b = socket.socketpair(); a.settimeout(0.1)
t0 = time.monotonic()
try: a.recv(1); check(False, "timeout")
except socket.timeout: check(0.09 < time.monotonic() - t0 < 1, "timeout length")
t("refused, timeout")
# udp
u1 = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u1.bind(("127.0.0.1", 0))
u2 = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u2.sendto(b"x" * 3000, u1.getsockname())
d, anc, fl, ad = u1.recvmsg(100); check(len(d) == 100 and fl & socket.MSG_TRUNC, "trunc")
u2.sendmsg([b"ab", b"cd"], [], 0, u1.getsockname()); check(u1.recvfrom(10)[0] == b"abcd", "gather")
t("udp")
# unix stream, SCM_RIGHTS
r, w = os.pipe()
socket.send_fds(a, [b"fd"], [w]); m, fds, fl, ad = socket.recv_fds(b, 10, 4); check(m == b"fd" and len(fds) == 1, "scm")
os.write(fds[0], b"through"); check(os.read(r, 100) == b"through", "scm pipe")
os.close(w); os.close(fds[0]); check(os.read(r, 1) == b"", "eof")
a.sendall(b"hello"); check(b.recv(2, socket.MSG_PEEK) == b"he" and b.recv(100) == b"hello", "peek")
a.shutdown(socket.SHUT_WR); check(b.recv(1) == b"", "shutdown"); b.send(b"back"); a.settimeout(None); check(a.recv(9) == b"back", "half")
a.close()
try: b.send(b"x"); check(False, "epipe")
except BrokenPipeError: pass
for path in (sys.argv[1] + "/sock", "\0abstract"):
    s = socket.socket(socket.AF_UNIX); s.bind(path); s.listen()
    c = socket.socket(socket.AF_UNIX); c.connect(path); d, ad = s.accept()
    c.send(b"1"); check(d.recv(1) == b"1", path)
    check(c.getpeername() == (path if path[0] == "/" else path.encode()), "name %r" % (c.getpeername(),))
    pid, uid, gid = struct.unpack("3i", c.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)); check(pid == os.getpid(), "peercred")
    s.close(); c.close(); d.close()
check(os.path.exists(sys.argv[1] + "/sock"), "node"); os.unlink(sys.argv[1] + "/sock")
t("unix")
dg = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); dg.bind(sys.argv[1] + "/dg")
d2 = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); d2.bind("\0me"); d2.sendto(b"msg", sys.argv[1] + "/dg"); check(dg.recvfrom(10) == (b"msg", b"\0me"), "dgram")
t("unix dgram")
# epoll semantics
r, w = os.pipe(); ep = select.epoll(); ep.register(r, select.EPOLLIN | select.EPOLLET)
check(ep.poll(0) == [], "empty"); os.write(w, b"a"); check(ep.poll(1) == [(r, select.EPOLLIN)], "et1"); check(ep.poll(0) == [], "et2")
os.write(w, b"b"); check(ep.poll(1) == [(r, select.EPOLLIN)], "et3")
ep.modify(r, select.EPOLLIN | select.EPOLLONESHOT); check(len(ep.poll(0)) == 1 and ep.poll(0) == [], "oneshot")
ep.modify(r, select.EPOLLIN); check(len(ep.poll(0)) == 1 and len(ep.poll(0)) == 1, "lt")
e2 = select.epoll(); e2.register(ep.fileno(), select.EPOLLIN); check(len(e2.poll(0)) == 1, "nested")
os.close(r); check(ep.poll(0) == [], "closed")
try: ep.register(0 if False else os.open("/etc/passwd", os.O_RDONLY)); check(False, "EPERM")
except PermissionError: pass
t("epoll")
p = select.poll(); r, w = os.pipe(); p.register(r, select.POLLIN); p.register(w, select.POLLOUT); check(p.poll(0) == [(w, select.POLLOUT)], "poll")
check(select.select([r], [w], [], 0) == ([], [w], []), "select")
threading.Timer(0.1, lambda: os.write(w, b"z")).start(); check(p.poll(5) is not None and select.select([r], [], [], 5)[0] == [r], "select wakes")
t("poll select")
l = socket.create_server(("::1", 0), family=socket.AF_INET6); c = socket.create_connection(l.getsockname()[:2]); s, _ = l.accept()
c.send(b"six"); check(s.recv(9) == b"six", "v6"); t("ipv6")
print(socket.getaddrinfo("localhost", 80, socket.AF_INET, socket.SOCK_STREAM)[0][4], socket.if_nameindex()[0])
os.unlink(sys.argv[1] + "/dg")
