{{- /* Fields of a pod that are set only when there is something to set: (dict "name" VALUE ...) */}}
{{- define "standin.fields" -}}
{{- range $name, $value := . }}
{{- if $value }}
{{ $name }}:
  {{- $value | toYaml | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}

{{- /* Pull secrets of a pod: (list $ IMAGE-SETTINGS); entries are names or {name: ...} */}}
{{- define "standin.pullSecrets" -}}
{{- $found := list -}}
{{- range concat (index . 1).pullSecrets (index . 0).Values.imagePullSecrets | uniq -}}
{{- $found = append $found (kindIs "string" . | ternary (dict "name" .) .) -}}
{{- end -}}
{{- with $found }}
imagePullSecrets:
  {{- . | toYaml | nindent 2 }}
{{- end }}
{{- end }}

{{- /* An image's name and policy: its settings */}}
{{- define "standin.image" -}}
image: {{ .name }}{{ with .tag }}:{{ . }}{{ end }}
{{- with .pullPolicy }}
imagePullPolicy: {{ . }}
{{- end }}
{{- end }}

{{- /* Environment: a list as Kubernetes has it, or a map of name to text or to an entry without its name */}}
{{- define "standin.environment" -}}
{{- if kindIs "slice" . -}}
{{ . | toYaml }}
{{- else -}}
{{- $entries := list -}}
{{- range $name, $value := . -}}
{{- $entries = append $entries (kindIs "map" $value | ternary (merge dict (kindIs "map" $value | ternary $value dict) (dict "name" $name)) (dict "name" $name "value" (toString $value))) -}}
{{- end -}}
{{ $entries | toYaml }}
{{- end -}}
{{- end }}

{{- /* Node affinity by the label hub.jupyter.org/node-purpose: (list MATCH PURPOSE), MATCH require, prefer or ignore */}}
{{- define "standin.purpose" -}}
{{- $term := dict "matchExpressions" (list (dict "key" "hub.jupyter.org/node-purpose" "operator" "In" "values" (list (index . 1)))) -}}
{{- if eq (index . 0) "require" }}
affinity:
  nodeAffinity:
    requiredDuringSchedulingIgnoredDuringExecution:
      nodeSelectorTerms:
        {{- list $term | toYaml | nindent 8 }}
{{- else if eq (index . 0) "prefer" }}
affinity:
  nodeAffinity:
    preferredDuringSchedulingIgnoredDuringExecution:
      {{- list (dict "weight" 100 "preference" $term) | toYaml | nindent 6 }}
{{- end }}
{{- end }}

{{- /* Where a core pod goes: (list $ NODE-SELECTOR TOLERATIONS) */}}
{{- define "standin.corePlace" -}}
{{- $root := index . 0 -}}
{{- if $root.Values.scheduling.podPriority.enabled }}
priorityClassName: {{ include "standin.priority" $root }}
{{- end }}
{{- include "standin.fields" (dict "nodeSelector" (index . 1) "tolerations" (concat $root.Values.scheduling.corePods.tolerations (index . 2))) }}
{{- include "standin.purpose" (list $root.Values.scheduling.corePods.nodeAffinity.matchNodePurpose "core") }}
{{- end }}

{{- /* An HTTP probe: (list PROBE PATH PORT SCHEME) */}}
{{- define "standin.probe" -}}
{{- omit (index . 0) "enabled" | toYaml }}
httpGet:
  path: {{ index . 1 }}
  port: {{ index . 2 }}
  scheme: {{ index . 3 }}
{{- end }}

{{- /* Data of a Secret from extraFiles: name to {mountPath, mode?, and one of stringData, binaryData, data} */}}
{{- define "standin.files" -}}
{{- range $name, $file := . }}
{{- $given := pick $file "stringData" "binaryData" "data" }}
{{- if ne (len $given) 1 }}
{{- fail (printf "extraFiles.%s: give one of stringData, binaryData and data" $name) }}
{{- end }}
{{- if $file.binaryData }}
{{ $name | quote }}: {{ $file.binaryData | nospace | quote }}
{{- else if $file.stringData }}
{{ $name | quote }}: {{ $file.stringData | b64enc | quote }}
{{- else if has (ext $file.mountPath) (list ".yaml" ".yml") }}
{{ $name | quote }}: {{ $file.data | toYaml | b64enc | quote }}
{{- else if eq (ext $file.mountPath) ".json" }}
{{ $name | quote }}: {{ $file.data | toJson | b64enc | quote }}
{{- else if eq (ext $file.mountPath) ".toml" }}
{{ $name | quote }}: {{ $file.data | toToml | b64enc | quote }}
{{- else }}
{{- fail (printf "extraFiles.%s: data needs a mountPath that ends in .yaml, .yml, .json or .toml" $name) }}
{{- end }}
{{- end }}
{{- end }}
