"""asyncio: 64 clients over TCP and a Unix socket, and worker threads. argv[1]: a scratch directory."""
import asyncio, os, sys, time
async def handle(r, w):
    while (d := await r.readline()):
        w.write(d.upper()); await w.drain()
    w.close()
async def main():
    s = await asyncio.start_server(handle, "127.0.0.1", 0); port = s.sockets[0].getsockname()[1]
    us = await asyncio.start_unix_server(handle, sys.argv[1] + "/aio.sock")
    async def cl(i):
        r, w = await (asyncio.open_connection("127.0.0.1", port) if i % 2 else asyncio.open_unix_connection(sys.argv[1] + "/aio.sock"))
        for n in range(50):
            w.write(f"hello {i} {n}\n".encode()); l = await r.readline(); assert l == f"HELLO {i} {n}\n".encode()
        w.close()
    await asyncio.gather(*[cl(i) for i in range(64)])
    await asyncio.gather(*[asyncio.to_thread(time.sleep, 0.05) for _ in range(4)])
    os.unlink(sys.argv[1] + "/aio.sock") if os.path.exists(sys.argv[1] + "/aio.sock") else None
    print("asyncio ok")
asyncio.run(main())
