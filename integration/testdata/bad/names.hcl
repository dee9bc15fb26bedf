step "flie" "a" { # 6 Unknown module | Did you mean "file"?
  on = "all"
}

step "file" "hosts" {
  on      = "webb" # 13 No such hosts | did you mean "web"?
  path    = "/a"
  content = "x"
}

step "file" "arguments" {
  on      = "all"
  pth     = "/a" # 3 Unknown argument | Did you mean "path"?
  path    = "/a"
  content = "x"
}

step "file" "words" {
  on      = "all"
  path    = uper("/a") # 13 Call to unknown function | Did you mean "upper"?
  content = var.contnt # 16 Unsupported attribute | Did you mean "content"?
  secret  = secret.passwrd # 19 Unknown secret | Did you mean "password"?
  mode    = local.mde # 18 Unsupported attribute | Did you mean "mode"?
  owner   = hst.name # 13 Unknown variable | Did you mean "host"?
}

variable "content" {
  default = "x"
}

locals {
  mode = "0644"
}

loclas { # 1 Unknown block | Did you mean "locals"?
}
