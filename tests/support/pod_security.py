"""The `restricted` Pod Security standard, as far as a pod of ours could break it.

https://kubernetes.io/docs/concepts/security/pod-security-standards/
"""

from typing import Any

VOLUME_TYPES = {
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "persistentVolumeClaim",
    "projected",
    "secret",
}


def violations(pod_spec: dict[str, Any]) -> list[str]:
    """What the standard would refuse in a pod's spec, one sentence each."""
    found = [f"{field} is set" for field in ("hostNetwork", "hostPID", "hostIPC") if pod_spec.get(field)]
    for volume in pod_spec.get("volumes", ()):
        found += [f"volume {volume['name']}: {kind}" for kind in set(volume) - {"name"} - VOLUME_TYPES]
    pod_context = pod_spec.get("securityContext", {})
    for container in [*pod_spec.get("initContainers", ()), *pod_spec["containers"]]:
        found += [f"{container['name']}: {text}" for text in _container_violations(pod_context, container)]
    return found


def _container_violations(pod_context: dict[str, Any], container: dict[str, Any]) -> list[str]:
    own = container.get("securityContext", {})
    context = pod_context | own
    capabilities = own.get("capabilities", {})
    checks = {
        "runs privileged": own.get("privileged", False),
        "may escalate privileges": own.get("allowPrivilegeEscalation", True),
        "may run as root": context.get("runAsNonRoot") is not True or context.get("runAsUser") == 0,
        "has no seccomp profile": context.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"),
        "keeps capabilities": capabilities.get("drop") != ["ALL"],
        "adds capabilities": set(capabilities.get("add", ())) - {"NET_BIND_SERVICE"},
        "has a port on the host": any("hostPort" in port for port in container.get("ports", ())),
    }
    return [text for text, broken in checks.items() if broken]
