require "socket"; require "tempfile"
p (1..4).map { |i| Thread.new { sleep 0.05; i * i } }.map(&:value)
r, w = IO.pipe; Thread.new { w.puts "pipe" }; p r.gets
s = TCPServer.new("127.0.0.1", 0); Thread.new { c = s.accept; c.puts "x"; c.close }; p TCPSocket.new("127.0.0.1", s.addr[1]).gets
Tempfile.create("a") { |f| f.write "q"; f.flush; p File.size(f.path) }
q = Queue.new; Thread.new { 1000.times { |i| q << i }; q << nil }; n = 0; while (x = q.pop); n += x; end; p n
Signal.trap("USR1") { puts "usr1" }; Process.kill("USR1", $$); sleep 0.1
p (1..200000).reduce { |a, b| (a * b) % 1000003 }, GC.count > 0
