// Muster sets up clusters: an inventory and a playbook become a plan, and the
// plan becomes a running cluster.
package main

import "os"

func main() {
	os.Exit(execute(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
