host "n1" {
  groups = ["a"]
}
group "a" {
  children = ["b"]
}
group "b" {
  children = ["c"]
}
group "c" {
  children = ["a"]          # want: Cycle of groups
}
group "d" {
  children = ["d"]          # want: Cycle of groups
}
