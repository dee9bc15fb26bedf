locals {
  a = format("%2000000000s", "x") # 7 Error in function call | a width of 2000000000 is too large
  b = format("%.2000000000f", 1) # 7 Error in function call | too large
}
