{{- define "ferrite.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "ferrite.fullname" -}}
{{- $name := include "ferrite.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "ferrite.selector" -}}
app.kubernetes.io/name: {{ include "ferrite.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "ferrite.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{ include "ferrite.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end -}}

{{- /* (list $ "controller"): the service account of a component */ -}}
{{- define "ferrite.account" -}}
{{- $root := index . 0 -}}{{- $component := index . 1 -}}
{{- $account := (index $root.Values $component).serviceAccount -}}
{{- if $account.create -}}
{{- default (printf "%s-%s" (include "ferrite.fullname" $root) $component) $account.name -}}
{{- else -}}
{{- default "default" $account.name -}}
{{- end -}}
{{- end -}}

{{- /* (list $ .Values.controller.image): image and pull policy of a container */ -}}
{{- define "ferrite.image" -}}
{{- $image := (index . 0).Values.image -}}{{- $own := default dict (index . 1) -}}
{{- $repository := default $image.repository $own.repository -}}
{{- $tag := default (index . 0).Chart.AppVersion (default $image.tag $own.tag) -}}
{{- if and $image.digest (not $own.repository) (not $own.tag) -}}
image: {{ printf "%s@%s" $repository $image.digest | quote }}
{{- else -}}
image: {{ printf "%s:%s" $repository $tag | quote }}
{{- end }}
imagePullPolicy: {{ default $image.pullPolicy $own.pullPolicy }}
{{- end -}}

{{- define "ferrite.secretName" -}}
{{- default (printf "%s-memberlist" (include "ferrite.fullname" .)) .Values.speaker.secretName -}}
{{- end -}}

{{- /* (list .Values.controller "ferrite-controller"): the program of a container */ -}}
{{- define "ferrite.command" -}}
{{- $command := default (index . 1) (index . 0).command -}}
{{- if kindIs "slice" $command }}{{ toJson $command }}{{ else }}{{ toJson (list $command) }}{{ end -}}
{{- end -}}

{{- /* (list $ "controller"): flags of both daemons */ -}}
{{- define "ferrite.flags" -}}
{{- $root := index . 0 -}}{{- $values := index $root.Values (index . 1) -}}{{- $tls := $root.Values.tls -}}
{{- $secret := index $tls (printf "%sMetricsTLSSecret" (index . 1)) -}}
- --port={{ $root.Values.prometheus.metricsPort }}
- --health-probe-port={{ include "ferrite.healthPort" $values }}
- --log-level={{ $values.logLevel }}
{{- with $root.Values.loadBalancerClass }}
- --lb-class={{ . }}
{{- end }}
{{- with $tls.minVersion }}
- --tls-min-version={{ . }}
{{- end }}
{{- with $tls.cipherSuites }}
- --tls-cipher-suites={{ . }}
{{- end }}
{{- with $tls.curvePreferences }}
- --tls-curve-preferences={{ . }}
{{- end }}
{{- if $secret }}
- --metrics-cert-dir=/etc/metrics
{{- end }}
{{- end -}}

{{- define "ferrite.healthPort" -}}
{{- if .livenessProbe.enabled }}{{ .livenessProbe.port }}{{ else if .readinessProbe.enabled }}{{ .readinessProbe.port }}{{ else }}0{{ end -}}
{{- end -}}

{{- /* (list .Values.controller ""): both probes; the host is where the kubelet asks, empty is the pod */ -}}
{{- define "ferrite.probes" -}}
{{- $host := index . 1 -}}
{{- range $kind, $path := dict "livenessProbe" "/healthz" "readinessProbe" "/readyz" }}
{{- with index (index $ 0) $kind }}
{{- if .enabled }}
{{ $kind }}:
  httpGet:
    path: {{ $path }}
    port: {{ .port }}
    {{- with $host }}
    host: {{ . }}
    {{- end }}
  {{- omit . "enabled" "port" | toYaml | nindent 2 }}
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{- /* (list $ "controller"): what a pod template says of itself */ -}}
{{- define "ferrite.podMetadata" -}}
{{- $root := index . 0 -}}{{- $component := index . 1 -}}{{- $values := index $root.Values $component -}}
labels:
  {{- include "ferrite.selector" $root | nindent 2 }}
  app.kubernetes.io/component: {{ $component }}
  {{- with $values.labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $annotations := deepCopy (default dict $values.podAnnotations) -}}
{{- if $root.Values.prometheus.scrapeAnnotations -}}
{{- $scrape := dict "prometheus.io/scrape" "true" "prometheus.io/scheme" "https" "prometheus.io/port" (print $root.Values.prometheus.metricsPort) -}}
{{- $annotations = merge $annotations $scrape -}}
{{- end -}}
{{- if and (eq $component "speaker") $root.Values.speaker.excludeInterfaces.enabled -}}
{{- $sum := toJson $root.Values.speaker.excludeInterfaces.patterns | sha256sum | trunc 16 -}}
{{- $annotations = merge $annotations (dict "ferrite.io/excluded-interfaces" $sum) -}}
{{- end -}}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- /* (list $ "controller"): where a pod may run, and as whom */ -}}
{{- define "ferrite.podPlace" -}}
{{- $root := index . 0 -}}{{- $values := index $root.Values (index . 1) -}}
serviceAccountName: {{ include "ferrite.account" . }}
{{- with $root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.runtimeClassName }}
runtimeClassName: {{ . }}
{{- end }}
{{- with $values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
nodeSelector:
  {{- merge (dict "kubernetes.io/os" "linux") (default dict $values.nodeSelector) | toYaml | nindent 2 }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "ferrite.openshift" -}}
{{- if kindIs "bool" .Values.openshift.enabled -}}
{{- ternary "true" "" .Values.openshift.enabled -}}
{{- else if .Capabilities.APIVersions.Has "security.openshift.io/v1" -}}
true
{{- end -}}
{{- end -}}

{{- define "ferrite.monitoring" -}}
{{- ternary "true" "" (.Capabilities.APIVersions.Has "monitoring.coreos.com/v1") -}}
{{- end -}}

{{- /* The rules of the CRDs ask isIP and isCIDR; older API servers refuse a CRD that does. */ -}}
{{- define "ferrite.validationRules" -}}
{{- ternary "true" "" (semverCompare ">=1.31.0-0" .Capabilities.KubeVersion.Version) -}}
{{- end -}}

{{- define "ferrite.admissionPolicy" -}}
{{- if and .Values.admissionPolicy.enabled .Values.speaker.enabled (semverCompare ">=1.30.0-0" .Capabilities.KubeVersion.Version) -}}
true
{{- end -}}
{{- end -}}

{{- /*
(list $ "NET_RAW"): a container in the node's network, with one capability. Only root has it: a file capability
of the image does not count where privilege escalation is off. OpenShift sets the user by its
SecurityContextConstraints.
*/ -}}
{{- define "ferrite.nodeSecurity" -}}
{{- if not (include "ferrite.openshift" (index . 0)) -}}
runAsUser: 0
{{ end -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
  add: [{{ index . 1 }}]
seccompProfile:
  type: RuntimeDefault
{{- end -}}
