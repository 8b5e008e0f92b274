{{- $certificate := include "standin.certificate" . }}
{{- $files := eq (include "standin.https" .) "secret" | ternary .Values.proxy.https.secret (dict "crt" "tls.crt" "key" "tls.key") }}
{{- $hub := printf "http://%s:8081" (include "standin.name" (list . "hub")) -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "standin.metadata" (list . "proxy" "proxy") | nindent 2 }}
spec:
  replicas: 1
  {{- with .Values.proxy.chp.revisionHistoryLimit }}
  revisionHistoryLimit: {{ . }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "standin.selector" (list . "proxy") | nindent 6 }}
  strategy:
    {{- .Values.proxy.deploymentStrategy | toYaml | nindent 4 }}
  template:
    metadata:
      labels:
        {{- include "standin.podLabels" (list . "proxy") | nindent 8 }}
        {{- range list "hub" "singleuser" }}
        hub.jupyter.org/network-access-{{ . }}: "true"
        {{- end }}
        {{- with .Values.proxy.labels }}
        {{- . | toYaml | nindent 8 }}
        {{- end }}
      annotations:
        # Only a token or certificate that the values change needs a new proxy; four digits give no secret away.
        checksum/auth-token: {{ include "standin.givenToken" . | sha256sum | trunc 4 | quote }}
        checksum/proxy-secret: {{ include (print .Template.BasePath "/proxy/secret.yaml.tpl") . | sha256sum }}
        {{- with .Values.proxy.annotations }}
        {{- . | toYaml | nindent 8 }}
        {{- end }}
    spec:
      terminationGracePeriodSeconds: 60
      {{- include "standin.corePlace" (list . .Values.proxy.chp.nodeSelector .Values.proxy.chp.tolerations) | nindent 6 }}
      {{- include "standin.pullSecrets" (list . .Values.proxy.chp.image) | nindent 6 }}
      containers:
        - name: chp
          {{- include "standin.image" .Values.proxy.chp.image | nindent 10 }}
          command:
            - configurable-http-proxy
            - --ip=
            - --api-ip=
            - --api-port=8001
            - --default-target={{ .Values.proxy.chp.defaultTarget | default $hub }}
            - --error-target={{ .Values.proxy.chp.errorTarget | default (printf "%s/hub/error" $hub) }}
            {{- if $certificate }}
            - --port=8443
            - --redirect-port=8000
            - --redirect-to=443
            - --ssl-key=/etc/chp/tls/{{ $files.key }}
            - --ssl-cert=/etc/chp/tls/{{ $files.crt }}
            {{- else }}
            - --port=8000
            {{- end }}
            {{- if .Values.debug.enabled }}
            - --log-level=debug
            {{- end }}
            {{- with .Values.proxy.chp.extraCommandLineFlags }}
            {{- . | toYaml | nindent 12 }}
            {{- end }}
          env:
            - name: CONFIGPROXY_AUTH_TOKEN
              valueFrom:
                secretKeyRef:
                  name: {{ include "standin.name" (list . "hub") }}
                  key: hub.config.ConfigurableHTTPProxy.auth_token
            {{- with .Values.proxy.chp.extraEnv }}
            {{- include "standin.environment" . | nindent 12 }}
            {{- end }}
          ports:
            {{- if $certificate }}
            - name: https
              containerPort: 8443
            {{- end }}
            - name: http
              containerPort: 8000
            - name: api
              containerPort: 8001
          {{- $where := list "/_chp_healthz" (empty $certificate | ternary "http" "https") (empty $certificate | ternary "HTTP" "HTTPS") }}
          {{- if .Values.proxy.chp.livenessProbe.enabled }}
          livenessProbe:
            {{- include "standin.probe" (prepend $where .Values.proxy.chp.livenessProbe) | nindent 12 }}
          {{- end }}
          {{- if .Values.proxy.chp.readinessProbe.enabled }}
          readinessProbe:
            {{- include "standin.probe" (prepend $where .Values.proxy.chp.readinessProbe) | nindent 12 }}
          {{- end }}
          {{- include "standin.fields" (dict "resources" .Values.proxy.chp.resources "securityContext" .Values.proxy.chp.containerSecurityContext) | nindent 10 }}
          {{- if $certificate }}
          volumeMounts:
            - name: tls
              mountPath: /etc/chp/tls
              readOnly: true
          {{- end }}
      {{- if $certificate }}
      volumes:
        - name: tls
          secret:
            secretName: {{ $certificate }}
      {{- end }}
      {{- with .Values.proxy.chp.extraPodSpec }}
      {{- . | toYaml | nindent 6 }}
      {{- end }}
