// What does the cheapest system call cost in Go? Asked as bench.h says.
package main

import (
	"fmt"
	"syscall"
	"time"
)

func main() {
	var name string
	var n int
	for {
		if _, err := fmt.Scan(&name, &n); err != nil {
			return
		}
		start := time.Now()
		for i := 0; i < n; i++ {
			syscall.Getppid()
		}
		fmt.Println(time.Since(start).Nanoseconds())
	}
}
