package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

func main() {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	go http.Serve(listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "ok") }))
	var group sync.WaitGroup
	var good atomic.Int64
	for i := 0; i < 8; i++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for j := 0; j < 200; j++ {
				r, err := http.Get("http://" + listener.Addr().String())
				if err != nil {
					fmt.Println(err)
					return
				}
				body, _ := io.ReadAll(r.Body)
				r.Body.Close()
				good.Add(int64(len(body)))
			}
		}()
	}
	group.Wait()
	fmt.Println(good.Load())
	// Loops without calls: only SIGURG preempts them.
	var stop atomic.Bool
	for i := 0; i < 4; i++ {
		go func() {
			for !stop.Load() {
			}
		}()
	}
	time.Sleep(50 * time.Millisecond)
	runtime.GC()
	stop.Store(true)
	os.WriteFile("g.txt", []byte("x"), 0644)
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	fmt.Println(<-c, runtime.NumCPU())
	names, err := net.LookupHost("localhost")
	fmt.Println(len(names) > 0, err)
}
