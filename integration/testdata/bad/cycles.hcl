locals {
  a = local.b # 3 Cycle of locals | local.a -> local.b -> local.a
  b = local.a
}

step "file" "a" {
  on      = "all"
  path    = "/a"
  content = "x"
  after   = [step.file.b] # 14 Cycle of steps | file[a] waits for file[b]
}

step "file" "b" {
  on        = "all"
  path      = "/b"
  content   = "x"
  after_all = [step.file.a]
}

step "file" "self" {
  on      = "all"
  path    = "/c"
  content = "x"
  after   = [step.file.self] # 14 Cycle of steps | file[self] waits for file[self]
}
