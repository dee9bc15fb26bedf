variable "where" {
  type = string
}

step "note" "base" {
  on   = "all"
  path = var.where
}

step "note" "top" {
  on    = "all"
  path  = "${var.where}/top"
  after = [step.note.base]
}
