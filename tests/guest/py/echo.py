"""An asyncio TCP echo server with 64 concurrent clients, all in this process."""
import asyncio

async def serve(reader, writer):
    while data := await reader.readline():
        writer.write(data)
        await writer.drain()
    writer.close()

async def client(port, n):
    reader, writer = await asyncio.open_connection('127.0.0.1', port)
    for i in range(20):
        line = b'client %d line %d %s\n' % (n, i, b'x' * (n * 7))
        writer.write(line)
        await writer.drain()
        if await reader.readline() != line:
            return 0
    writer.close()
    return 1

async def main():
    server = await asyncio.start_server(serve, '127.0.0.1', 0, backlog=100)
    port = server.sockets[0].getsockname()[1]
    print('clients served:', sum(await asyncio.gather(*(client(port, n) for n in range(64)))))

asyncio.run(main())
