{{- if .Values.scheduling.userScheduler.enabled }}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "standin.metadata" (list . "user-scheduler" "user-scheduler") | nindent 2 }}
spec:
  replicas: {{ .Values.scheduling.userScheduler.replicas }}
  {{- with .Values.scheduling.userScheduler.revisionHistoryLimit }}
  revisionHistoryLimit: {{ . }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "standin.selector" (list . "user-scheduler") | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "standin.podLabels" (list . "user-scheduler") | nindent 8 }}
        {{- with .Values.scheduling.userScheduler.labels }}
        {{- . | toYaml | nindent 8 }}
        {{- end }}
      annotations:
        checksum/config-map: {{ include (print .Template.BasePath "/user-scheduler/configmap.yaml.tpl") . | sha256sum }}
        {{- with .Values.scheduling.userScheduler.annotations }}
        {{- . | toYaml | nindent 8 }}
        {{- end }}
    spec:
      {{- include "standin.corePlace" (list . .Values.scheduling.userScheduler.nodeSelector .Values.scheduling.userScheduler.tolerations) | nindent 6 }}
      {{- include "standin.pullSecrets" (list . .Values.scheduling.userScheduler.image) | nindent 6 }}
      serviceAccountName: {{ include "standin.account" (list . .Values.scheduling.userScheduler.serviceAccount "user-scheduler") }}
      containers:
        - name: kube-scheduler
          {{- include "standin.image" .Values.scheduling.userScheduler.image | nindent 10 }}
          command:
            - /usr/local/bin/kube-scheduler
            - --config=/etc/user-scheduler/config.yaml
            # It may not read kube-system's ConfigMap about the API server's own clients, and need not.
            - --authentication-skip-lookup=true
            - --v={{ .Values.scheduling.userScheduler.logLevel }}
          livenessProbe:
            initialDelaySeconds: 15
            httpGet: {path: /healthz, port: 10259, scheme: HTTPS}
          readinessProbe:
            httpGet: {path: /healthz, port: 10259, scheme: HTTPS}
          {{- include "standin.fields" (dict "resources" .Values.scheduling.userScheduler.resources "securityContext" .Values.scheduling.userScheduler.containerSecurityContext) | nindent 10 }}
          volumeMounts:
            - name: config
              mountPath: /etc/user-scheduler
      volumes:
        - name: config
          configMap:
            name: {{ include "standin.name" (list . "user-scheduler") }}
      {{- with .Values.scheduling.userScheduler.extraPodSpec }}
      {{- . | toYaml | nindent 6 }}
      {{- end }}
{{- end }}
