{{/* Names: 44 characters leave room for the longest ending. */}}
{{- define "ai-platform.fullname" -}}
{{ .Values.fullnameOverride | default .Release.Name | trunc 44 | trimSuffix "-" }}
{{- end }}

{{- define "ai-platform.registry.name" -}}
{{ include "ai-platform.fullname" . }}-registry
{{- end }}

{{- define "ai-platform.registry.claim" -}}
{{ .Values.registry.storage.volume.existingClaim | default (printf "%s-artifacts" (include "ai-platform.registry.name" .)) }}
{{- end }}

{{/* Labels that never change, because selectors cannot: context, component. */}}
{{- define "ai-platform.selector" -}}
app.kubernetes.io/name: ai-platform
app.kubernetes.io/instance: {{ .context.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{- define "ai-platform.labels" -}}
{{ include "ai-platform.selector" . }}
app.kubernetes.io/version: {{ .context.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: ai-platform
app.kubernetes.io/managed-by: {{ .context.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .context.Chart.Name .context.Chart.Version | replace "+" "_" }}
{{- with .context.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "ai-platform.image" -}}
{{- with .Values.image -}}
{{- if .digest -}}
{{ .repository }}@{{ .digest }}
{{- else -}}
{{ .repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* "yes" when there may be more than one replica. */}}
{{- define "ai-platform.registry.several" -}}
{{- with .Values.registry }}{{ if or (gt (int .replicas) 1) .autoscaling.enabled }}yes{{ end }}{{ end -}}
{{- end }}

{{/* What no preset can know, and what cannot work: all of it at once. */}}
{{- define "ai-platform.check" -}}
{{- $wrong := list }}
{{- $r := .Values.registry }}
{{- if not .Values.image.repository }}
{{- $wrong = append $wrong "image.repository: say where the image with hallmarkd is pulled from, without a tag" }}
{{- end }}
{{- if not $r.database.existingSecret }}
{{- $wrong = append $wrong (printf "registry.database.existingSecret: name the Secret whose key %q holds the DATABASE_URL" $r.database.key) }}
{{- end }}
{{- if not $r.secretFile.existingSecret }}
{{- $wrong = append $wrong (printf "registry.secretFile.existingSecret: name the Secret whose key %q holds what `openssl rand -hex 32` prints" $r.secretFile.key) }}
{{- end }}
{{- if not $r.signingKeys.existingSecret }}
{{- $wrong = append $wrong "registry.signingKeys.existingSecret: name the Secret whose *.key are signing keys, as `minisign -G -W` makes them" }}
{{- end }}
{{- if eq $r.storage.kind "bucket" }}
{{- if not $r.storage.bucket.location }}
{{- $wrong = append $wrong "registry.storage.bucket.location: say which bucket, as in s3://models/registry?endpoint=http://objects.internal:9000" }}
{{- end }}
{{- if not $r.storage.bucket.existingSecret }}
{{- $wrong = append $wrong "registry.storage.bucket.existingSecret: name the Secret with AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY" }}
{{- end }}
{{- else if and (include "ai-platform.registry.several" .) (not $r.storage.volume.existingClaim) (ne $r.storage.volume.accessMode "ReadWriteMany") }}
{{- $wrong = append $wrong (printf "registry.storage.volume.accessMode: several replicas need a volume that all of them mount: ReadWriteMany, not %s (or a bucket)" $r.storage.volume.accessMode) }}
{{- end }}
{{- if and $r.ingress.enabled (not $r.ingress.host) }}
{{- $wrong = append $wrong "registry.ingress.host: an Ingress needs the name it is reached by" }}
{{- end }}
{{- if and $r.autoscaling.enabled (gt (int $r.autoscaling.minReplicas) (int $r.autoscaling.maxReplicas)) }}
{{- $wrong = append $wrong "registry.autoscaling.maxReplicas: is below minReplicas" }}
{{- end }}
{{- with $wrong }}
{{- fail (printf "these values are missing or cannot work:\n  %s\nWhat each is: helm show values; docs/kubernetes.md makes the Secrets." (join "\n  " .)) }}
{{- end }}
{{- end }}

{{/* The restricted Pod Security Standard: pod, then container. */}}
{{- define "ai-platform.podSecurity" -}}
runAsNonRoot: true
{{- with .Values.registry.security }}
{{- if .runAsUser }}
runAsUser: {{ .runAsUser }}
{{- end }}
{{- if .runAsGroup }}
runAsGroup: {{ .runAsGroup }}
{{- end }}
{{- if .fsGroup }}
fsGroup: {{ .fsGroup }}
fsGroupChangePolicy: OnRootMismatch
{{- end }}
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{- define "ai-platform.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* What `hallmarkd migrate` and `hallmarkd serve` both need. */}}
{{- define "ai-platform.registry.env" -}}
- name: DATABASE_URL
  valueFrom:
    secretKeyRef:
      name: {{ .Values.registry.database.existingSecret }}
      key: {{ .Values.registry.database.key }}
- name: HALLMARK_STATE
  value: /var/lib/hallmark
- name: HALLMARK_SECRET_FILE
  value: /etc/hallmark/secret/secret
- name: HALLMARK_KEYS
  value: /etc/hallmark/keys
- name: HALLMARK_LOG_LEVEL
  value: {{ .Values.registry.logLevel }}
{{- end }}

{{/* The state folder holds nothing worth keeping here, so it is memory. */}}
{{- define "ai-platform.registry.mounts" -}}
- name: state
  mountPath: /var/lib/hallmark
- name: secret
  mountPath: /etc/hallmark/secret
  readOnly: true
- name: keys
  mountPath: /etc/hallmark/keys
  readOnly: true
{{- with .Values.registry.extraVolumeMounts }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "ai-platform.registry.volumes" -}}
- name: state
  emptyDir:
    medium: Memory
    sizeLimit: 1Mi
- name: secret
  secret:
    secretName: {{ .Values.registry.secretFile.existingSecret }}
    defaultMode: 0400
    items:
      - key: {{ .Values.registry.secretFile.key }}
        path: secret
- name: keys
  secret:
    secretName: {{ .Values.registry.signingKeys.existingSecret }}
    defaultMode: 0400
{{- with .Values.registry.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* Where a pod may run: all of it optional. */}}
{{- define "ai-platform.registry.placement" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.registry.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.registry.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.registry.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.registry.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The names that reach the Service, added to those of the operator's. */}}
{{- define "ai-platform.registry.hosts" -}}
{{- $name := include "ai-platform.registry.name" . }}
{{- $inside := list $name (printf "%s.%s" $name .Release.Namespace) (printf "%s.%s.svc" $name .Release.Namespace) (printf "%s.%s.svc.cluster.local" $name .Release.Namespace) }}
{{- $ingress := ternary (list .Values.registry.ingress.host) list .Values.registry.ingress.enabled }}
{{- concat .Values.registry.allowedHosts $ingress $inside | uniq | join "," }}
{{- end }}

{{/* Name resolution, for every policy that lets pods out; OpenShift's servers listen on 5353. */}}
{{- define "ai-platform.dns" -}}
- ports:
    {{- range list 53 5353 }}
    - protocol: UDP
      port: {{ . }}
    - protocol: TCP
      port: {{ . }}
    {{- end }}
{{- end }}

{{- define "ai-platform.registry.toDatabase" -}}
{{- with .Values.registry.networkPolicy.database -}}
- ports:
    - protocol: TCP
      port: {{ .port }}
  {{- with .to }}
  to:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
{{- end }}
