{{/* The release's name, with "slipway" in it. */}}
{{- define "slipway.name" -}}
{{- if contains "slipway" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-slipway" .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "slipway.operator" -}}
{{ include "slipway.name" . }}-operator
{{- end -}}

{{- define "slipway.metricsApi" -}}
{{ include "slipway.name" . }}-metrics-api
{{- end -}}

{{/* Names of cluster-scoped objects: two installations in one cluster must not share any. */}}
{{- define "slipway.clusterName" -}}
{{ .Release.Namespace }}:{{ include "slipway.name" . }}
{{- end -}}

{{- define "slipway.labels" -}}
app.kubernetes.io/name: slipway
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
app.kubernetes.io/part-of: slipway
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end -}}

{{/* Of one component; takes (dict "root" . "component" NAME). */}}
{{- define "slipway.selector" -}}
app.kubernetes.io/name: slipway
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}
