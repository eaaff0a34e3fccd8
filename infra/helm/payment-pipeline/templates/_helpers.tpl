{{/* Labels by which things are found. Takes a dict of root and component. */}}
{{- define "payments.selector" -}}
app.kubernetes.io/name: {{ .component }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
{{- end }}

{{- define "payments.labels" -}}
{{ include "payments.selector" . }}
app.kubernetes.io/part-of: payments
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end }}

{{/* An image of ours, that of the component where it has one of its own. Takes a dict of root, image and component. */}}
{{- define "payments.image" -}}
{{- $digests := .root.Values.image.digests -}}
{{- $tags := .root.Values.image.tags -}}
{{- $digest := get $digests .component -}}
{{- $tag := get $tags .component -}}
{{- if not (or $digest $tag) -}}
{{- $digest = get $digests .image -}}
{{- $tag = get $tags .image | default .root.Values.image.tag | default .root.Chart.AppVersion -}}
{{- end -}}
{{ .root.Values.image.registry }}/{{ .image }}{{ if $digest }}@{{ $digest }}{{ else }}:{{ $tag }}{{ end }}
{{- end }}

{{/* The name of a provider as Kubernetes takes it. */}}
{{- define "payments.slug" -}}{{ . | replace "_" "-" }}{{- end }}

{{- define "payments.providers" -}}
{{- $names := list -}}
{{- range .Values.providers }}{{ $names = append $names .name }}{{ end -}}
{{ join "," $names }}
{{- end }}

{{- define "payments.env.log" -}}
- {name: LOG_LEVEL, value: {{ .Values.logLevel }}}
- {name: LOG_FORMAT, value: json}
{{- range $name, $value := .Values.env }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{/*
Kafka and the registry. Takes a dict of root and service: the service of the contracts whose user of Kafka it is, named
as Strimzi names the Secret with its password.
*/}}
{{- define "payments.env.stream" -}}
{{- with .root.Values.kafka -}}
- {name: KAFKA_BOOTSTRAP_SERVERS, value: {{ .bootstrapServers | quote }}}
{{- if ne .security.protocol "PLAINTEXT" }}
- {name: KAFKA_SECURITY_PROTOCOL, value: {{ .security.protocol }}}
{{- if .security.caSecretName }}
- {name: KAFKA_TLS_CA_FILE, value: /var/run/kafka-ca/ca.crt}
{{- end }}
{{- if hasPrefix "SASL" .security.protocol }}
- {name: KAFKA_SASL_MECHANISM, value: {{ .security.mechanism }}}
- {name: KAFKA_SASL_USERNAME, value: payments-{{ $.service }}}
- name: KAFKA_SASL_PASSWORD
  valueFrom: {secretKeyRef: {name: payments-{{ $.service }}, key: password}}
{{- end }}
{{- end }}
{{- end }}
{{- with .root.Values.registry }}
- {name: SCHEMA_REGISTRY_URL, value: {{ .url | quote }}}
{{- if .security.secretName }}
- name: SCHEMA_REGISTRY_USERNAME
  valueFrom: {secretKeyRef: {name: {{ .security.secretName }}, key: username}}
- name: SCHEMA_REGISTRY_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ .security.secretName }}, key: password}}
{{- end }}
{{- if .security.caSecretName }}
- {name: SCHEMA_REGISTRY_TLS_CA_FILE, value: /var/run/registry-ca/ca.crt}
{{- end }}
{{- end }}
{{- end }}

{{/* Certificates by which servers are known, and those that say who we are, in every pod of ours. */}}
{{- define "payments.certificates" -}}
{{- $secrets := dict
  "kafka-ca" .Values.kafka.security.caSecretName
  "registry-ca" .Values.registry.security.caSecretName
  "temporal-ca" .Values.temporal.security.caSecretName
  "temporal-client" .Values.temporal.security.clientSecretName
  "trino-ca" .Values.trino.security.caSecretName
  "postgres-ca" .Values.postgres.caSecretName -}}
{{- range $name, $secret := $secrets }}{{ if $secret }}
- {name: {{ $name }}, secret: {secretName: {{ $secret }}}}
{{- end }}{{ end }}
{{- end }}

{{- define "payments.certificates.mounts" -}}
{{- range (include "payments.certificates" . | fromYamlArray) }}
- {name: {{ .name }}, mountPath: /var/run/{{ .name }}, readOnly: true}
{{- end }}
{{- end }}

{{- define "payments.env.objects" -}}
- {name: S3_ENDPOINT, value: {{ .Values.objectStore.endpoint | quote }}}
- {name: S3_REGION, value: {{ .Values.objectStore.region }}}
- name: S3_ACCESS_KEY_ID
  valueFrom: {secretKeyRef: {name: {{ .Values.objectStore.secretName }}, key: {{ .Values.objectStore.accessKey }}}}
- name: S3_SECRET_ACCESS_KEY
  valueFrom: {secretKeyRef: {name: {{ .Values.objectStore.secretName }}, key: {{ .Values.objectStore.secretKey }}}}
{{- end }}

{{- define "payments.env.lake" -}}
{{ include "payments.env.objects" . }}
- {name: CATALOG_URI, value: {{ .Values.catalog.uri | quote }}}
- {name: CATALOG_WAREHOUSE, value: {{ .Values.catalog.warehouse | quote }}}
{{- with .Values.catalog.credential }}{{ if .secretName }}
- {name: CATALOG_SCOPE, value: {{ $.Values.catalog.scope | quote }}}
- name: CATALOG_CREDENTIAL
  valueFrom: {secretKeyRef: {name: {{ .secretName }}, key: {{ .key }}}}
{{- end }}{{ end }}
{{- with .Values.catalog.tokenUrl }}
- {name: CATALOG_TOKEN_URL, value: {{ . | quote }}}
{{- end }}
{{- end }}

{{- define "payments.env.postgres" -}}
- name: POSTGRES_DSN
  valueFrom: {secretKeyRef: {name: {{ .secretName }}, key: {{ .key }}}}
{{- end }}

{{/* Of what looks at everything and keeps books: it needs other rights than a worker. */}}
{{- define "payments.env.postgres.operations" -}}
{{- with .Values.postgres }}
{{- include "payments.env.postgres" (ternary .operationsDsn .dsn (ne .operationsDsn.secretName "")) }}
{{- end }}
{{- end }}

{{- define "payments.env.temporal" -}}
- {name: TEMPORAL_ADDRESS, value: {{ .Values.temporal.address | quote }}}
- {name: TEMPORAL_NAMESPACE, value: {{ .Values.temporal.namespace }}}
- {name: TEMPORAL_HTTP_URL, value: {{ .Values.temporal.httpUrl | quote }}}
- {name: TEMPORAL_UI_URL, value: {{ .Values.temporal.uiUrl | quote }}}
{{- with .Values.temporal.security }}
{{- if .tls }}
- {name: TEMPORAL_TLS, value: "true"}
{{- if .caSecretName }}
- {name: TEMPORAL_TLS_CA_FILE, value: /var/run/temporal-ca/ca.crt}
{{- end }}
{{- if .clientSecretName }}
- {name: TEMPORAL_TLS_CERTIFICATE_FILE, value: /var/run/temporal-client/tls.crt}
- {name: TEMPORAL_TLS_KEY_FILE, value: /var/run/temporal-client/tls.key}
{{- end }}
{{- with .serverName }}
- {name: TEMPORAL_TLS_SERVER_NAME, value: {{ . | quote }}}
{{- end }}
{{- with .apiKeySecretName }}
- name: TEMPORAL_API_KEY
  valueFrom: {secretKeyRef: {name: {{ . }}, key: api-key}}
{{- end }}
{{- end }}
{{- end }}
{{- end }}

{{/* What the `payments` command and Dagster need beside the lake and the stream. */}}
{{- define "payments.env.operations" -}}
- {name: TRINO_HOST, value: {{ .Values.trino.host | quote }}}
- {name: TRINO_PORT, value: {{ .Values.trino.port | quote }}}
- {name: TRINO_USER, value: {{ .Values.trino.user }}}
{{- with .Values.trino.security }}
{{- if .tls }}
- {name: TRINO_TLS, value: "true"}
{{- if .caSecretName }}
- {name: TRINO_TLS_CA_FILE, value: /var/run/trino-ca/ca.crt}
{{- end }}
{{- with .passwordSecretName }}
- name: TRINO_PASSWORD
  valueFrom: {secretKeyRef: {name: {{ . }}, key: password}}
{{- end }}
{{- end }}
{{- end }}
- {name: DAGSTER_URL, value: "http://{{ .Release.Name }}-dagster:3000"}
- {name: GATEWAY_PROVIDERS, value: {{ include "payments.providers" . | quote }}}
{{- range .Values.providers }}
- {name: GATEWAY_{{ upper .name }}_URL, value: "http://{{ $.Release.Name }}-gateway-{{ include "payments.slug" .name }}-replicas:8080"}
{{- end }}
{{- if .Values.kafka.brokers }}
- {name: TOPICS_MOST_REPLICAS, value: {{ .Values.kafka.brokers | quote }}}
{{- end }}
{{- end }}

{{- define "payments.extra" -}}
{{- range $name, $value := . }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}

{{/* What every pod has: no rights, no token of Kubernetes, spread. Takes a dict of root and component. */}}
{{- define "payments.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  seccompProfile: {type: RuntimeDefault}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets: {{ toJson . }}
{{- end }}
{{- with .root.Values.nodeSelector }}
nodeSelector: {{ toJson . }}
{{- end }}
{{- with .root.Values.tolerations }}
tolerations: {{ toJson . }}
{{- end }}
{{- $this := . }}
{{- with .root.Values.topologySpread }}
topologySpreadConstraints:
{{- range . }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "payments.selector" $this | nindent 8 }}
{{- end }}
{{- end }}
{{- end }}

{{- define "payments.confined" -}}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
{{- end }}

{{- define "payments.probes" -}}
startupProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 3
  failureThreshold: 40
livenessProbe:
  httpGet: {path: /healthz, port: http}
  periodSeconds: 10
  timeoutSeconds: 5
readinessProbe:
  httpGet: {path: /readyz, port: http}
  periodSeconds: 5
  timeoutSeconds: 5
{{- end }}

{{/*
A Deployment of one container with its Service and ServiceMonitor. Takes a dict of root, component, image, port, env (as
text), values (resources, env), and maybe args, replicas (absent where something scales it), single (never two at once),
volumes and mounts (as text), sdk (a port on which Temporal's SDK shows its own metrics).
*/}}
{{- define "payments.deployment" -}}
{{- $name := printf "%s-%s" .root.Release.Name .component }}
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ $name }}
  labels:
    {{- include "payments.labels" . | nindent 4 }}
spec:
  {{- if hasKey . "replicas" }}
  replicas: {{ .replicas }}
  {{- end }}
  {{- if .single }}
  strategy: {type: Recreate}
  {{- end }}
  selector:
    matchLabels:
      {{- include "payments.selector" . | nindent 6 }}
  template:
    metadata:
      labels:
        {{- include "payments.labels" . | nindent 8 }}
    spec:
      {{- include "payments.pod" . | nindent 6 }}
      # A worker first finishes what it has begun.
      terminationGracePeriodSeconds: 60
      containers:
        - name: {{ .component }}
          image: {{ include "payments.image" . }}
          imagePullPolicy: {{ .root.Values.image.pullPolicy }}
          {{- with .args }}
          args: {{ toJson . }}
          {{- end }}
          env:
            {{- include "payments.env.log" .root | nindent 12 }}
            {{- .env | trim | nindent 12 }}
            {{- with .sdk }}
            - {name: TEMPORAL_METRICS_PORT, value: {{ . | quote }}}
            {{- end }}
            {{- with include "payments.extra" .values.env | trim }}{{ . | nindent 12 }}{{ end }}
          ports:
            - {name: http, containerPort: {{ .port }}}
            {{- with .sdk }}
            - {name: sdk, containerPort: {{ . }}}
            {{- end }}
          {{- include "payments.probes" . | nindent 10 }}
          {{- include "payments.confined" . | nindent 10 }}
          resources: {{ toJson .values.resources }}
          volumeMounts:
            - {name: tmp, mountPath: /tmp}
            {{- with .mounts }}{{ . | trim | nindent 12 }}{{ end }}
            {{- with include "payments.certificates.mounts" .root | trim }}{{ . | nindent 12 }}{{ end }}
      volumes:
        - {name: tmp, emptyDir: {}}
        {{- with .volumes }}{{ . | trim | nindent 8 }}{{ end }}
        {{- with include "payments.certificates" .root | trim }}{{ . | nindent 8 }}{{ end }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ $name }}
  labels:
    {{- include "payments.labels" . | nindent 4 }}
spec:
  selector:
    {{- include "payments.selector" . | nindent 4 }}
  ports:
    - {name: http, port: {{ .port }}, targetPort: http}
    {{- with .sdk }}
    - {name: sdk, port: {{ . }}, targetPort: sdk}
    {{- end }}
{{- end }}

{{/* Takes a dict of root, component, values (replicas, autoscaling). */}}
{{- define "payments.scaling" -}}
{{- $name := printf "%s-%s" .root.Release.Name .component }}
{{- $known := or (hasPrefix "SASL" .root.Values.kafka.security.protocol) .root.Values.kafka.security.caSecretName }}
{{- if .values.autoscaling.enabled }}
{{- if and .root.Values.keda.enabled .values.autoscaling.lag }}
---
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  name: {{ $name }}
  labels:
    {{- include "payments.labels" . | nindent 4 }}
spec:
  scaleTargetRef: {name: {{ $name }}}
  minReplicaCount: {{ .values.replicas }}
  maxReplicaCount: {{ .values.autoscaling.max }}
  triggers:
    - type: kafka
      metadata:
        bootstrapServers: {{ .root.Values.kafka.bootstrapServers | quote }}
        consumerGroup: {{ .group }}
        topic: {{ .topic }}
        lagThreshold: {{ .values.autoscaling.lag | quote }}
        {{- with .root.Values.kafka.security }}
        {{- if hasSuffix "SSL" .protocol }}
        tls: enable
        {{- end }}
        {{- if hasPrefix "SASL" .protocol }}
        sasl: {{ get (dict "PLAIN" "plaintext" "SCRAM-SHA-256" "scram_sha256" "SCRAM-SHA-512" "scram_sha512") .mechanism }}
        {{- end }}
        {{- end }}
      {{- if $known }}
      authenticationRef: {name: {{ $name }}}
      {{- end }}
    - type: cpu
      metricType: Utilization
      metadata: {value: {{ .values.autoscaling.cpu | quote }}}
{{- if $known }}
{{- with .root.Values.kafka.security }}
---
# KEDA asks Kafka as the program does that it scales.
apiVersion: keda.sh/v1alpha1
kind: TriggerAuthentication
metadata:
  name: {{ $name }}
  labels:
    {{- include "payments.labels" $ | nindent 4 }}
spec:
  {{- if hasPrefix "SASL" .protocol }}
  env:
    - {parameter: username, name: KAFKA_SASL_USERNAME}
    - {parameter: password, name: KAFKA_SASL_PASSWORD}
  {{- end }}
  {{- with .caSecretName }}
  secretTargetRef:
    - {parameter: ca, name: {{ . }}, key: ca.crt}
  {{- end }}
{{- end }}
{{- end }}
{{- else }}
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ $name }}
  labels:
    {{- include "payments.labels" . | nindent 4 }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ $name }}}
  minReplicas: {{ .values.replicas }}
  maxReplicas: {{ .values.autoscaling.max }}
  metrics:
    - type: Resource
      resource: {name: cpu, target: {type: Utilization, averageUtilization: {{ .values.autoscaling.cpu }}}}
{{- end }}
{{- end }}
{{- if .root.Values.podDisruptionBudget.enabled }}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ $name }}
  labels:
    {{- include "payments.labels" . | nindent 4 }}
spec:
  maxUnavailable: 1
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "payments.selector" . | nindent 6 }}
{{- end }}
{{- end }}
