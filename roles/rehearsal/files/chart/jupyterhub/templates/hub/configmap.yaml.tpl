apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "standin.metadata" (list . "hub" "hub") | nindent 2 }}
data:
  {{- (.Files.Glob "files/hub/*.py").AsConfig | nindent 2 }}
  # Names that the hub's configuration asks for.
  {{- range list "hub" "proxy" "proxy-api" "proxy-public" "singleuser" }}
  {{ . }}: {{ include "standin.name" (list $ .) }}
  {{- end }}
  priority: {{ include "standin.priority" . }}
  user-placeholder-priority: {{ include "standin.placeholderPriority" . }}
  user-scheduler: {{ include "standin.scheduler" . }}
  checksum_hook-image-puller: {{ include "standin.pullerImages" . | sha256sum }}
