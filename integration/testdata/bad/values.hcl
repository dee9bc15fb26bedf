variable "count" {
  type    = number
  default = "many" # 13 Wrong type | number is needed
}

variable "unset" { # 1 Variable without a value | -e unset=VALUE
  type = string
}

step "file" "values" {
  on      = "node[1-999999999]" # 13 No such hosts | more than 100000 names
  path    = "relative" # 13 Invalid argument | absolute
  content = "x"
  mode    = "rw-r--r--"
}

step "file" "secrets" {
  on      = "all"
  path    = "/a"
  content = secret.password # 13 Wrong value | plans show this argument
}

step "file" "pace" {
  on      = "all"
  path    = "/a"
  content = "x"
  batch   = 0 # 13 Wrong value | at least 1
  timeout = "soon" # 13 Wrong value | "90s"
}

requires { # 1 Inventory does not fit the playbook | Group "gpus" has 0 hosts
  group = "gpus"
  min   = 1
}
