{{- if .Values.scheduling.userScheduler.enabled }}
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "standin.metadata" (list . "user-scheduler" "user-scheduler") | nindent 2 }}
data:
  config.yaml: |
    apiVersion: kubescheduler.config.k8s.io/v1
    kind: KubeSchedulerConfiguration
    leaderElection:
      resourceLock: leases
      resourceName: {{ include "standin.name" (list . "user-scheduler-lock") }}
      resourceNamespace: {{ .Release.Namespace | quote }}
    profiles:
      - schedulerName: {{ include "standin.scheduler" . }}
        {{- include "standin.fields" (dict "plugins" .Values.scheduling.userScheduler.plugins "pluginConfig" .Values.scheduling.userScheduler.pluginConfig) | nindent 8 }}
{{- end }}
