{{- if .Values.prePuller.continuous.enabled }}
{{- if .Values.prePuller.continuous.serviceAccount.create }}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "standin.name" (list . "continuous-image-puller") }}
  labels:
    {{- include "standin.labels" (list . "image-puller") | nindent 4 }}
  {{- with .Values.prePuller.continuous.serviceAccount.annotations }}
  annotations:
    {{- . | toYaml | nindent 4 }}
  {{- end }}
---
{{- end }}
apiVersion: apps/v1
kind: DaemonSet
metadata:
  {{- include "standin.metadata" (list . "continuous-image-puller" "continuous-image-puller") | nindent 2 }}
  {{- with .Values.prePuller.continuous.daemonsetAnnotations }}
  annotations:
    {{- . | toYaml | nindent 4 }}
  {{- end }}
spec:
  {{- $account := .Values.prePuller.continuous.serviceAccount.name | default (include "standin.name" (list . "continuous-image-puller")) }}
  {{- include "standin.puller" (list . "continuous-image-puller" $account) | nindent 2 }}
{{- end }}
