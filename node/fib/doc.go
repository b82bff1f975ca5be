// Package fib keeps the kernel's routes as they are wanted. It knows nothing of BGP.
package fib
