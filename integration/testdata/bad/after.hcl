step "file" "a" {
  on      = "node01"
  path    = "/a"
  content = "x"
  after   = [step.file.b] # 14 Steps share no host | after_all = [step.file.b]
}

step "file" "b" {
  on      = "node02"
  path    = "/b"
  content = "x"
  after   = [step.file.bb] # 14 Unknown step | Did you mean step.file.b?
}
