{{- if .Values.ingress.enabled }}
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: {{ include "standin.prefix" . | default "jupyterhub" }}
  labels:
    {{- include "standin.labels" (list . "ingress") | nindent 4 }}
  {{- with .Values.ingress.annotations }}
  annotations:
    {{- . | toYaml | nindent 4 }}
  {{- end }}
spec:
  {{- with .Values.ingress.ingressClassName }}
  ingressClassName: {{ . | quote }}
  {{- end }}
  rules:
    {{- range .Values.ingress.hosts | default (list "") }}
    - http:
        paths:
          - path: {{ trimSuffix "/" $.Values.hub.baseUrl }}/{{ $.Values.ingress.pathSuffix }}
            pathType: {{ $.Values.ingress.pathType }}
            backend:
              service:
                name: {{ include "standin.name" (list $ "proxy-public") }}
                port:
                  name: http
          {{- with $.Values.ingress.extraPaths }}
          {{- . | toYaml | nindent 10 }}
          {{- end }}
      {{- with . }}
      host: {{ . | quote }}
      {{- end }}
    {{- end }}
  {{- with .Values.ingress.tls }}
  tls:
    {{- . | toYaml | nindent 4 }}
  {{- end }}
{{- end }}
