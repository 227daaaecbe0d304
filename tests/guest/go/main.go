// Goroutines, channels, a heap under collection, and an HTTP server with eight clients on loopback.
package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync"
	"time"
)

func sumSquares(workers, n int) int {
	in, out := make(chan int, 16), make(chan int, 16)
	var wg sync.WaitGroup
	for i := 0; i < workers; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for v := range in {
				out <- v * v
			}
		}()
	}
	go func() {
		for i := 1; i <= n; i++ {
			in <- i
		}
		close(in)
		wg.Wait()
		close(out)
	}()
	sum := 0
	for v := range out {
		sum += v
	}
	return sum
}

// A loop without calls: only a signal can make it give way.
func preempted() bool {
	done := make(chan bool)
	stop := false
	for i := 0; i < runtime.GOMAXPROCS(0)+2; i++ {
		go func() {
			x := 1
			for !stop {
				x = x*3 + 1
			}
			_ = x
		}()
	}
	go func() {
		time.Sleep(20 * time.Millisecond)
		done <- true
	}()
	return <-done
}

func garbage() int {
	keep := make([][]byte, 64)
	for i := 0; i < 20000; i++ {
		keep[i%64] = make([]byte, 4096)
		keep[i%64][i%4096] = 1
	}
	runtime.GC()
	total := 0
	for _, b := range keep {
		for _, v := range b {
			total += int(v)
		}
	}
	return total
}

func web(clients, requests int) (int, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %d", r.URL.Path, len(body))
	})}
	go server.Serve(listener)
	defer server.Close()
	results := make(chan error, clients)
	for c := 0; c < clients; c++ {
		go func(c int) {
			client := &http.Client{Transport: &http.Transport{}, Timeout: 20 * time.Second}
			for i := 0; i < requests; i++ {
				path := fmt.Sprintf("/client/%d/%d", c, i)
				response, err := client.Get("http://" + listener.Addr().String() + path)
				if err != nil {
					results <- err
					return
				}
				body, err := io.ReadAll(response.Body)
				response.Body.Close()
				if err != nil || string(body) != path+" 0" {
					results <- fmt.Errorf("%s: %q, %v", path, body, err)
					return
				}
			}
			results <- nil
		}(c)
	}
	good := 0
	for c := 0; c < clients; c++ {
		if err := <-results; err != nil {
			return good, err
		}
		good++
	}
	return good, nil
}

func main() {
	fmt.Println("hello from Go, arguments:", len(os.Args)-1)
	fmt.Println("sum of squares:", sumSquares(8, 1000))
	fmt.Println("garbage collected:", garbage())
	good, err := web(8, 25)
	fmt.Println("web clients served:", good, err)
	fmt.Println("preempted:", preempted())
}
