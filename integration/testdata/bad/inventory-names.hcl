cluster "bad" {}

host "all" {} # 6 Bad name | all

host "n 1" {} # 6 Bad name | n 1

hosts "n[2-1]" {} # 7 Bad range | 2 is after 1

hosts "m[1-3]" {
  address = "10.0.0.[1-2]" # 13 Ranges of different length | 3
}

host "x" {
  adress = "10.0.0.9" # 3 Unknown attribute | Did you mean "address"?
}

host "option" {
  address = "-oProxyCommand=reboot" # 13 Bad address | address
}

connection {
  port = 70000 # 10 Bad connection | port
}
