{{- /* The images that users' pods need, one a line: default, profiles', init and further containers', extra ones */}}
{{- define "standin.pullerImages" -}}
{{- $images := list (include "standin.imageName" .Values.singleuser.image) -}}
{{- if .Values.singleuser.cloudMetadata.blockWithIptables -}}
{{- $images = append $images (include "standin.imageName" .Values.singleuser.networkTools.image) -}}
{{- end -}}
{{- range concat .Values.singleuser.initContainers .Values.singleuser.extraContainers -}}
{{- $images = append $images .image -}}
{{- end -}}
{{- if .Values.prePuller.pullProfileListImages -}}
{{- range .Values.singleuser.profileList -}}
{{- with dig "kubespawner_override" "image" "" . }}{{ $images = append $images . }}{{ end -}}
{{- range $option := .profile_options -}}
{{- range $choice := $option.choices -}}
{{- with dig "kubespawner_override" "image" "" $choice }}{{ $images = append $images . }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range .Values.prePuller.extraImages -}}
{{- $images = append $images (include "standin.imageName" .) -}}
{{- end -}}
{{- $images | uniq | join "\n" -}}
{{- end }}

{{- define "standin.imageName" -}}
{{ .name }}{{ with .tag }}:{{ . }}{{ end }}
{{- end }}

{{- /* A puller's spec: (list $ COMPONENT ACCOUNT); each image is pulled by an init container that only speaks */}}
{{- define "standin.puller" -}}
{{- $root := index . 0 -}}
{{- $limits := include "standin.fields" (dict "resources" $root.Values.prePuller.resources "securityContext" $root.Values.prePuller.containerSecurityContext) -}}
selector:
  matchLabels:
    {{- include "standin.selector" (list $root (index . 1)) | nindent 4 }}
updateStrategy:
  type: RollingUpdate
  rollingUpdate:
    maxUnavailable: 100%
template:
  metadata:
    labels:
      {{- include "standin.podLabels" (list $root (index . 1)) | nindent 6 }}
      {{- with $root.Values.prePuller.labels }}
      {{- . | toYaml | nindent 6 }}
      {{- end }}
    {{- with $root.Values.prePuller.annotations }}
    annotations:
      {{- . | toYaml | nindent 6 }}
    {{- end }}
  spec:
    {{- if $root.Values.scheduling.podPriority.enabled }}
    priorityClassName: {{ include "standin.pullerPriority" $root }}
    {{- end }}
    {{- include "standin.fields" (dict "nodeSelector" $root.Values.singleuser.nodeSelector "tolerations" (concat $root.Values.scheduling.userPods.tolerations $root.Values.singleuser.extraTolerations $root.Values.prePuller.extraTolerations)) | nindent 4 }}
    {{- include "standin.pullSecrets" (list $root $root.Values.singleuser.image) | nindent 4 }}
    terminationGracePeriodSeconds: 0
    automountServiceAccountToken: false
    serviceAccountName: {{ index . 2 }}
    initContainers:
      {{- range $index, $image := splitList "\n" (include "standin.pullerImages" $root) }}
      - name: image-pull-{{ $index }}
        image: {{ $image }}
        command: [/bin/sh, -c, echo "Pulling complete"]
        {{- $limits | nindent 8 }}
      {{- end }}
    containers:
      - name: pause
        {{- include "standin.image" $root.Values.prePuller.pause.image | nindent 8 }}
        {{- include "standin.fields" (dict "resources" $root.Values.prePuller.resources "securityContext" $root.Values.prePuller.pause.containerSecurityContext) | nindent 8 }}
{{- end }}
