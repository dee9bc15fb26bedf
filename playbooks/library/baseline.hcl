# What every cluster needs before anything else: each host knows its own name and
# the addresses of all others, without DNS.

variable "domain" {
  type        = string
  default     = ""
  description = "Domain that is appended to host names in /etc/hosts"
}

step "hostname" "self" {
  on   = "all"
  name = host.name
}

step "hosts_file" "all" {
  on     = "all"
  after  = [step.hostname.self]
  hosts  = hosts("all")
  domain = var.domain
}
