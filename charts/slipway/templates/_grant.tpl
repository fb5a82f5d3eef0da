{{/*
Rules for one ServiceAccount, where ModelDeployments are: cluster-wide, or a Role in each of watchNamespaces.
Takes (dict "root" . "name" SUFFIX "account" NAME "namespace" NAMESPACE "rules" YAML).
*/}}
{{- define "slipway.grant" -}}
{{- $root := .root -}}
{{- $name := printf "%s:%s" (include "slipway.clusterName" $root) .name -}}
{{- $subject := dict "kind" "ServiceAccount" "name" .account "namespace" .namespace -}}
{{- $rules := .rules -}}
{{- range $namespace := $root.Values.watchNamespaces | default (list "") }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ if $namespace }}Role{{ else }}ClusterRole{{ end }}
metadata:
  name: {{ $name }}
  {{- with $namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "slipway.labels" $root | nindent 4 }}
rules:
  {{- $rules | nindent 2 }}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: {{ if $namespace }}RoleBinding{{ else }}ClusterRoleBinding{{ end }}
metadata:
  name: {{ $name }}
  {{- with $namespace }}
  namespace: {{ . }}
  {{- end }}
  labels:
    {{- include "slipway.labels" $root | nindent 4 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: {{ if $namespace }}Role{{ else }}ClusterRole{{ end }}
  name: {{ $name }}
subjects:
  - {{ toJson $subject }}
{{- end }}
{{- end -}}
