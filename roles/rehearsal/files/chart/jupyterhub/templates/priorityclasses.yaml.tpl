{{- if .Values.scheduling.podPriority.enabled }}
{{- $mine := dict "meta.helm.sh/release-name" .Release.Name "meta.helm.sh/release-namespace" .Release.Namespace -}}
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata:
  name: {{ include "standin.priority" . }}
  annotations:
    {{- $mine | toYaml | nindent 4 }}
  labels:
    {{- include "standin.labels" (list . "default-priority") | nindent 4 }}
value: {{ .Values.scheduling.podPriority.defaultPriority }}
globalDefault: {{ .Values.scheduling.podPriority.globalDefault }}
description: Hub, proxy and users' servers; they push placeholders aside.
{{- if .Values.scheduling.userPlaceholder.enabled }}
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata:
  name: {{ include "standin.placeholderPriority" . }}
  annotations:
    {{- $mine | toYaml | nindent 4 }}
  labels:
    {{- include "standin.labels" (list . "user-placeholder") | nindent 4 }}
value: {{ .Values.scheduling.podPriority.userPlaceholderPriority }}
globalDefault: false
description: Placeholders, which everything else pushes aside.
{{- end }}
{{- if or .Values.prePuller.hook.enabled .Values.prePuller.continuous.enabled }}
---
apiVersion: scheduling.k8s.io/v1
kind: PriorityClass
metadata:
  name: {{ include "standin.pullerPriority" . }}
  annotations:
    {{- $mine | toYaml | nindent 4 }}
  labels:
    {{- include "standin.labels" (list . "image-puller") | nindent 4 }}
value: {{ .Values.scheduling.podPriority.imagePullerPriority }}
globalDefault: false
description: Image pullers, between placeholders and users.
{{- end }}
{{- end }}
