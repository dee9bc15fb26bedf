# A SLURM cluster: munge, MariaDB, slurmdbd, slurmctld, slurmd and login nodes.
#
# Groups: slurm_controller (one host, or more with a StateSaveLocation that they
# share), slurm_node, and where they exist slurm_database and login. Without a
# slurm_database the first controller keeps the accounting.
#
# Secrets of the inventory: munge_key (generate = 128) and slurm_db_password
# (generate = 32).

variable "cluster_name" {
  type        = string
  default     = "muster"
  description = "ClusterName in slurm.conf; cannot change once the controller has run"
}

variable "partitions" {
  type        = map(string)
  default     = {}
  description = "Partitions: name to the rest of its line, \"Nodes=dgx[01-04] MaxTime=1-00:00:00\"; none: batch, with all nodes"
}

variable "options" {
  type        = map(string)
  default     = {}
  description = "Further keys of slurm.conf, or other values for those that muster writes"
}

variable "config" {
  type        = string
  default     = "configless"
  description = "How compute nodes get their configuration: configless (from the controller) or files"
  validation {
    condition     = contains(["configless", "files"], var.config)
    error_message = "config is configless or files."
  }
}

variable "gpus" {
  type        = bool
  default     = true
  description = "Offer the GPUs that the nodes show; false until their driver is installed"
}

variable "gpu_autodetect" {
  type        = string
  default     = "off"
  description = "off, nvidia or nvml: how slurmd finds the cores beside a GPU"
}

variable "cgroup_plugin" {
  type        = string
  default     = "auto"
  description = "auto, autodetect, cgroup/v1, cgroup/v2 or disabled"
}

variable "return_to_service" {
  type        = number
  default     = 1
  description = "ReturnToService: 2 lets nodes back in that have rebooted unasked"
}

requires {
  group   = "slurm_controller"
  min     = 1
  message = "put the host that is to run slurmctld into the group slurm_controller"
}

requires {
  group   = "slurm_node"
  min     = 1
  message = "put the compute nodes into the group slurm_node"
}

locals {
  everyone = "slurm_controller, slurm_node, slurm_database?, login?"
  database = length(hosts("slurm_database?")) > 0 ? hosts("slurm_database?") : slice(hosts("slurm_controller"), 0, 1)
}

step "hostname" "self" {
  on   = local.everyone
  name = host.name
}

step "hosts_file" "cluster" {
  on    = local.everyone
  hosts = hosts(local.everyone)
}

step "munge" "key" {
  on  = local.everyone
  key = secret.munge_key
}

# Beside the steps of the controller, not behind them.
step "package" "node" {
  on    = "slurm_node"
  names = ["slurmd", "slurm-client"]
}

step "mariadb" "accounting" {
  on = join(",", local.database[*].name)
}

step "slurm_database" "accounting" {
  on       = join(",", local.database[*].name)
  after    = [step.hostname.self, step.munge.key, step.mariadb.accounting]
  password = secret.slurm_db_password
}

step "slurm_controller" "main" {
  on        = "slurm_controller"
  after     = [step.hostname.self, step.munge.key]
  after_all = [step.slurm_database.accounting]

  cluster_name      = var.cluster_name
  controllers       = hosts("slurm_controller")
  database          = local.database
  nodes             = hosts("slurm_node")
  partitions        = var.partitions
  options           = var.options
  gpus              = var.gpus
  gpu_autodetect    = var.gpu_autodetect
  cgroup_plugin     = var.cgroup_plugin
  return_to_service = var.return_to_service
}

step "slurm_node" "compute" {
  on        = "slurm_node"
  after     = [step.hostname.self, step.munge.key, step.package.node]
  after_all = [step.slurm_controller.main]

  name              = host.name
  config            = var.config
  cluster_name      = var.cluster_name
  controllers       = hosts("slurm_controller")
  database          = local.database
  nodes             = var.config == "files" ? hosts("slurm_node") : []
  partitions        = var.config == "files" ? var.partitions : {}
  options           = var.options
  gpus              = var.gpus
  gpu_autodetect    = var.gpu_autodetect
  cgroup_plugin     = var.cgroup_plugin
  return_to_service = var.return_to_service
}

step "slurm_client" "login" {
  on    = "login?:!slurm_node:!slurm_controller"
  after = [step.munge.key]

  cluster_name      = var.cluster_name
  controllers       = hosts("slurm_controller")
  database          = local.database
  nodes             = hosts("slurm_node")
  partitions        = var.partitions
  options           = var.options
  gpus              = var.gpus
  gpu_autodetect    = var.gpu_autodetect
  cgroup_plugin     = var.cgroup_plugin
  return_to_service = var.return_to_service
}
