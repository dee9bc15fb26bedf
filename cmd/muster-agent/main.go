// Command muster-agent is the part of muster that runs on a node. It is started
// by muster, over SSH, and speaks frames on its standard input and output; it
// ends with the connection.
package main

import "os"

func main() { os.Exit(run(os.Args[1:], os.Stdout, os.Stderr)) }
