import java.net.*;
import java.nio.ByteBuffer;
import java.nio.channels.*;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;

public class Pool {
    static void echo(ServerSocketChannel server, int messages) throws Exception {
        Selector selector = Selector.open();
        server.configureBlocking(false);
        server.register(selector, SelectionKey.OP_ACCEPT);
        ByteBuffer buffer = ByteBuffer.allocate(4096);
        for (int seen = 0; seen < messages; ) {
            selector.select();
            for (Iterator<SelectionKey> i = selector.selectedKeys().iterator(); i.hasNext(); i.remove()) {
                SelectionKey key = null;
                key = i.next();
                if (key.isAcceptable()) {
                    SocketChannel c = server.accept();
                    c.configureBlocking(false);
                    c.register(selector, SelectionKey.OP_READ);
                } else {
                    buffer.clear();
                    int n = ((SocketChannel) key.channel()).read(buffer);
                    if (n < 0) { key.channel().close(); continue; }
                    buffer.flip();
                    ((SocketChannel) key.channel()).write(buffer);
                    seen++;
                }
            }
        }
    }

    public static void main(String[] arguments) throws Exception {
        ExecutorService pool = Executors.newFixedThreadPool(8);
        List<Future<Integer>> futures = new ArrayList<>();
        for (int i = 0; i < 64; i++) {
            final int k = i;
            futures.add(pool.submit(() -> { byte[][] b = new byte[32][]; for (int j = 0; j < 32; j++) b[j] = new byte[1 << 18]; return k + b.length; }));
        }
        long sum = 0;
        for (var f : futures) sum += f.get();
        System.out.println(sum);
        ServerSocketChannel server = ServerSocketChannel.open().bind(new InetSocketAddress("127.0.0.1", 0));
        Thread thread = new Thread(() -> { try { echo(server, 200); } catch (Exception e) { e.printStackTrace(); } });
        thread.start();
        try (Socket s = new Socket("127.0.0.1", server.socket().getLocalPort())) {
            int n = 0;
            for (int i = 0; i < 200; i++) { s.getOutputStream().write(i); n += s.getInputStream().read(); }
            System.out.println(n);
        }
        thread.join();
        String nothing = arguments.length > 9 ? "x" : null;
        int caught = 0;
        for (int i = 0; i < 100000; i++) try { caught += nothing.length(); } catch (NullPointerException e) { caught++; }
        System.out.println(caught);
        Files.writeString(Path.of("j.txt"), "x");
        System.out.println(Files.readString(Path.of("j.txt")));
        System.gc();
        System.out.println(Runtime.getRuntime().availableProcessors());
        pool.shutdown();
    }
}
