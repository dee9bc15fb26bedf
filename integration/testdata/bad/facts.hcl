step "file" "own" {
  on      = "all"
  path    = "/etc/${host.facts.hostnam}" # 31 Unsupported attribute | Did you mean "hostname"?
  content = "${host.fact.cpus}" # 20 Unsupported attribute | Did you mean "facts"?
}

step "file" "of_all" {
  on      = "all"
  path    = "/etc/sizes"
  content = join("\n", [for h in hosts("all") : "${h.facts.cpsu}"]) # 59 Unsupported attribute | Did you mean "cpus"?
}

step "file" "too_early" {
  on       = "all"
  for_each = [host.facts.kernel] # 14 Value depends on the host | for_each
  path     = "/etc/x"
  content  = "x"
}
