step "file" "a" {
  on      = "all"
  path    = "/a"
  content = "${length([for a in range(1000) : [for b in range(1000) : [for c in range(1000) : c]]])}" # 13 Expression needs too much memory | MiB
}
