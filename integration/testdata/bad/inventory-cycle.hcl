host "n1" {
  groups = ["a"]
}

group "a" {
  children = ["b"]
}

group "b" {
  children = ["a", "c"] # 15 Cycle of groups | a > b > a
}

group "c" {
  hosts = ["n1"]
}
