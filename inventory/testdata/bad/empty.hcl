host "n1" {
  groups = ["a"]
}
group "a" {}
group "b" {}                # want: Empty group
group "c" {                 # want: Empty group
  children = ["b"]
}
