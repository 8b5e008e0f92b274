{{- /*
Names of objects. With fullnameOverride a string (the default is the empty one) it is the prefix; with null the
prefix is made of the release and the chart. An empty prefix gives the bare component ("hub").
*/}}
{{- define "standin.prefix" -}}
{{- if kindIs "string" .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else -}}
{{- $name := .Values.nameOverride | default .Chart.Name -}}
{{- contains $name .Release.Name | ternary .Release.Name (print .Release.Name "-" $name) -}}
{{- end -}}
{{- end }}

{{- /* A namespaced object's name: (list $ "hub") */}}
{{- define "standin.name" -}}
{{- with include "standin.prefix" (index . 0) }}{{ . }}-{{ end }}{{ index . 1 }}
{{- end }}

{{- /* A cluster-wide object's name: (list $ NAME-WITH-PREFIX NAME-AFTER-RELEASE); never without one of them */}}
{{- define "standin.clusterName" -}}
{{- $root := index . 0 -}}
{{- $prefix := include "standin.prefix" $root -}}
{{- if $prefix -}}
{{- index . 1 | printf "%s-%s" $prefix | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" $root.Release.Name (index . 2) -}}
{{- end -}}
{{- end }}

{{- define "standin.priority" -}}
{{ include "standin.clusterName" (list . "" "default-priority") }}
{{- end }}

{{- define "standin.placeholderPriority" -}}
{{ include "standin.clusterName" (list . "user-placeholder" "user-placeholder-priority") }}
{{- end }}

{{- define "standin.pullerPriority" -}}
{{ include "standin.clusterName" (list . "image-puller" "image-puller-priority") }}
{{- end }}

{{- define "standin.scheduler" -}}
{{ include "standin.clusterName" (list . "user-scheduler" "user-scheduler") }}
{{- end }}

{{- /* A service account's name: (list $ SETTINGS DEFAULT-NAME) */}}
{{- define "standin.account" -}}
{{- $settings := index . 1 -}}
{{- $settings.name | default ($settings.create | ternary (include "standin.name" (list (index . 0) (index . 2))) "default") -}}
{{- end }}
