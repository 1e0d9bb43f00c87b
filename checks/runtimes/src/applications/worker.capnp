using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "loopback", network = (allow = ["private"])),
  ],
  sockets = [
    (name = "handle", address = "127.0.0.1:0", http = (), service = (name = "main", entrypoint = "handle")),
    (name = "hono", address = "127.0.0.1:0", http = (), service = (name = "main", entrypoint = "hono")),
  ],
);

# There are no compatibility flags, because neither the library nor its adapter for Hono needs an API of Node.js.
const worker :Workerd.Worker = (
  modules = [(name = "applications.js", esModule = embed "../../dist/applications.js")],
  compatibilityDate = "2025-01-01",
  bindings = [(name = "PROVIDER", fromEnvironment = "PROVIDER")],
  globalOutbound = "loopback",
);
