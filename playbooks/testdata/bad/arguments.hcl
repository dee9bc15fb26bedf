variable "pin" {
  default   = "1234"
  sensitive = true
}

step "nope" "a" { # Unknown module | muster docs
  on = "all"
}

step "muneg" "a" { # Unknown module | Did you mean "munge"?
  on = "all"
}

step "note" "a" { # Missing argument | on = "PATTERN" & Missing argument | Module note needs path (string): Where it goes.
  txt = "a" # Unknown argument | Did you mean "text"? It has: path, text, mode
}

step "note" "a" { # Duplicate step | "note.a"
  on   = "all"
  path = "/a"
}

step "note" "types" {
  on     = "all"
  path   = ["/a"] # Wrong value | a string is needed
  text   = secret.key # Wrong value | plans show this argument
  mode   = "many" # Wrong value | a whole number is needed
  backup = "perhaps" # Wrong value | true or false
  tags   = "one" # Wrong value | a list of strings, ["a", "b"], is needed
  env    = ["a"] # Wrong value | a map of strings, { NAME = "value" }, is needed
  key    = "plain" # Wrong value | secret.NAME of the inventory
  peers  = ["mgmt09"] # Wrong value | there is no host "mgmt09"
}

step "note" "more" {
  on    = "all"
  path  = hosts("all") # Wrong value | a list of hosts
  text  = var.pin # Wrong value | the value is sensitive
  mode  = 1.5 # Wrong value | not 1.5
  tags  = hosts("all") # Wrong value | names are [for h in ...: h.name]
  key   = secret.passwort # Unknown secret | Did you mean "password"?
  peers = hosts("dgx[07-09]") # No such hosts | dgx07
}

step "note" "blocks" {
  on   = "all"
  path = "/a"
  part = [] # Wrong type | part "NAME" { ... }
  tags { # Wrong type | tags = ...
  }
  part "a" "b" { # Wrong number of labels | part "NAME"
  }
  part "c" { # Missing argument | Block part of module note needs nodes
    colour = 1 # Unknown argument | Block part of module note has no argument "colour"
  }
}

step "note" "module" {
  on   = "all"
  path = "relative" # Invalid argument | "relative" is no absolute path
}

step "note" "nested" {
  on   = "all"
  path = "/a"
  part "few" {
    nodes = hosts("dgx01")
  }
  part "many" {
    nodes = hosts("compute") # Invalid argument | at most 3 nodes, not 4
  }
}

step "note" "unknown" {
  on   = "all"
  path = host.facts.hostnam # Unsupported attribute | Did you mean "hostname"?
  text = "${host.vars.model} ${host.vars.rak}" # Missing host variable | No variable "model": mgmt[01-02] & Missing host variable | Did you mean "rack"?
  mode = step.note.a # Reference not allowed here | after and after_all
  tags = [for h in hosts("all") : h.facts.cpsu] # Unsupported attribute |
  env  = vra.x # Unknown variable | Did you mean "var"?
  peers = host.facts.gpus # Wrong value | hosts are needed
}
