step "note" "a" {
  on        = "gpus" # No such hosts | gpu
  path      = "/a"
  when      = "perhaps" # Wrong value | when is true or false
}

step "note" "pace" {
  on       = "all"
  path     = "/a"
  batch    = "0" # Wrong value | it is at least 1
  max_fail = "101%" # Wrong value | is no percentage
  timeout  = "soon" # Wrong value | "90s", "10m"
}

step "note" "pace2" {
  on       = host.name # Value depends on the host | A host pattern
  path     = "/a"
  batch    = length(hosts("all")[0].facts.gpus) # Value depends on facts | before muster connects
  max_fail = -1 # Wrong value | it is at least 0
  timeout  = "-5s" # Wrong value | no duration
}

step "note" "each" {
  on       = "all"
  for_each = [host.name] # Value depends on the host | for_each
  path     = "/${each.key}"
}

step "note" "each2" {
  on       = "all"
  for_each = ["a", "b", "a"] # Wrong value | "a" is in the list twice
  path     = "/${each.key}"
}

step "note" "each3" {
  on       = "all"
  for_each = "a" # Wrong value | a map, or a list or set of strings
  path     = "/a"
}

step "note" "each4" {
  on       = "all"
  for_each = ["a b"] # Wrong value | cannot be a key
  path     = "/a"
}

step "note" "each5" {
  on   = "all"
  path = each.key # Unknown variable | each
}

requires { # Inventory does not fit the playbook | Group "controler" has 0 hosts; the playbook needs at least 1. No host or group block of the inventory names the group. Did you mean "controller"?
  group = "controler"
  min   = 1
}

requires { # Inventory does not fit the playbook | has 4 hosts; the playbook needs at most 3. More than three are not supported.
  group   = "compute"
  max     = 3
  message = "more than three are not supported"
}
