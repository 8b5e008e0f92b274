{{- if .Values.scheduling.userPlaceholder.enabled }}
{{- $requests := dict }}
{{- $limits := dict }}
{{- range $resource := list "cpu" "memory" }}
{{- with (index $.Values.singleuser $resource).guarantee }}{{ $_ := set $requests $resource . }}{{ end }}
{{- with (index $.Values.singleuser $resource).limit }}{{ $_ := set $limits $resource . }}{{ end }}
{{- end }}
{{- $requests = merge $requests .Values.singleuser.extraResource.guarantees }}
{{- $limits = merge $limits .Values.singleuser.extraResource.limits }}
{{- $resources := dict }}
{{- if $requests }}{{ $_ := set $resources "requests" $requests }}{{ end }}
{{- if $limits }}{{ $_ := set $resources "limits" $limits }}{{ end -}}
apiVersion: apps/v1
kind: StatefulSet
metadata:
  {{- include "standin.metadata" (list . "user-placeholder" "user-placeholder") | nindent 2 }}
spec:
  podManagementPolicy: Parallel
  replicas: {{ .Values.scheduling.userPlaceholder.replicas }}
  {{- with .Values.scheduling.userPlaceholder.revisionHistoryLimit }}
  revisionHistoryLimit: {{ . }}
  {{- end }}
  serviceName: {{ include "standin.name" (list . "user-placeholder") }}
  selector:
    matchLabels:
      {{- include "standin.selector" (list . "user-placeholder") | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "standin.podLabels" (list . "user-placeholder") | nindent 8 }}
        {{- with .Values.scheduling.userPlaceholder.labels }}
        {{- . | toYaml | nindent 8 }}
        {{- end }}
      {{- with .Values.scheduling.userPlaceholder.annotations }}
      annotations:
        {{- . | toYaml | nindent 8 }}
      {{- end }}
    spec:
      {{- if .Values.scheduling.podPriority.enabled }}
      priorityClassName: {{ include "standin.placeholderPriority" . }}
      {{- end }}
      {{- if .Values.scheduling.userScheduler.enabled }}
      schedulerName: {{ include "standin.scheduler" . }}
      {{- end }}
      {{- include "standin.fields" (dict "nodeSelector" .Values.singleuser.nodeSelector "tolerations" (concat .Values.scheduling.userPods.tolerations .Values.singleuser.extraTolerations)) | nindent 6 }}
      {{- include "standin.purpose" (list .Values.scheduling.userPods.nodeAffinity.matchNodePurpose "user") | nindent 6 }}
      {{- include "standin.pullSecrets" (list . .Values.scheduling.userPlaceholder.image) | nindent 6 }}
      terminationGracePeriodSeconds: 0
      automountServiceAccountToken: false
      containers:
        - name: pause
          {{- include "standin.image" .Values.scheduling.userPlaceholder.image | nindent 10 }}
          {{- include "standin.fields" (dict "resources" (.Values.scheduling.userPlaceholder.resources | default $resources) "securityContext" .Values.scheduling.userPlaceholder.containerSecurityContext) | nindent 10 }}
      {{- with .Values.scheduling.userPlaceholder.extraPodSpec }}
      {{- . | toYaml | nindent 6 }}
      {{- end }}
{{- end }}
