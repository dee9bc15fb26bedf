locals {
  a = { b = 1 c = 2 } # 15 Missing attribute separator | comma
}
