variable "REGISTRY" {
  default = ""
}
variable "TAG" {
  default = "latest"
}
target "web" {
  context = "."
  target = "web"
  args = { NODE_ENV = "production" }
  tags = ["${REGISTRY}/shop/web:${TAG}"]
}
