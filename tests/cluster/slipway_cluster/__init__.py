"""The bundled cluster: a real single-node Kubernetes, from Go modules and Debian packages."""
