{{- $https := include "standin.https" . -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "standin.metadata" (list . "proxy-api" "proxy-api") | nindent 2 }}
spec:
  selector:
    {{- include "standin.selector" (list . "proxy") | nindent 4 }}
  ports:
    - port: 8001
      targetPort: api
  {{- with .Values.proxy.service.ipFamilyPolicy }}
  ipFamilyPolicy: {{ . }}
  {{- end }}
---
apiVersion: v1
kind: Service
metadata:
  {{- include "standin.metadata" (list . "proxy-public" "proxy-public") | nindent 2 }}
    {{- with .Values.proxy.service.labels }}
    {{- . | toYaml | nindent 4 }}
    {{- end }}
  {{- with .Values.proxy.service.annotations }}
  annotations:
    {{- . | toYaml | nindent 4 }}
  {{- end }}
spec:
  type: {{ .Values.proxy.service.type }}
  selector:
    {{- include "standin.selector" (list . "proxy") | nindent 4 }}
  ports:
    {{- if $https }}
    - name: https
      port: 443
      targetPort: {{ eq $https "offload" | ternary "http" "https" }}
      {{- with .Values.proxy.service.nodePorts.https }}
      nodePort: {{ . }}
      {{- end }}
    {{- end }}
    {{- if not .Values.proxy.service.disableHttpPort }}
    - name: http
      port: 80
      targetPort: http
      {{- with .Values.proxy.service.nodePorts.http }}
      nodePort: {{ . }}
      {{- end }}
    {{- end }}
    {{- with .Values.proxy.service.extraPorts }}
    {{- . | toYaml | nindent 4 }}
    {{- end }}
  {{- with .Values.proxy.service.loadBalancerIP }}
  loadBalancerIP: {{ . }}
  {{- end }}
  {{- with .Values.proxy.service.ipFamilyPolicy }}
  ipFamilyPolicy: {{ . }}
  {{- end }}
  {{- if eq .Values.proxy.service.type "LoadBalancer" }}
  {{- with .Values.proxy.service.loadBalancerSourceRanges }}
  loadBalancerSourceRanges:
    {{- . | toYaml | nindent 4 }}
  {{- end }}
  {{- end }}
  {{- with .Values.proxy.service.externalIPs }}
  externalIPs:
    {{- . | toYaml | nindent 4 }}
  {{- end }}
