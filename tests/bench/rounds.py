"""What bench.h is for C: answer `NAME COUNT` on stdin with the nanoseconds that COUNT calls of that function took."""
import sys, time

def serve(**functions):
    for line in sys.stdin:
        name, count = line.split()
        function = functions[name.replace('-', '_')]
        start = time.perf_counter_ns()
        for _ in range(int(count)):
            function()
        print(time.perf_counter_ns() - start, flush=True)
