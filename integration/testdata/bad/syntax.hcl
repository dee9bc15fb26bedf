step "file" "a" {
  on   = all on # 14 Missing newline after argument | newline
  path = "/a"
}
