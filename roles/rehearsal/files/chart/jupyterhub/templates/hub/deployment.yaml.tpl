apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "standin.metadata" (list . "hub" "hub") | nindent 2 }}
spec:
  replicas: 1
  {{- with .Values.hub.revisionHistoryLimit }}
  revisionHistoryLimit: {{ . }}
  {{- end }}
  selector:
    matchLabels:
      {{- include "standin.selector" (list . "hub") | nindent 6 }}
  strategy:
    {{- .Values.hub.deploymentStrategy | toYaml | nindent 4 }}
  template:
    metadata:
      labels:
        {{- include "standin.podLabels" (list . "hub") | nindent 8 }}
        {{- range list "proxy-api" "proxy-http" "singleuser" }}
        hub.jupyter.org/network-access-{{ . }}: "true"
        {{- end }}
        {{- with .Values.hub.labels }}
        {{- . | toYaml | nindent 8 }}
        {{- end }}
      annotations:
        # A new configuration is a new hub. Secrets that the first release made up are left out: the first upgrade
        # would find other ones here.
        checksum/config-map: {{ include (print .Template.BasePath "/hub/configmap.yaml.tpl") . | sha256sum }}
        checksum/values: {{ .Values | toYaml | sha256sum }}
        {{- with .Values.hub.annotations }}
        {{- . | toYaml | nindent 8 }}
        {{- end }}
    spec:
      {{- include "standin.corePlace" (list . .Values.hub.nodeSelector .Values.hub.tolerations) | nindent 6 }}
      {{- include "standin.pullSecrets" (list . .Values.hub.image) | nindent 6 }}
      {{- include "standin.fields" (dict "securityContext" .Values.hub.podSecurityContext "initContainers" .Values.hub.initContainers) | nindent 6 }}
      serviceAccountName: {{ include "standin.account" (list . .Values.hub.serviceAccount "hub") }}
      containers:
        - name: hub
          {{- include "standin.image" .Values.hub.image | nindent 10 }}
          args:
            - jupyterhub
            - --config
            - /usr/local/etc/jupyterhub/jupyterhub_config.py
            {{- if .Values.debug.enabled }}
            - --debug
            {{- end }}
            {{- if kindIs "bool" .Values.hub.db.upgrade | ternary .Values.hub.db.upgrade (eq .Values.hub.db.type "sqlite-pvc") }}
            - --upgrade-db
            {{- end }}
          env:
            - name: PYTHONUNBUFFERED
              value: "1"
            - name: HELM_RELEASE_NAME
              value: {{ .Release.Name | quote }}
            - name: POD_NAMESPACE
              valueFrom:
                fieldRef:
                  fieldPath: metadata.namespace
            - name: CONFIGPROXY_AUTH_TOKEN
              valueFrom:
                secretKeyRef:
                  name: {{ include "standin.name" (list . "hub") }}
                  key: hub.config.ConfigurableHTTPProxy.auth_token
            {{- with .Values.hub.extraEnv }}
            {{- include "standin.environment" . | nindent 12 }}
            {{- end }}
          ports:
            - name: http
              containerPort: 8081
          {{- $health := printf "%s/hub/health" (trimSuffix "/" .Values.hub.baseUrl) }}
          {{- if .Values.hub.livenessProbe.enabled }}
          livenessProbe:
            {{- include "standin.probe" (list .Values.hub.livenessProbe $health "http" "HTTP") | nindent 12 }}
          {{- end }}
          {{- if .Values.hub.readinessProbe.enabled }}
          readinessProbe:
            {{- include "standin.probe" (list .Values.hub.readinessProbe $health "http" "HTTP") | nindent 12 }}
          {{- end }}
          {{- include "standin.fields" (dict "resources" .Values.hub.resources "securityContext" .Values.hub.containerSecurityContext "lifecycle" .Values.hub.lifecycle) | nindent 10 }}
          volumeMounts:
            - name: config
              mountPath: /usr/local/etc/jupyterhub/jupyterhub_config.py
              subPath: jupyterhub_config.py
            - name: config
              mountPath: /usr/local/etc/jupyterhub/z2jh.py
              subPath: z2jh.py
            - name: config
              mountPath: /usr/local/etc/jupyterhub/config/
            - name: secret
              mountPath: /usr/local/etc/jupyterhub/secret/
            {{- if .Values.hub.existingSecret }}
            - name: existing-secret
              mountPath: /usr/local/etc/jupyterhub/existing-secret/
            {{- end }}
            {{- if eq .Values.hub.db.type "sqlite-pvc" }}
            - name: pvc
              mountPath: /srv/jupyterhub
              {{- with .Values.hub.db.pvc.subPath }}
              subPath: {{ . | quote }}
              {{- end }}
            {{- end }}
            {{- range $name, $file := .Values.hub.extraFiles }}
            - name: files
              mountPath: {{ $file.mountPath }}
              subPath: {{ $name | quote }}
            {{- end }}
            {{- with .Values.hub.extraVolumeMounts }}
            {{- . | toYaml | nindent 12 }}
            {{- end }}
        {{- with .Values.hub.extraContainers }}
        {{- . | toYaml | nindent 8 }}
        {{- end }}
      volumes:
        - name: config
          configMap:
            name: {{ include "standin.name" (list . "hub") }}
        - name: secret
          secret:
            secretName: {{ include "standin.name" (list . "hub") }}
        {{- with .Values.hub.existingSecret }}
        - name: existing-secret
          secret:
            secretName: {{ . }}
        {{- end }}
        {{- if eq .Values.hub.db.type "sqlite-pvc" }}
        - name: pvc
          persistentVolumeClaim:
            claimName: {{ include "standin.name" (list . "hub-db-dir") }}
        {{- end }}
        {{- if .Values.hub.extraFiles }}
        - name: files
          secret:
            secretName: {{ include "standin.name" (list . "hub") }}
            items:
              {{- range $name, $file := .Values.hub.extraFiles }}
              - key: {{ $name | quote }}
                path: {{ $name | quote }}
                {{- with $file.mode }}
                mode: {{ . }}
                {{- end }}
              {{- end }}
        {{- end }}
        {{- with .Values.hub.extraVolumes }}
        {{- . | toYaml | nindent 8 }}
        {{- end }}
      {{- with .Values.hub.extraPodSpec }}
      {{- . | toYaml | nindent 6 }}
      {{- end }}
