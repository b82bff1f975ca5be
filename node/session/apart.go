package session

import "sync"

// apart does something on a stack that is gone afterwards. A goroutine's stack, once
// it has grown, hardly ever gets small again, and what a session does now and then
// takes four times as much of it as waiting does. With a thousand peers, most wait.
func apart(do func()) {
	var done sync.WaitGroup
	done.Go(do)
	done.Wait()
}
