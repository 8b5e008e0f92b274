{{- /*
Labels: (list $ COMPONENT). The selector's three cannot change for as long as the objects live, and the real chart's
are these; the recommended ones (app.kubernetes.io) come on top.
*/}}
{{- define "standin.selector" -}}
{{- $root := index . 0 -}}
app: {{ $root.Values.nameOverride | default $root.Chart.Name | trunc 63 | trimSuffix "-" | quote }}
component: {{ index . 1 }}
release: {{ $root.Release.Name | quote }}
{{- end }}

{{- define "standin.podLabels" -}}
{{- $root := index . 0 -}}
{{ include "standin.selector" . }}
app.kubernetes.io/component: {{ index . 1 }}
app.kubernetes.io/instance: {{ $root.Release.Name | quote }}
app.kubernetes.io/name: {{ $root.Values.nameOverride | default $root.Chart.Name | trunc 63 | trimSuffix "-" | quote }}
{{- end }}

{{- define "standin.labels" -}}
{{- $root := index . 0 -}}
{{- $chart := printf "%s-%s" $root.Chart.Name ($root.Chart.Version | replace "+" "_") -}}
{{ include "standin.podLabels" . }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
chart: {{ $chart }}
helm.sh/chart: {{ $chart }}
heritage: {{ $root.Release.Service }}
{{- end }}

{{- /* An object's metadata: (list $ NAME COMPONENT) */}}
{{- define "standin.metadata" -}}
name: {{ include "standin.name" (list (index . 0) (index . 1)) }}
labels:
  {{- include "standin.labels" (list (index . 0) (index . 2)) | nindent 2 }}
{{- end }}
